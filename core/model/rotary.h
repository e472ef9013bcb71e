#pragma once

#include "core/model/architecture.h"
#include "core/model/torch.h"

namespace prefbench::model {

/// Angle per position of each pair of a head's elements, with the architecture's scaling. Su et al. 2021, "RoFormer";
/// Llama 3.1's scaling as published with its weights. Calculated in float32, as where the models were trained.
/// [headDim / 2] float64
at::Tensor rotaryFrequencies(const Architecture& architecture);

/// cos and sin of every position's angles, computed in float64. Each [tokens, 1, headDim / 2] in `type`.
struct RotaryTable {
    at::Tensor cosine, sine;
};
RotaryTable rotaryTable(const at::Tensor& frequencies, const at::Tensor& positions, at::ScalarType type);

/// Turns element i together with element i + headDim / 2 (the order of Hugging Face's weights).
/// [tokens, heads, headDim] → the same
at::Tensor rotate(const at::Tensor& x, const RotaryTable& table);

}  // namespace prefbench::model
