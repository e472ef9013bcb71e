#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "core/model/torch.h"

namespace prefbench::model {

/// One number of several.
std::uint64_t keyOf(std::initializer_list<std::uint64_t> numbers);

/// What the masks of a packed batch are drawn by: a key and a number of tokens for each tree.
struct DropoutKeys {
    std::vector<std::uint64_t> keys;  ///< empty: nothing is dropped
    std::vector<std::int64_t> tokens;
};

/// Where a forward pass drops elements; each layer has its own masks.
enum class DropoutSite : std::uint64_t { Adapter, Embedding, AttentionWeights, AttentionOutput, MlpOutput };

/// Dropout in one place: a share of the elements becomes 0, the others are divided by 1 − share (Srivastava et al.
/// 2014). Masks are functions of a tree's key, site and layer, whatever was drawn before and whatever else is in the
/// batch: a resumed run, other parts of a step and a block that is computed twice drop the same. Drawn on the CPU, so
/// that every device drops the same.
class Dropout {
  public:
    /// `keys` must outlive it.
    Dropout(const DropoutKeys& keys, double share, DropoutSite site, std::int64_t layer = 0)
        : keys_(keys), share_(share), site_(site), layer_(layer) {}

    bool drops() const { return share_ > 0 && !keys_.keys.empty(); }
    /// x [tokens of all trees, …], tree by tree.
    at::Tensor operator()(const at::Tensor& x) const;
    /// 0 or 1 / (1 − share), to multiply a tree's numbers with; of `like`'s sizes, type and device.
    at::Tensor mask(std::size_t tree, const at::Tensor& like) const;

  private:
    void draw(std::size_t tree, at::Tensor mask) const;

    const DropoutKeys& keys_;
    double share_;
    DropoutSite site_;
    std::int64_t layer_;
};

}  // namespace prefbench::model
