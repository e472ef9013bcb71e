#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/model/attention.h"
#include "core/model/torch.h"
#include "core/model/transformer.h"

namespace prefbench::model {

/// Keys and values of a batch of sequences of different lengths, one row a sequence. Grows as tokens are appended.
class KvCache {
  public:
    /// `sequences` empty rows with room for `capacity` tokens each.
    KvCache(const Transformer& model, std::int64_t sequences, std::int64_t capacity);

    std::int64_t sequences() const { return static_cast<std::int64_t>(lengths_.size()); }
    std::int64_t capacity() const { return capacity_; }
    /// Tokens that each row holds.
    const std::vector<std::int64_t>& lengths() const { return lengths_; }
    std::int64_t longest() const;

    /// Forgets tokens from the end of rows: after a prefill of prompts padded on the right, their true lengths. No
    /// length may exceed the row's present one.
    void truncate(const std::vector<std::int64_t>& lengths);

    /// The cache whose rows are `rows` of this one, in order; a row may be named several times (the samples of one
    /// prompt) or not at all. There is room for some more tokens.
    KvCache select(const std::vector<std::int64_t>& rows) const;
    /// Appends the rows of `other`, a cache of the same model.
    void join(const KvCache& other);

    /// What rows that were selected from one row have in common: their tokens up to then.
    const SharedPast& shared() const { return shared_; }

    /// One layer's keys and values of `newTokens` tokens appended to every row, and views of all it then holds. Rows
    /// grow once for all layers, by `advance`.
    struct View {
        at::Tensor keys, values;  ///< [sequences, kvHeads, longest + new tokens, headDim]
    };
    View append(std::int64_t layer, const at::Tensor& keys, const at::Tensor& values, const at::Tensor& positions);
    void reserve(std::int64_t newTokens);
    void advance(std::int64_t newTokens);

  private:
    KvCache() = default;
    void grow(std::int64_t capacity);
    SharedPast sharedBy(const std::vector<std::int64_t>& rows) const;

    std::int64_t capacity_ = 0;
    std::vector<std::int64_t> lengths_;
    SharedPast shared_;
    /// Each [sequences, capacity, kvHeads, headDim]
    std::vector<at::Tensor> keys_, values_;
};

}  // namespace prefbench::model
