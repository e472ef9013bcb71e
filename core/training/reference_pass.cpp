#include "core/training/reference_pass.h"

#include <string>

#include "core/training/scoring.h"

namespace prefbench::training {

std::filesystem::path referenceFolder(const contract::RunDirectory& run) {
    const std::filesystem::path path = std::filesystem::absolute(run.path).lexically_normal();
    const std::filesystem::path folder = path.has_filename() ? path : path.parent_path();
    const bool inProject = folder.parent_path().filename() == "runs";
    return (inProject ? folder.parent_path().parent_path() : folder) / "cache" / "reference";
}

ReferenceLogProbs referenceLogProbs(const model::Transformer& model, const Dataset& dataset, const ReferencePass& pass,
                                    const std::function<void(std::int64_t, std::int64_t)>& onProgress) {
    if (dataset.examples.empty()) {
        return {};
    }
    const std::size_t count = completionStarts(dataset).back() + dataset.examples.back().completions.size();
    const std::string key = referenceKey(pass.identity, dataset);
    if (auto cached = readCachedReference(pass.folder, key, count)) {
        return *std::move(cached);
    }
    const std::string way = std::to_string(pass.tokenBudget) + "-" + std::to_string(at::get_num_threads());
    ReferenceLogProbs logProbs = readBegunReference(pass.folder, key, way);
    if (logProbs.size() > count) {
        logProbs.clear();
    }
    auto kept = std::chrono::steady_clock::now();
    scoreRest(model, dataset, pass.tokenBudget, pass.identity.lengthAlpha, logProbs,
              [&](std::int64_t done, std::int64_t all) {
                  const auto now = std::chrono::steady_clock::now();
                  if (now - kept >= pass.keepEvery && done < all) {
                      keepBegunReference(pass.folder, key, way, logProbs);
                      kept = now;
                  }
                  onProgress(done, all);
              });
    cacheReference(pass.folder, key, logProbs);
    removeBegunReference(pass.folder, key, way);
    return logProbs;
}

}  // namespace prefbench::training
