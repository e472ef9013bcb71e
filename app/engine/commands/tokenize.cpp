#include "app/engine/commands/commands.h"
#include "app/engine/commands/folder_options.h"
#include "app/engine/commands/json_line_loop.h"
#include "core/files/adapter_folder.h"
#include "core/text/tokenizer.h"

namespace prefbench::engine {

namespace {

struct TokenizeOptions {
    std::string model, base;
    LineFiles files;
};

int tokenize(const TokenizeOptions& options) {
    const auto tokenizer = text::Tokenizer::load(files::tokenizerFolder(options.model, options.base));
    return answerLines(options.files, [&](const files::OrderedJson& line) {
        const std::vector<text::TokenId> ids =
            tokenizer->encode(requiredText(line, "text"), flagOr(line, "add_special_tokens", true));
        return files::OrderedJson{{"ids", ids}, {"decoded", tokenizer->decode(ids, false)}};
    });
}

}  // namespace

void addTokenize(CLI::App& app, Work& work) {
    auto options = std::make_shared<TokenizeOptions>();
    CLI::App* command = app.add_subcommand(
        "tokenize", R"(JSON lines {"text", "add_special_tokens" (default true)} to {"ids", "decoded"})");
    addFolderOptions(*command, options->model, options->base);
    addLineOptions(*command, options->files);
    command->callback([options, &work] { work = [options] { return tokenize(*options); }; });
}

}  // namespace prefbench::engine
