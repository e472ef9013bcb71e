#include "core/text/chat_template.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/files/chat_template_source.h"
#include "core/text/templates/interpreter.h"
#include "core/text/templates/lexer.h"
#include "core/text/templates/parser.h"
#include "core/text/utf8.h"

namespace prefbench::text {

using files::OrderedJson;

namespace {

[[noreturn]] void fail(const std::string& name, int line, const templates::Failure& failure) {
    const bool isRaised = dynamic_cast<const templates::Raised*>(&failure) != nullptr;
    throw TemplateError(name + ", line " + std::to_string(line) + ": " + failure.reason, failure.reason, isRaised);
}

/// As transformers hands a message to its template: without the keys that are null, and with the reasoning under each
/// name that templates read.
templates::Value messageValue(templates::Budget& budget, const OrderedJson& message) {
    static constexpr std::array<const char*, 3> names = {"reasoning_content", "thinking", "reasoning"};
    const auto given = std::find_if(names.begin(), names.end(), [&](const char* name) {
        return message.contains(name) && !message[name].is_null();
    });
    const bool hasReasoning = given != names.end();
    templates::DictBuilder built(budget);
    if (hasReasoning) {
        built.set("thinking", fromJson(budget, message[*given]));
    }
    for (const auto& [key, value] : message.items()) {
        if (!value.is_null()) {
            built.set(key, fromJson(budget, value));
        }
    }
    if (hasReasoning) {
        built.set("reasoning_content", fromJson(budget, message[*given]));
    }
    return built.take();
}

templates::Value messageValues(templates::Budget& budget, const OrderedJson& messages) {
    if (!messages.is_array()) {
        throw templates::Failure("messages must be a list, found " + files::toLine(messages).substr(0, 80));
    }
    if (messages.empty()) {
        throw templates::Failure("messages must not be empty");
    }
    std::vector<templates::Value> values;
    for (const OrderedJson& message : messages) {
        if (!message.is_object()) {
            throw templates::Failure("each message must be an object, found " + files::toLine(message).substr(0, 80));
        }
        values.push_back(messageValue(budget, message));
    }
    return makeSequence(budget, std::move(values));
}

/// A special token is a text, or an object with its text as content.
std::optional<std::string> tokenText(const OrderedJson& value) {
    const OrderedJson& text = value.is_object() && value.contains("content") ? value["content"] : value;
    return text.is_string() ? std::optional(text.get<std::string>()) : std::nullopt;
}

OrderedJson specialTokens(const OrderedJson& config) {
    OrderedJson tokens = OrderedJson::object();
    for (const char* name :
         {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
        const auto text = config.contains(name) ? tokenText(config[name]) : std::nullopt;
        if (text) {
            tokens[name] = *text;
        }
    }
    return tokens;
}

}  // namespace

struct ChatTemplate::Parsed {
    templates::Body body;
};

ChatTemplate::ChatTemplate(const std::string& source, OrderedJson variables, std::string name,
                           const templates::Limits& limits)
    : variables_(std::move(variables)), name_(std::move(name)), limits_(limits) {
    if (source.size() > limits_.templateBytes) {
        throw Error(name_ + ": longer than " + std::to_string(limits_.templateBytes) + " bytes");
    }
    if (validUtf8Length(source) != source.size()) {
        throw Error(name_ + ": not valid UTF-8");
    }
    templates::Budget budget(limits_);
    try {
        parsed_ = std::make_unique<const Parsed>(Parsed{templates::parse(budget, source)});
    } catch (const templates::SyntaxFailure& failure) {
        fail(name_, failure.line, failure);
    } catch (const templates::Failure& failure) {
        fail(name_, 1, failure);
    }
}

ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

std::string ChatTemplate::render(const OrderedJson& messages, bool addGenerationPrompt,
                                 const OrderedJson& variables) const {
    templates::Budget budget(limits_);
    templates::Interpreter interpreter(budget);
    try {
        interpreter.setVariable("tools", templates::Value());
        interpreter.setVariable("documents", templates::Value());
        for (const OrderedJson* given : {&variables_, &variables}) {
            for (const auto& [name, value] : given->items()) {
                interpreter.setVariable(name, fromJson(budget, value));
            }
        }
        interpreter.setVariable("messages", messageValues(budget, messages));
        interpreter.setVariable("add_generation_prompt", templates::Value(addGenerationPrompt));
        return interpreter.render(parsed_->body);
    } catch (const templates::Failure& failure) {
        fail(name_, std::max(1, interpreter.line()), failure);
    }
}

ChatTemplate ChatTemplate::load(const std::filesystem::path& folder) {
    const files::ChatTemplateSource found = files::readChatTemplateSource(folder);
    return ChatTemplate(found.source, specialTokens(found.tokenizerConfig), found.name);
}

}  // namespace prefbench::text
