#pragma once

#include "core/model/architecture.h"
#include "core/model/torch.h"

namespace prefbench::model {

/// cos and sin of every position's angles, computed in float64. Each [tokens, 1, dim / 2].
struct RotaryTable {
    at::Tensor cosine, sine;
};

/// The angles of one kind of layers. Su et al. 2021, "RoFormer"; scaling as transformers' modeling_rope_utils.
/// Frequencies are calculated in float32, as where the models were trained.
class RotaryAngles {
  public:
    RotaryAngles() = default;
    RotaryAngles(const Rotary& rotary, at::Device device);

    /// Whether a sequence's angles depend on how long it is; then `table` needs lengths.
    bool dependsOnLength() const;
    /// positions [tokens]; lengths [tokens]: tokens of the sequence that each belongs to, as long as it is so far (a
    /// prefix shared by several has the longest's).
    RotaryTable table(const at::Tensor& positions, const at::Tensor& lengths, at::ScalarType type) const;
    /// Turns the leading elements of every head. [tokens, heads, headDim] → the same
    at::Tensor rotate(const at::Tensor& x, const RotaryTable& table) const;

  private:
    Rotary rotary_{};
    at::Tensor frequencies_;      ///< [dim / 2] float64, angle per position
    at::Tensor longFrequencies_;  ///< the same beyond the original positions (longrope)
};

}  // namespace prefbench::model
