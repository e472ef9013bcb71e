#pragma once

#include "core/text/added_tokens.h"
#include "core/text/decoders.h"
#include "core/text/model.h"
#include "core/text/normalizers.h"
#include "core/text/post_processors.h"
#include "core/text/pre_tokenizers.h"
#include "core/text/tokenizer.h"

namespace prefbench::text {

/// A tokenizer.json: added tokens → normalizer → pre-tokenizer → model → post-processor, and back by the decoder.
class JsonTokenizer : public Tokenizer {
  public:
    /// `what` names the file.
    JsonTokenizer(const files::Json& json, const std::string& what);

    /// Takes bos_token and eos_token from tokenizer_config.json; a token outside the vocabulary stays unknown.
    void readConfig(const files::Json& config, const std::string& what);

    std::vector<TokenId> encode(std::string_view utf8, bool addSpecialTokens) const override;
    std::string token(TokenId id) const override;
    bool isSpecial(TokenId id) const override;
    std::string decode(std::span<const TokenId> ids, bool skipSpecialTokens) const override;
    std::unique_ptr<Decoding> startDecoding(bool skipSpecialTokens) const override;
    std::int64_t vocabularySize() const override;

  private:
    /// `beginsText`: the part begins where the whole text does.
    void encodeNormalized(std::string_view text, bool beginsText, std::vector<TokenId>& ids) const;
    void encodeWords(std::string_view text, bool beginsText, std::vector<TokenId>& ids) const;
    const std::string* find(TokenId id) const;
    std::optional<TokenId> idOf(const files::Json& config, const char* key, const std::string& what) const;

    std::string what_;
    std::unique_ptr<const Model> model_;
    std::unique_ptr<const Normalizer> normalizer_;
    std::unique_ptr<const PreTokenizer> preTokenizer_;
    std::unique_ptr<const PostProcessor> postProcessor_;
    std::unique_ptr<const Decoder> decoder_;
    AddedTokens added_;
};

}  // namespace prefbench::text
