#include "core/text/chat_template.h"

#include "core/text/utf8.h"
#include "tests/fuzz/fuzz.h"

using namespace prefbench;

namespace {

/// Small enough for thousands of templates a second.
text::templates::Limits limits() {
    text::templates::Limits limits;
    limits.templateBytes = 16 << 10;
    limits.steps = 20'000;
    limits.textBytes = 64 << 10;
    limits.rangeLength = 1000;
    return limits;
}

const std::vector<files::OrderedJson>& conversations() {
    static const std::vector<files::OrderedJson> all = [] {
        std::vector<files::OrderedJson> made;
        for (const char* json : {R"([{"role": "user", "content": "Hi, <b>\u00e9\ud83d\ude00</b>"}])",
                                 R"([{"role": "system", "content": ""}, {"role": "user", "content": " a\nb "},
                     {"role": "assistant", "content": "<think>\nx\n</think>\n\nyes"},
                     {"role": "user", "content": "and?"}])",
                                 R"([{"role": "user", "content": [{"type": "text", "text": "list"}, {"type": "image"}]},
                     {"role": "assistant", "content": null, "reasoning_content": "why",
                      "tool_calls": [{"type": "function", "function": {"name": "f", "arguments": {"x": 1.5, "y": []}}}]},
                     {"role": "tool", "name": "f", "content": "-0.0"}])"}) {
            made.push_back(files::parseOrderedJson(json, {}));
        }
        return made;
    }();
    return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const files::OrderedJson variables = {{"bos_token", "<s>"}, {"eos_token", "</s>"}};
    static const files::OrderedJson tools = files::parseOrderedJson(
        R"({"tools": [{"type": "function", "function": {"name": "f", "description": "d\"'", "parameters": {"type": "object",
            "properties": {"x": {"type": "number"}}}}}], "enable_thinking": true})",
        {});
    fuzz::accepted([&] {
        const text::ChatTemplate chat(std::string(fuzz::viewOf(data, size)), variables, "chat template", limits());
        for (const files::OrderedJson& messages : conversations()) {
            try {
                const bool isLast = &messages == &conversations().back();
                const std::string rendered = isLast ? chat.render(messages, false, tools) : chat.render(messages, true);
                fuzz::require(rendered.size() <= limits().textBytes, "a rendering stays within its limit");
                fuzz::require(text::validUtf8Length(rendered) == rendered.size(), "a rendering is UTF-8");
            } catch (const text::TemplateError& error) {
                fuzz::requireReadable(error);
            }
        }
    });
    return 0;
}
