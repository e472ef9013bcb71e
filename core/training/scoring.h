#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/model/transformer.h"
#include "core/training/dataset.h"

namespace prefbench::training {

using ExamplePointers = std::vector<const Example*>;

/// Consecutive parts of `examples` that hold at most `tokenBudget` tokens each; a longer example is a part of its own.
/// The spans point into `examples`.
std::vector<std::span<const Example* const>> splitByTokens(const ExamplePointers& examples, std::int64_t tokenBudget);

/// log π of every completion, summed over its tokens. [examples · completions each] float64 on the model's device,
/// example by example. Differentiable where the parameters need gradients.
at::Tensor completionLogProbs(const model::Transformer& model, std::span<const Example* const> examples);

/// The same for a whole data set without gradients, part by part; `onProgress(examples done, of all)` may throw to
/// stop.
std::vector<double> scoreDataset(const model::Transformer& model, const Dataset& dataset, std::int64_t tokenBudget,
                                 const std::function<void(std::int64_t, std::int64_t)>& onProgress = {});

}  // namespace prefbench::training
