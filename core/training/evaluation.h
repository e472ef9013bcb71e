#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "core/model/transformer.h"
#include "core/training/dataset.h"
#include "core/training/losses.h"
#include "core/training/pair_metrics.h"
#include "core/training/reference.h"

namespace prefbench::training {

/// How a model does on a data set it is not trained on.
struct Evaluation {
    MetricValues values;  ///< loss; for pairs also those of pairMetrics. Plain means over examples (sft: over tokens)
    PairLogProbs pairs;   ///< in the data set's order; empty for demonstrations
};

/// `onProgress(examples done, of all)` may throw to stop.
Evaluation evaluate(const model::Transformer& policy, const Dataset& dataset, const ReferenceLogProbs& reference,
                    const Method& method, const LossSettings& settings, std::int64_t tokenBudget,
                    double lengthAlpha = 1, const std::function<void(std::int64_t, std::int64_t)>& onProgress = {});

/// Writes one line a pair: {"pair": id, "chosen": log π − log π_ref, "rejected": the same}.
void writeMargins(const std::filesystem::path& file, const Dataset& dataset, const PairLogProbs& pairs);

}  // namespace prefbench::training
