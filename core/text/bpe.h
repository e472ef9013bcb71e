#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/files/json.h"
#include "core/text/tokenizer.h"

namespace prefbench::text {

/// Byte pair encoding (Sennrich et al. 2016, https://arxiv.org/abs/1508.07909) as tokenizer.json's model "BPE" defines
/// it: vocabulary, ranked merges, byte fallback, unknown token, ignore_merges. Immutable but for a cache of words; safe
/// to use from several threads.
class BpeModel {
  public:
    /// Dropout, prefixes and suffixes are Errors.
    BpeModel(const files::Json& json, const std::string& what);

    /// Appends the ids of one word. O(n log n) in its length.
    void tokenize(std::string_view word, std::vector<TokenId>& ids) const;

    std::optional<TokenId> id(std::string_view token) const;
    /// nullptr when there is no such id.
    const std::string* token(TokenId id) const;
    /// Number of entries; ids may have gaps.
    std::int64_t size() const { return static_cast<std::int64_t>(vocabulary_.size()); }

  private:
    struct TextHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };
    template <typename Value>
    using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;
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

    void readVocabulary(const files::Json& json, const std::string& what);
    void readMerges(const files::Json& json, const std::string& what);
    std::vector<std::int32_t> firstSymbols(std::string_view word) const;
    bool appendBytes(std::string_view character, std::vector<std::int32_t>& symbols) const;
    const Merge* merge(std::int32_t left, std::int32_t right) const;

    TextMap<std::int32_t> vocabulary_;
    std::unordered_map<std::int32_t, const std::string*> tokens_;
    std::unordered_map<std::uint64_t, Merge, PairHash> merges_;
    std::array<std::int32_t, 256> byteIds_{};  ///< of <0x00>…<0xFF>, −1 where missing
    std::optional<std::int32_t> unknownId_;
    bool fuseUnknown_ = false;
    bool byteFallback_ = false;
    bool ignoreMerges_ = false;

    mutable std::shared_mutex cacheLock_;
    mutable TextMap<std::vector<std::int32_t>> cache_;
};

}  // namespace prefbench::text
