#include "core/training/scoring.h"

#include "core/model/log_probs.h"

namespace prefbench::training {

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

at::Tensor completionLogProbs(const model::Transformer& model, std::span<const Example* const> examples) {
    std::vector<model::PackedBatch::Tree> trees;
    trees.reserve(examples.size());
    for (const Example* example : examples) {
        trees.push_back({example->prompt, example->completions});
    }
    const model::PackedBatch batch = model::PackedBatch::pack(trees, model.device());
    return model::sumByBranch(model::branchTokenLogProbs(model, batch), batch);
}

std::vector<double> scoreDataset(const model::Transformer& model, const Dataset& dataset, std::int64_t tokenBudget,
                                 const std::function<void(std::int64_t, std::int64_t)>& onProgress) {
    const at::NoGradGuard noGradients;
    ExamplePointers examples;
    for (const Example& example : dataset.examples) {
        examples.push_back(&example);
    }
    std::vector<double> sums;
    std::int64_t done = 0;
    for (const auto part : splitByTokens(examples, tokenBudget)) {
        const at::Tensor partSums = completionLogProbs(model, part).to(at::kCPU).contiguous();
        sums.insert(sums.end(), partSums.const_data_ptr<double>(),
                    partSums.const_data_ptr<double>() + partSums.numel());
        done += static_cast<std::int64_t>(part.size());
        if (onProgress) {
            onProgress(done, static_cast<std::int64_t>(examples.size()));
        }
    }
    return sums;
}

}  // namespace prefbench::training
