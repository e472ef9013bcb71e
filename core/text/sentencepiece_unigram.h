#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/text/byte_trie.h"
#include "core/text/sentencepiece_file.h"
#include "core/text/tokenizer.h"

namespace prefbench::text {

/// Unigram segmentation with the arithmetic of SentencePiece 0.2 (scores in 32 bits). 0.1.97 compares in
/// 64 bits with what it rounded to 32, and so breaks ties another way: its own segmentation cannot be used where newer
/// ids are expected. Immutable.
class SentencePieceUnigram {
  public:
    explicit SentencePieceUnigram(const SentencePieceFile& file);
    /// Ids of text that is normalized already. O(n · longest piece).
    std::vector<TokenId> encode(std::string_view normalized) const;

  private:
    struct Step {
        float score = 0;
        std::int32_t id = 0;
        std::ptrdiff_t start = -1;
    };
    std::vector<Step> bestSteps(std::string_view text) const;
    float scoreOf(std::int32_t id, std::size_t bytes) const;

    const SentencePieceFile& file_;
    ByteTrie trie_;
    float unknownScore_ = 0;
    float greatestScore_ = 0;
    std::int32_t unknownId_ = 0;
    std::array<std::int32_t, 256> byteIds_{};
    bool byteFallback_ = false;
};

}  // namespace prefbench::text
