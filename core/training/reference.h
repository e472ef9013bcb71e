#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/training/dataset.h"

namespace prefbench::training {

/// log π_ref of every completion of a data set, in its order: what scoreDataset gives for the frozen start model.
using ReferenceLogProbs = std::vector<double>;

/// What the cached numbers depend on.
struct ReferenceIdentity {
    std::string weightsHash, tokenizerHash, dtype;
    std::int64_t maxLength = 0;
    double lengthAlpha = 1;
};

/// SHA-256 over the identity and the ids of all examples.
std::string referenceKey(const ReferenceIdentity& identity, const Dataset& dataset);

/// The numbers kept under `folder`/`key`.safetensors. nullopt when there is no such file, or when it is damaged or not
/// of `count` numbers.
std::optional<ReferenceLogProbs> readCachedReference(const std::filesystem::path& folder, const std::string& key,
                                                     std::size_t count);
/// Keeps them: written beside, fsynced and renamed, so that a reader finds all or nothing.
void cacheReference(const std::filesystem::path& folder, const std::string& key, const ReferenceLogProbs& logProbs);

/// The first numbers of a pass that did not come to its end, kept beside the cache; empty where there are none, or
/// damaged ones. `way` tells apart passes that round differently (token budget, threads).
ReferenceLogProbs readBegunReference(const std::filesystem::path& folder, const std::string& key,
                                     const std::string& way);
void keepBegunReference(const std::filesystem::path& folder, const std::string& key, const std::string& way,
                        const ReferenceLogProbs& logProbs);
void removeBegunReference(const std::filesystem::path& folder, const std::string& key, const std::string& way);

}  // namespace prefbench::training
