#include "core/text/tokenizer.h"

#include <system_error>

#include "core/files/error.h"
#include "core/files/json.h"
#include "core/text/json_tokenizer.h"

namespace prefbench::text {

namespace {

std::shared_ptr<JsonTokenizer> read(const std::filesystem::path& file) {
    return std::make_shared<JsonTokenizer>(files::readJsonFile(file), file.string());
}

}  // namespace

std::shared_ptr<const Tokenizer> Tokenizer::loadFile(const std::filesystem::path& tokenizerJson) {
    return read(tokenizerJson);
}

std::shared_ptr<const Tokenizer> Tokenizer::load(const std::filesystem::path& folder) {
    std::error_code ignored;
    const std::filesystem::path file = folder / "tokenizer.json";
    if (!std::filesystem::exists(file, ignored)) {
        throw Error(folder.string() + ": tokenizer.json is missing");
    }
    const std::shared_ptr<JsonTokenizer> tokenizer = read(file);
    const std::filesystem::path config = folder / "tokenizer_config.json";
    if (std::filesystem::exists(config, ignored)) {
        tokenizer->readConfig(files::readJsonFile(config), config.string());
    }
    return tokenizer;
}

}  // namespace prefbench::text
