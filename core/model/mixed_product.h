#pragma once

#include <cstdint>
#include <unordered_map>

#include "core/model/torch.h"

namespace prefbench::model {

// Products of float32 tensors whose factors are rounded to a narrower type on the way, while weights, their gradients
// and all that is not a product stay float32, as torch's autocast does it. Micikevicius et al., Mixed Precision
// Training, arXiv:1710.03740; Kalamkar et al., A Study of BFLOAT16 for Deep Learning Training, arXiv:1905.12322.

/// Rounded copies of weights: made when they are first asked for, and again when a weight has changed since, which its
/// version tells. What writes to a weight past that counter must raise it (noteChange). Not thread-safe.
class RoundedWeights {
  public:
    explicit RoundedWeights(at::ScalarType type) : type_(type) {}
    at::ScalarType type() const { return type_; }
    /// `weight` in type(), without gradients. The copy is written over by a later call if the weight has changed; a
    /// backward pass that still needs it then throws.
    at::Tensor of(const at::Tensor& weight);

  private:
    struct Copy {
        at::Tensor weight;  ///< held, so that no other takes its address
        at::Tensor rounded;
        std::int64_t version = 0;
    };
    at::ScalarType type_;
    std::unordered_map<const c10::TensorImpl*, Copy> copies_;
};

/// Tells RoundedWeights that the weight was written to by an operation that torch does not count as a change.
void noteChange(const at::Tensor& weight);

/// What one product or several read.
struct ProductInput {
    at::Tensor values;   ///< [n, inputs]
    at::Tensor rounded;  ///< the same in the products' type, without gradients; undefined: products are of the values'
};
/// `rounded` may be null.
ProductInput productInput(const at::Tensor& values, const RoundedWeights* rounded);

/// x · Wᵀ + bias of the rounded factors. weight [outputs, inputs], or where `inputsFirst` [inputs, outputs]; bias
/// [outputs] or undefined; both float32 → [n, outputs] float32. Differentiable in x.values, weight and bias, with
/// float32 gradients; the backward pass keeps x.rounded, and that only where the weight needs it.
at::Tensor mixedProduct(const ProductInput& x, const at::Tensor& weight, bool inputsFirst, const at::Tensor& bias,
                        RoundedWeights& rounded);

}  // namespace prefbench::model
