#include "core/training/preflight.h"

#include "core/contract/run_spec.h"
#include "core/files/model_folder.h"
#include "core/files/safetensors.h"
#include "core/training/data_order.h"
#include "core/training/dataset.h"
#include "core/training/pair_metrics.h"
#include "core/training/resources.h"
#include "core/training/trainer.h"

namespace prefbench::training {
namespace {

std::int64_t parameterCount(const files::ModelFolder& folder) {
    std::int64_t count = 0;
    for (const auto& file : folder.weightFiles) {
        const files::SafetensorsFile weights = files::SafetensorsFile::open(file);
        for (const files::TensorInfo& tensor : weights.tensors()) {
            count += static_cast<std::int64_t>((tensor.end - tensor.begin) / files::dtypeBytes(tensor.dtype));
        }
    }
    return count;
}

}  // namespace

files::OrderedJson preflight(const contract::RunDirectory& run) {
    const contract::RunSpec spec = contract::readRunSpec(run);
    const Method& method = methodNamed(spec.method);
    const contract::Hyperparameters& h = spec.hyperparameters;
    const files::ModelFolder folder = files::openModelFolder(resolvePath(run, spec.model));
    const auto conversations = text::Conversations::load(folder.folder, text::Tokenizer::load(folder.folder));
    const auto architecture = model::architectureFromConfig(folder.config, (folder.folder / "config.json").string());
    const std::int64_t limit = sequenceLimit(h.maxLength, architecture);
    const Dataset train = loadDataset(run.trainData(), method.data, conversations, limit);
    const Dataset eval = std::filesystem::exists(run.evalData())
                             ? loadDataset(run.evalData(), method.data, conversations, limit)
                             : Dataset{};
    std::vector<double> lengths;
    for (const Example& example : train.examples) {
        lengths.push_back(static_cast<double>(example.tokens()));
    }
    const auto length = [&](double percent) {
        return lengths.empty() ? 0 : static_cast<std::int64_t>(percentile(lengths, percent));
    };
    const std::int64_t elementBytes = spec.dtype == "float64" ? 8 : 4;
    const std::int64_t modelBytes = parameterCount(folder) * elementBytes;
    const std::int64_t batchTokens =
        std::max(std::min(tokenBudgetFor(architecture), length(50) * h.batchSize), length(100));
    const DataOrder order(train.examples.size(), {h.batchSize, h.gradientAccumulation, false, 0});
    return {{"method", spec.method},
            {"pairs", train.examples.size()},
            {"eval_pairs", eval.examples.size()},
            {"tokens_p50", length(50)},
            {"tokens_max", length(100)},
            {"truncated", train.truncated + eval.truncated},
            {"dropped", train.dropped + eval.dropped},
            {"duplicates", train.duplicates},
            {"steps", train.examples.empty() ? 0 : plannedSteps(h, order.stepsPerEpoch())},
            // Weights, gradients and two moments; activations of what is in memory at once.
            {"estimated_memory_bytes", 4 * modelBytes + batchTokens * activationBytesPerToken(architecture)},
            {"checkpoint_bytes", 3 * modelBytes}};
}

}  // namespace prefbench::training
