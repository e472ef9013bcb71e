#pragma once

#include <functional>

#include "core/model/torch.h"

namespace prefbench::model {

/// Part of a forward pass: a function of x, of leaves and of nothing else.
using Recomputable = std::function<at::Tensor(const at::Tensor& x)>;

/// block(x), of which x alone is kept: the backward pass computes the block anew. Chen et al., Training Deep Nets with
/// Sublinear Memory Cost, arXiv:1604.06174. Values and gradients are those of block(x), bit for bit; gradients of
/// leaves are added to them, so that the backward pass must be one that accumulates (at::Tensor::backward).
at::Tensor checkpointed(const Recomputable& block, const at::Tensor& x);

}  // namespace prefbench::model
