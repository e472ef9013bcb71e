#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/model/transformer.h"
#include "core/training/dataset.h"
#include "core/training/losses.h"

namespace prefbench::training {

using ExamplePointers = std::vector<const Example*>;

/// Consecutive parts of `examples` that hold at most `tokenBudget` tokens each; a longer example is a part of its own.
/// The spans point into `examples`.
std::vector<std::span<const Example* const>> splitByTokens(const ExamplePointers& examples, std::int64_t tokenBudget);

/// The most that a step of `examplesPerStep` examples may ask to have in memory at once: the longest examples of the
/// data set, as many as fit `tokenBudget`, and at least one.
ExamplePointers longestBatch(const Dataset& dataset, std::int64_t examplesPerStep, std::int64_t tokenBudget);

/// log π of every completion, summed over its tokens; those past the end of the shortest of its example's completions
/// count `lengthAlpha`: Liu et al., LD-DPO, arXiv:2409.06411. [examples · completions each] float64 on the model's
/// device, example by example. Differentiable where the parameters need gradients.
/// With `dropoutKeys`, one an example, the model drops what it is set to.
at::Tensor completionLogProbs(const model::Transformer& model, std::span<const Example* const> examples,
                              double lengthAlpha = 1, std::vector<std::uint64_t> dropoutKeys = {});

/// The same for a whole data set without gradients, part by part; `onProgress(examples done, of all)` may throw to
/// stop.
std::vector<double> scoreDataset(const model::Transformer& model, const Dataset& dataset, std::int64_t tokenBudget,
                                 double lengthAlpha = 1,
                                 const std::function<void(std::int64_t, std::int64_t)>& onProgress = {});
/// The same, going on from the `sums` of the data set's first completions; when `onProgress` throws they are those of
/// all parts done. Sums that an earlier call with the same data and budget left end at a part's end, and so the numbers
/// are those of one call, bit for bit. Others are scored anew from the part in which they end.
void scoreRest(const model::Transformer& model, const Dataset& dataset, std::int64_t tokenBudget, double lengthAlpha,
               std::vector<double>& sums, const std::function<void(std::int64_t, std::int64_t)>& onProgress);

/// Where each example's completions begin in a list of all of the data set's.
std::vector<std::size_t> completionStarts(const Dataset& dataset);

/// Adds the example, chosen before rejected or a ranking best first, with the log-probabilities of its completions;
/// `reference` may be null for a method without one, then it counts as 0.
void addPair(PairLogProbs& pairs, const Example& example, const double* policy, const double* reference);

}  // namespace prefbench::training
