#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>

#include "core/contract/run_directory.h"
#include "core/model/transformer.h"
#include "core/training/reference.h"

namespace prefbench::training {

/// Where a run caches: NAME.data/cache/reference where it lies in NAME.data/runs; else within the run.
std::filesystem::path referenceFolder(const contract::RunDirectory& run);

/// What a pass over a data set with the reference needs to know.
struct ReferencePass {
    ReferenceIdentity identity;
    std::filesystem::path folder;  ///< of the cache
    std::int64_t tokenBudget = 4096;
    std::chrono::seconds keepEvery{10};  ///< how much work a crash may cost
};

/// The reference's log-probabilities of all completions: from the cache, or scored now and cached. A pass that ended
/// before its time (a crash, or `onProgress(examples done, of all)` throwing) goes on where it was, to the same bits.
ReferenceLogProbs referenceLogProbs(const model::Transformer& model, const Dataset& dataset, const ReferencePass& pass,
                                    const std::function<void(std::int64_t, std::int64_t)>& onProgress);

}  // namespace prefbench::training
