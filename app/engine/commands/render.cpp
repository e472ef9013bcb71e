#include <optional>

#include "app/engine/commands/commands.h"
#include "app/engine/commands/folder_options.h"
#include "app/engine/commands/json_line_loop.h"
#include "app/engine/commands/prompts.h"
#include "core/files/adapter_folder.h"

namespace prefbench::engine {

namespace {

struct RenderOptions {
    std::string model, base;
    bool tokens = false;
    LineFiles files;
};

const files::OrderedJson& requiredMessages(const files::OrderedJson& line) {
    const auto found = line.is_object() ? line.find("messages") : line.end();
    if (found == line.end()) {
        throw Error("\"messages\" is missing");
    }
    return *found;
}

std::string renderedText(const text::ChatTemplate& chat, const files::OrderedJson& line) {
    const files::OrderedJson& messages = requiredMessages(line);
    files::OrderedJson variables = line;
    variables.erase("messages");
    variables.erase("add_generation_prompt");
    return chat.render(messages, flagOr(line, "add_generation_prompt", false), variables);
}

int render(const RenderOptions& options) {
    const auto chat = text::ChatTemplate::load(files::tokenizerFolder(options.model, options.base));
    return answerLines(options.files, [&](const files::OrderedJson& line) {
        return files::OrderedJson{{"text", renderedText(chat, line)}};
    });
}

/// A line may be a plain prompt here, so that a model needs a template only where a conversation asks for it.
class TokenRenderer {
  public:
    explicit TokenRenderer(const std::filesystem::path& model)
        : model_(model), tokenizer_(text::Tokenizer::load(model)) {}

    files::OrderedJson answer(const files::OrderedJson& line) {
        contract::Rendering rendering;
        std::vector<text::TokenId> ids;
        if (line.is_object() && line.contains("messages")) {
            rendering.text = renderedText(chatTemplate(), line);
            ids = tokenizer_->encode(rendering.text, /*addSpecialTokens=*/false);
        } else {
            rendering.text = contract::promptFromJson(line).text;
            ids = plainPromptIds(*tokenizer_, rendering.text);
        }
        rendering.tokens = shown(*tokenizer_, ids);
        files::OrderedJson answer = {{"text", rendering.text}, {"ids", ids}};
        answer.update(toJson(rendering));
        return answer;
    }

  private:
    const text::ChatTemplate& chatTemplate() {
        if (!template_) {
            template_.emplace(text::ChatTemplate::load(model_));
        }
        return *template_;
    }

    std::filesystem::path model_;
    std::shared_ptr<const text::Tokenizer> tokenizer_;
    std::optional<text::ChatTemplate> template_;
};

int renderTokens(const RenderOptions& options) {
    TokenRenderer renderer(files::tokenizerFolder(options.model, options.base));
    return answerLines(options.files, [&](const files::OrderedJson& line) { return renderer.answer(line); });
}

}  // namespace

void addRender(CLI::App& app, Work& work) {
    auto options = std::make_shared<RenderOptions>();
    CLI::App* command = app.add_subcommand(
        "render",
        R"(JSON lines {"messages", "add_generation_prompt" (default false)} to {"text"} by the chat template)");
    addFolderOptions(*command, options->model, options->base);
    command->add_flag("--tokens", options->tokens,
                      R"(add "ids" and "tokens"; a line may also be {"prompt"}, plain text as the model reads it)");
    addLineOptions(*command, options->files);
    command->callback(
        [options, &work] { work = [options] { return options->tokens ? renderTokens(*options) : render(*options); }; });
}

}  // namespace prefbench::engine
