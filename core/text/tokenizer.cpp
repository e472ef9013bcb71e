#include "core/text/tokenizer.h"

#include <system_error>

#include "core/files/error.h"
#include "core/files/json.h"
#include "core/text/json_tokenizer.h"
#include "core/text/sentencepiece_tokenizer.h"

namespace prefbench::text {

namespace {

bool isThere(const std::filesystem::path& file) {
    std::error_code ignored;
    return std::filesystem::exists(file, ignored);
}

template <typename Kind>
std::shared_ptr<const Tokenizer> configured(const std::shared_ptr<Kind>& tokenizer,
                                            const std::filesystem::path& folder) {
    const std::filesystem::path config = folder / "tokenizer_config.json";
    if (isThere(config)) {
        tokenizer->readConfig(files::readJsonFile(config), config.string());
    }
    return tokenizer;
}

std::shared_ptr<JsonTokenizer> readJson(const std::filesystem::path& file) {
    return std::make_shared<JsonTokenizer>(files::readJsonFile(file), file.string());
}

}  // namespace

std::shared_ptr<const Tokenizer> Tokenizer::loadFile(const std::filesystem::path& file) {
    if (file.extension() == ".model") {
        return std::make_shared<SentencePieceTokenizer>(file);
    }
    return readJson(file);
}

std::shared_ptr<const Tokenizer> Tokenizer::load(const std::filesystem::path& folder) {
    if (isThere(folder / "tokenizer.json")) {
        return configured(readJson(folder / "tokenizer.json"), folder);
    }
    if (isThere(folder / "tokenizer.model")) {
        return configured(std::make_shared<SentencePieceTokenizer>(folder / "tokenizer.model"), folder);
    }
    throw Error(folder.string() +
                ": tokenizer.json is missing, and tokenizer.model too; transformers writes one: "
                "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)");
}

}  // namespace prefbench::text
