#pragma once

#include "core/model/torch.h"

namespace prefbench::model {

/// Rows up to which decoding is no slower by rowProducts than by a library's matrix product (docs/performance.md):
/// those copy all weights into an order of their own first, which pays only where many rows share the copy.
constexpr std::int64_t mostRowsForRowProducts = 32;

/// Whether rowProducts takes them: few rows, float32, on the CPU, no gradients wanted.
bool rowProductsTake(const at::Tensor& x, const at::Tensor& weight);

/// x · weightᵀ of weight [outputs, inputs], or, where `inputsFirst`, x · weight of weight [inputs, outputs]; plus bias
/// [outputs] unless undefined. x [rows, inputs] → [rows, outputs]. Weights pass through the cache once. A row's result
/// does not depend on the other rows.
at::Tensor rowProducts(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool inputsFirst);

}  // namespace prefbench::model
