#pragma once

#include <array>
#include <unordered_map>

#include "core/text/model.h"
#include "core/text/vocabulary.h"
#include "core/text/word_cache.h"

namespace prefbench::text {

/// Byte pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909) as tokenizer.json's model "BPE" defines
/// it: vocabulary, ranked merges, byte fallback, unknown token, ignore_merges.
class BpeModel : public Model {
  public:
    /// Dropout, prefixes and suffixes are Errors.
    BpeModel(const files::Json& json, const std::string& what);

    /// O(n log n) in the word's length.
    void tokenize(std::string_view word, std::vector<TokenId>& ids) const override;
    std::optional<TokenId> id(std::string_view token) const override { return vocabulary_.id(token); }
    const std::string* token(TokenId id) const override { return vocabulary_.token(id); }
    std::int64_t size() const override { return vocabulary_.size(); }

  private:
    struct Merge {
        std::int32_t rank;
        std::int32_t id;
    };
    struct PairHash {
        /// The finalizer of MurmurHash3: neighbouring ids must not fall into neighbouring buckets' chains.
        std::size_t operator()(std::uint64_t pair) const {
            pair = (pair ^ pair >> 33) * 0xff51afd7ed558ccdULL;
            return pair ^ pair >> 33;
        }
    };
    class Word;

    void readMerges(const files::Json& json, const std::string& what);
    std::vector<std::int32_t> firstSymbols(std::string_view word) const;
    const Merge* merge(std::int32_t left, std::int32_t right) const;

    Vocabulary vocabulary_;
    std::unordered_map<std::uint64_t, Merge, PairHash> merges_;
    std::array<std::int32_t, 256> byteIds_{};  ///< of <0x00>…<0xFF>, −1 where missing
    std::optional<std::int32_t> unknownId_;
    bool fuseUnknown_ = false;
    bool byteFallback_ = false;
    bool ignoreMerges_ = false;

    mutable WordCache cache_;
};

}  // namespace prefbench::text
