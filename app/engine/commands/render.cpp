#include "app/engine/commands/commands.h"
#include "app/engine/commands/json_line_loop.h"
#include "core/text/chat_template.h"

namespace prefbench::engine {

namespace {

struct RenderOptions {
    std::string model;
    LineFiles files;
};

const files::OrderedJson& requiredMessages(const files::OrderedJson& line) {
    const auto found = line.is_object() ? line.find("messages") : line.end();
    if (found == line.end()) {
        throw Error("\"messages\" is missing");
    }
    return *found;
}

int render(const RenderOptions& options) {
    const auto chat = text::ChatTemplate::load(options.model);
    return answerLines(options.files, [&](const files::OrderedJson& line) {
        const files::OrderedJson& messages = requiredMessages(line);
        files::OrderedJson variables = line;
        variables.erase("messages");
        variables.erase("add_generation_prompt");
        return files::OrderedJson{
            {"text", chat.render(messages, flagOr(line, "add_generation_prompt", false), variables)}};
    });
}

}  // namespace

void addRender(CLI::App& app, Work& work) {
    auto options = std::make_shared<RenderOptions>();
    CLI::App* command = app.add_subcommand(
        "render",
        R"(JSON lines {"messages", "add_generation_prompt" (default false)} to {"text"} by the chat template)");
    command->add_option("--model", options->model, "model folder with a chat template")->required();
    addLineOptions(*command, options->files);
    command->callback([options, &work] { work = [options] { return render(*options); }; });
}

}  // namespace prefbench::engine
