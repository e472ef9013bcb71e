#pragma once

#include <optional>
#include <string>

#include "core/model/panel_kernels.h"
#include "core/model/torch.h"

namespace prefbench::model {

/// A copy of a float32 weight matrix in memory, in the order in which products of few rows read it: decoding takes the
/// time that the weights take to pass from memory. A library would copy them into an order of its own at every product.
class PackedMatrix {
  public:
    /// weight [outputs, inputs], or where `inputsFirst` [inputs, outputs]; float32, on the CPU.
    PackedMatrix(const at::Tensor& weight, bool inputsFirst, WeightFormat format);

    /// Whether `multiply` is the way to take the product: float32 on the CPU without gradients, and few rows where a
    /// library multiplies the unpacked float32 weights faster.
    bool takes(const at::Tensor& x) const;
    /// x [rows, inputs] → [rows, outputs], plus bias [outputs] unless undefined. A row's result does not depend on the
    /// other rows, nor on the number of threads.
    at::Tensor multiply(const at::Tensor& x, const at::Tensor& bias) const;

    /// The weights as they are multiplied, [outputs, inputs] float32.
    at::Tensor unpacked() const;

  private:
    void packPanel(const float* weight, bool inputsFirst, std::int64_t panel);

    WeightFormat format_;
    std::int64_t inputs_ = 0, outputs_ = 0, paddedInputs_ = 0;
    at::Tensor panels_;            ///< bytes
    at::Tensor scales_, offsets_;  ///< of Int8: as PanelProduct has them
};

}  // namespace prefbench::model
