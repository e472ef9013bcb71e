#include "core/model/kv_cache.h"

#include <algorithm>
#include <numeric>

#include "core/files/error.h"

namespace prefbench::model {
namespace {

constexpr std::int64_t growthTokens = 32;  ///< more than needed, so that rows are not copied for every token

constexpr std::int64_t selectedRoom = 64;  ///< for tokens to come, so that what was just copied is not copied again

}  // namespace

KvCache::KvCache(const Transformer& model, std::int64_t sequences, std::int64_t capacity)
    : capacity_(std::max<std::int64_t>(capacity, 1)), lengths_(static_cast<std::size_t>(sequences), 0) {
    shared_.leaders.resize(lengths_.size());
    std::iota(shared_.leaders.begin(), shared_.leaders.end(), 0);
    shared_.tokens.resize(lengths_.size(), 0);
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
    for (std::size_t row = 0; row < lengths.size(); ++row) {
        const std::int64_t ofLeader = lengths[static_cast<std::size_t>(shared_.leaders[row])];
        shared_.tokens[row] = std::min({shared_.tokens[row], lengths[row], ofLeader});
    }
}

/// Each selected row is led by the first that came from the same row, or from a row with the same leader.
SharedPast KvCache::sharedBy(const std::vector<std::int64_t>& rows) const {
    SharedPast result;
    const auto leader = [&](std::int64_t row) { return shared_.leaders[static_cast<std::size_t>(row)]; };
    const auto tokens = [&](std::int64_t row) {
        return (leader(row) == row ? lengths_ : shared_.tokens)[static_cast<std::size_t>(row)];
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto first =
            std::find_if(rows.begin(), rows.end(), [&](std::int64_t row) { return leader(row) == leader(rows[i]); });
        result.leaders.push_back(first - rows.begin());
        const bool isSame = *first == rows[i];
        result.tokens.push_back(isSame ? lengths_[static_cast<std::size_t>(rows[i])]
                                       : std::min(tokens(*first), tokens(rows[i])));
    }
    return result;
}

KvCache KvCache::select(const std::vector<std::int64_t>& rows) const {
    KvCache result;
    for (const std::int64_t row : rows) {
        result.lengths_.push_back(lengths_.at(static_cast<std::size_t>(row)));
    }
    result.shared_ = sharedBy(rows);
    const std::int64_t held = result.longest();
    result.capacity_ = held + selectedRoom;
    const at::Tensor index = at::tensor(rows, at::kLong).to(keys_.front().device());
    const auto selected = [&](const at::Tensor& all) {
        auto sizes = all.sizes().vec();
        sizes[0] = index.size(0);
        sizes[1] = result.capacity_;
        at::Tensor chosen = at::empty(sizes, all.options());
        chosen.narrow(1, 0, held).copy_(all.narrow(1, 0, held).index_select(0, index));
        chosen.narrow(1, held, selectedRoom).zero_();
        return chosen;
    };
    for (std::size_t layer = 0; layer < keys_.size(); ++layer) {
        result.keys_.push_back(selected(keys_[layer]));
        result.values_.push_back(selected(values_[layer]));
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
    for (const std::int64_t leader : other.shared_.leaders) {
        shared_.leaders.push_back(leader + sequences());
    }
    shared_.tokens.insert(shared_.tokens.end(), other.shared_.tokens.begin(), other.shared_.tokens.end());
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
