#pragma once

#include "core/model/architecture.h"
#include "core/model/torch.h"

namespace prefbench::model {

/// Elementwise; differentiable. Where the backward pass will need it, the derivative is taken in the forward pass, for
/// which the CPU has it nearly free, and kept in the place of x.
at::Tensor activate(const at::Tensor& x, Activation activation);

}  // namespace prefbench::model
