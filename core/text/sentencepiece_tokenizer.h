#pragma once

#include <filesystem>
#include <memory>

#include "core/files/json.h"
#include "core/text/sentencepiece_file.h"
#include "core/text/sentencepiece_unigram.h"
#include "core/text/tokenizer.h"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace prefbench::text {

/// A tokenizer.model: ids by the sentencepiece library, BPE or unigram. Control symbols such as <s> are never found in
/// text, and decode to nothing.
class SentencePieceTokenizer : public Tokenizer {
  public:
    explicit SentencePieceTokenizer(const std::filesystem::path& file);
    ~SentencePieceTokenizer() override;

    /// Takes bos_token, eos_token, add_bos_token and add_eos_token from tokenizer_config.json. Tokens that it adds to
    /// those of the model are an Error.
    void readConfig(const files::Json& config, const std::string& what);

    std::vector<TokenId> encode(std::string_view utf8, bool addSpecialTokens) const override;
    std::string token(TokenId id) const override;
    bool isSpecial(TokenId id) const override;
    std::string decode(std::span<const TokenId> ids, bool skipSpecialTokens) const override;
    std::unique_ptr<Decoding> startDecoding(bool skipSpecialTokens) const override;
    std::int64_t vocabularySize() const override;

  private:
    std::optional<TokenId> idOf(const files::Json& config, const char* key, const std::string& what) const;

    std::string normalized(std::string_view utf8) const;

    SentencePieceFile file_;
    std::unique_ptr<const SentencePieceUnigram> unigram_;  ///< none for BPE
    std::unique_ptr<sentencepiece::SentencePieceProcessor> processor_;
    bool addBos_ = false;
    bool addEos_ = false;
};

}  // namespace prefbench::text
