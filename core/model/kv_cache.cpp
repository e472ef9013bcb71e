#include "core/model/kv_cache.h"

#include <algorithm>

#include "core/files/error.h"

namespace prefbench::model {
namespace {

constexpr std::int64_t growthTokens = 32;  ///< more than needed, so that rows are not copied for every token

}  // namespace

KvCache::KvCache(const Transformer& model, std::int64_t sequences, std::int64_t capacity)
    : capacity_(std::max<std::int64_t>(capacity, 1)), lengths_(static_cast<std::size_t>(sequences), 0) {
    const Architecture& a = model.architecture();
    const auto options = at::TensorOptions(model.device()).dtype(model.computeType());
    for (std::int64_t layer = 0; layer < a.layers; ++layer) {
        // Zeros, not what memory held: masked positions are multiplied by 0, and 0 · NaN is NaN.
        keys_.push_back(at::zeros({sequences, capacity_, a.kvHeads, a.headDim}, options));
        values_.push_back(at::zeros({sequences, capacity_, a.kvHeads, a.headDim}, options));
    }
}

std::int64_t KvCache::longest() const {
    return lengths_.empty() ? 0 : *std::max_element(lengths_.begin(), lengths_.end());
}

void KvCache::truncate(const std::vector<std::int64_t>& lengths) {
    for (std::size_t row = 0; row < lengths.size(); ++row) {
        if (lengths.size() != lengths_.size() || lengths[row] > lengths_[row] || lengths[row] < 0) {
            throw Error("a cache's rows can only be shortened");
        }
    }
    lengths_ = lengths;
}

KvCache KvCache::select(const std::vector<std::int64_t>& rows) const {
    KvCache result;
    for (const std::int64_t row : rows) {
        result.lengths_.push_back(lengths_.at(static_cast<std::size_t>(row)));
    }
    result.capacity_ = std::max<std::int64_t>(result.longest(), 1);
    const at::Tensor index = at::tensor(rows, at::kLong).to(keys_.front().device());
    for (std::size_t layer = 0; layer < keys_.size(); ++layer) {
        result.keys_.push_back(keys_[layer].narrow(1, 0, result.capacity_).index_select(0, index));
        result.values_.push_back(values_[layer].narrow(1, 0, result.capacity_).index_select(0, index));
    }
    return result;
}

void KvCache::join(const KvCache& other) {
    grow(other.capacity_);
    for (std::size_t layer = 0; layer < keys_.size(); ++layer) {
        const auto joined = [&](const at::Tensor& mine, const at::Tensor& theirs) {
            return at::cat({mine, at::constant_pad_nd(theirs, {0, 0, 0, 0, 0, capacity_ - other.capacity_})});
        };
        keys_[layer] = joined(keys_[layer], other.keys_[layer]);
        values_[layer] = joined(values_[layer], other.values_[layer]);
    }
    lengths_.insert(lengths_.end(), other.lengths_.begin(), other.lengths_.end());
}

void KvCache::grow(std::int64_t capacity) {
    if (capacity <= capacity_) {
        return;
    }
    for (auto* tensors : {&keys_, &values_}) {
        for (at::Tensor& tensor : *tensors) {
            tensor = at::constant_pad_nd(tensor, {0, 0, 0, 0, 0, capacity - capacity_});
        }
    }
    capacity_ = capacity;
}

void KvCache::reserve(std::int64_t newTokens) {
    const std::int64_t needed = longest() + newTokens;
    if (needed > capacity_) {
        grow(std::max(needed + growthTokens, capacity_ + capacity_ / 2));
    }
}

KvCache::View KvCache::append(std::int64_t layer, const at::Tensor& keys, const at::Tensor& values,
                              const at::Tensor& positions) {
    const std::int64_t newTokens = positions.size(1);
    const std::int64_t total = longest() + newTokens;
    const auto rows = at::arange(sequences(), positions.options()).unsqueeze(1);
    const auto store = [&](at::Tensor& all, const at::Tensor& added) {
        all.index_put_({rows, positions}, added);
        return all.narrow(1, 0, total).transpose(1, 2);
    };
    const auto index = static_cast<std::size_t>(layer);
    return {store(keys_[index], keys), store(values_[index], values)};
}

void KvCache::advance(std::int64_t newTokens) {
    for (std::int64_t& length : lengths_) {
        length += newTokens;
    }
}

}  // namespace prefbench::model
