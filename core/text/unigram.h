#pragma once

#include <array>

#include "core/text/byte_trie.h"
#include "core/text/model.h"
#include "core/text/vocabulary.h"
#include "core/text/word_cache.h"

namespace prefbench::text {

/// Unigram language model segmentation (Kudo 2018, https://arxiv.org/abs/1804.10959) as tokenizer.json's model
/// "Unigram" defines it: the most probable pieces by Viterbi, neighbouring unknown characters as one, byte fallback.
class UnigramModel : public Model {
  public:
    UnigramModel(const files::Json& json, const std::string& what);
    void tokenize(std::string_view word, std::vector<TokenId>& ids) const override;
    std::optional<TokenId> id(std::string_view token) const override;
    const std::string* token(TokenId id) const override;
    std::int64_t size() const override { return static_cast<std::int64_t>(tokens_.size()); }

  private:
    struct Step {
        double score = 0;  ///< of the best pieces up to here
        std::int32_t id = 0;
        std::ptrdiff_t start = -1;  ///< of the last of them; −1 where no piece ends
    };
    void readVocabulary(const files::Json& json, const std::string& what);
    std::vector<Step> bestSteps(std::string_view word) const;
    void appendPiece(std::string_view piece, std::vector<std::int32_t>& ids) const;
    std::int32_t requireUnknown() const;

    std::string what_;
    std::vector<std::string> tokens_;
    std::vector<double> scores_;
    TextMap<std::int32_t> ids_;
    ByteTrie trie_;
    double unknownScore_ = 0;
    std::optional<std::int32_t> unknownId_;
    bool byteFallback_ = false;
    std::array<std::int32_t, 256> byteIds_{};  ///< of <0x00>…<0xFF>, −1 where missing
    mutable WordCache cache_;
};

}  // namespace prefbench::text
