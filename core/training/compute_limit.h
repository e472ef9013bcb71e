#pragma once

#include <cstdint>
#include <vector>

#include "core/model/transformer.h"

namespace prefbench::training {

/// One of the matrix products that a training step cannot do without: [rows, inner] · [inner, columns], and in the
/// backward pass its two gradients.
struct StepProduct {
    std::int64_t rows = 0, inner = 0, columns = 0;
    std::int64_t count = 1;      ///< of this shape in a step
    bool weightGradient = true;  ///< else the weight is frozen
};

/// Floating-point operations of them all, forward and backward.
double stepFlops(const std::vector<StepProduct>& products);

/// The products of one forward and backward pass over a part of a step: the blocks over `tokens` rows, the head over
/// `predictedTokens`; where there is an adapter, also its matrices, while the model's own are frozen.
std::vector<StepProduct> stepProducts(const model::Transformer& model, std::int64_t tokens,
                                      std::int64_t predictedTokens);

/// The least seconds that the products can take on this machine, each by the faster of its libraries: measured here and
/// now, alone, on random numbers of that type (once, after one round unmeasured).
double leastSeconds(const std::vector<StepProduct>& products, at::ScalarType type, at::Device device);

/// Float32 or BFloat16: the one in which the products take less by leastSeconds.
at::ScalarType fasterProducts(const std::vector<StepProduct>& products, at::Device device);

/// For each of the three kinds of float32 products, of the model's layers and of its head, the library in which they
/// take less over some hundred rows, measured as leastSeconds does; LibTorch's own unless another is clearly faster.
model::ModelLibraries fasterLibraries(const model::Transformer& model);

}  // namespace prefbench::training
