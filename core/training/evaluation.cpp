#include "core/training/evaluation.h"

#include <numeric>

#include "core/files/durable_file.h"
#include "core/files/json.h"
#include "core/training/scoring.h"

namespace prefbench::training {

Evaluation evaluate(const model::Transformer& policy, const Dataset& dataset, const ReferenceLogProbs& reference,
                    const Method& method, const LossSettings& settings, std::int64_t tokenBudget, double lengthAlpha,
                    const std::function<void(std::int64_t, std::int64_t)>& onProgress) {
    const std::vector<double> sums = scoreDataset(policy, dataset, tokenBudget, lengthAlpha, onProgress);
    Evaluation result;
    if (method.data == DataKind::Demonstrations) {
        std::int64_t tokens = 0;
        for (const Example& example : dataset.examples) {
            tokens += example.predictedTokens();
        }
        result.values["loss"] = -std::accumulate(sums.begin(), sums.end(), 0.0) / static_cast<double>(tokens);
        return result;
    }
    const std::size_t count = dataset.examples.size();
    const std::vector<std::size_t> starts = completionStarts(dataset);
    for (std::size_t i = 0; i < count; ++i) {
        addPair(result.pairs, dataset.examples[i], &sums[starts[i]],
                reference.empty() ? nullptr : &reference[starts[i]]);
    }
    const std::vector<double> weights(count, 1);
    const PairLosses losses = pairLosses(method, result.pairs, settings);
    result.values = pairMetrics(result.pairs, weights, settings.beta, method.reward);
    result.values["loss"] = std::accumulate(losses.loss.begin(), losses.loss.end(), 0.0) / static_cast<double>(count);
    return result;
}

void writeMargins(const std::filesystem::path& file, const Dataset& dataset, const PairLogProbs& pairs) {
    std::string lines;
    for (std::size_t i = 0; i < pairs.size(); ++i) {
        const double chosen = pairs.policyChosen[i] - pairs.referenceChosen[i];
        const double rejected = pairs.policyRejected[i] - pairs.referenceRejected[i];
        lines += files::toLine(files::OrderedJson{{"pair", dataset.examples[i].id},
                                                  {"chosen", files::numberToJson(chosen)},
                                                  {"rejected", files::numberToJson(rejected)}}) +
                 "\n";
    }
    files::writeDurably(file, lines);
}

}  // namespace prefbench::training
