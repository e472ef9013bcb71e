#include "core/training/scoring.h"

#include <algorithm>
#include <utility>

#include "core/model/log_probs.h"

namespace prefbench::training {
namespace {

/// [completion tokens] 1, or `lengthAlpha` past the end of the shortest completion of the example.
at::Tensor tokenWeights(std::span<const Example* const> examples, double lengthAlpha) {
    std::vector<double> weights;
    for (const Example* example : examples) {
        std::size_t shortest = example->completions.front().size();
        for (const auto& completion : example->completions) {
            shortest = std::min(shortest, completion.size());
        }
        for (const auto& completion : example->completions) {
            weights.insert(weights.end(), shortest, 1);
            weights.insert(weights.end(), completion.size() - shortest, lengthAlpha);
        }
    }
    return at::tensor(weights, at::kDouble);
}

void addRanking(PairLogProbs& pairs, const Example& example, const double* policy, const double* reference) {
    const std::size_t count = example.completions.size(), others = count - 1;
    std::vector<double> ratios;
    double policySum = 0, referenceSum = 0;  // of all but the best
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < count; ++i) {
        ratios.push_back(policy[i] - reference[i]);
        policySum += i == 0 ? 0 : policy[i];
        referenceSum += i == 0 ? 0 : reference[i];
        tokens += i == 0 ? 0 : static_cast<std::int64_t>(example.completions[i].size());
    }
    const auto divisor = static_cast<double>(others);
    pairs.add(policy[0], policySum / divisor, reference[0], referenceSum / divisor,
              static_cast<std::int64_t>(example.completions[0].size()), tokens / static_cast<std::int64_t>(others));
    pairs.preference.back() = example.preference;
    pairs.rankedRatios.push_back(std::move(ratios));
}

}  // namespace

std::vector<std::span<const Example* const>> splitByTokens(const ExamplePointers& examples, std::int64_t tokenBudget) {
    std::vector<std::span<const Example* const>> parts;
    std::size_t begin = 0;
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < examples.size(); ++i) {
        const std::int64_t more = examples[i]->tokens();
        if (i > begin && tokens + more > tokenBudget) {
            parts.emplace_back(examples.data() + begin, i - begin);
            begin = i;
            tokens = 0;
        }
        tokens += more;
    }
    if (begin < examples.size()) {
        parts.emplace_back(examples.data() + begin, examples.size() - begin);
    }
    return parts;
}

ExamplePointers longestBatch(const Dataset& dataset, std::int64_t examplesPerStep, std::int64_t tokenBudget) {
    ExamplePointers examples;
    for (const Example& example : dataset.examples) {
        examples.push_back(&example);
    }
    std::stable_sort(examples.begin(), examples.end(),
                     [](const Example* a, const Example* b) { return a->tokens() > b->tokens(); });
    examples.resize(std::min(examples.size(), static_cast<std::size_t>(examplesPerStep)));
    if (!examples.empty()) {
        examples.resize(splitByTokens(examples, tokenBudget).front().size());
    }
    return examples;
}

at::Tensor completionLogProbs(const model::Transformer& model, std::span<const Example* const> examples,
                              double lengthAlpha, std::vector<std::uint64_t> dropoutKeys) {
    std::vector<model::PackedBatch::Tree> trees;
    trees.reserve(examples.size());
    for (const Example* example : examples) {
        trees.push_back({example->prompt, example->completions});
    }
    model::PackedBatch batch = model::PackedBatch::pack(trees, model.device());
    batch.dropoutKeys = std::move(dropoutKeys);
    at::Tensor logProbs = model::branchTokenLogProbs(model, batch);
    if (lengthAlpha != 1) {
        logProbs = logProbs * tokenWeights(examples, lengthAlpha).to(logProbs.options());
    }
    return model::sumByBranch(logProbs, batch);
}

std::vector<std::size_t> completionStarts(const Dataset& dataset) {
    std::vector<std::size_t> starts;
    std::size_t next = 0;
    for (const Example& example : dataset.examples) {
        starts.push_back(next);
        next += example.completions.size();
    }
    return starts;
}

void addPair(PairLogProbs& pairs, const Example& example, const double* policy, const double* reference) {
    if (example.isRanking) {
        return addRanking(pairs, example, policy, reference);
    }
    const auto ofReference = [reference](std::size_t i) { return reference == nullptr ? 0 : reference[i]; };
    const auto length = [&](std::size_t i) { return static_cast<std::int64_t>(example.completions[i].size()); };
    pairs.add(policy[0], policy[1], ofReference(0), ofReference(1), length(0), length(1));
    pairs.strength.back() = example.strength;
    pairs.preference.back() = example.preference;
    if (example.completions.size() > 2) {
        pairs.mismatchedRatio.push_back(policy[2] - ofReference(2));
    }
}

std::vector<double> scoreDataset(const model::Transformer& model, const Dataset& dataset, std::int64_t tokenBudget,
                                 double lengthAlpha,
                                 const std::function<void(std::int64_t, std::int64_t)>& onProgress) {
    std::vector<double> sums;
    scoreRest(model, dataset, tokenBudget, lengthAlpha, sums, onProgress);
    return sums;
}

void scoreRest(const model::Transformer& model, const Dataset& dataset, std::int64_t tokenBudget, double lengthAlpha,
               std::vector<double>& sums, const std::function<void(std::int64_t, std::int64_t)>& onProgress) {
    const at::NoGradGuard noGradients;
    ExamplePointers examples;
    for (const Example& example : dataset.examples) {
        examples.push_back(&example);
    }
    std::size_t begin = 0;
    std::int64_t done = 0;
    for (const auto part : splitByTokens(examples, tokenBudget)) {
        std::size_t end = begin;
        for (const Example* example : part) {
            end += example->completions.size();
        }
        done += static_cast<std::int64_t>(part.size());
        if (sums.size() < end) {
            const at::Tensor partSums = completionLogProbs(model, part, lengthAlpha).to(at::kCPU).contiguous();
            sums.resize(begin);
            sums.insert(sums.end(), partSums.const_data_ptr<double>(),
                        partSums.const_data_ptr<double>() + partSums.numel());
            if (onProgress) {
                onProgress(done, static_cast<std::int64_t>(examples.size()));
            }
        }
        begin = end;
    }
}

}  // namespace prefbench::training
