#pragma once

#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "core/text/tokenizer.h"
#include "core/text/vocabulary.h"

namespace prefbench::text {

/// The ids of words seen before: text repeats its words. Safe to use from several threads.
class WordCache {
  public:
    /// Appends the word's ids; false when they are not known.
    bool append(std::string_view word, std::vector<TokenId>& ids) const {
        if (word.size() > maxWordBytes) {
            return false;
        }
        const std::shared_lock lock(lock_);
        const auto found = words_.find(word);
        if (found == words_.end()) {
            return false;
        }
        ids.insert(ids.end(), found->second.begin(), found->second.end());
        return true;
    }

    /// Keeps [begin, end) as the word's ids while there is room.
    template <typename Iterator>
    void remember(std::string_view word, Iterator begin, Iterator end) {
        if (word.size() > maxWordBytes) {
            return;
        }
        const std::unique_lock lock(lock_);
        if (words_.size() < maxWords) {
            words_.try_emplace(std::string(word), begin, end);
        }
    }

  private:
    static constexpr std::size_t maxWords = 20000;
    static constexpr std::size_t maxWordBytes = 256;

    mutable std::shared_mutex lock_;
    TextMap<std::vector<std::int32_t>> words_;
};

}  // namespace prefbench::text
