#include "core/training/preflight.h"

#include "core/contract/run_spec.h"
#include "core/files/model_folder.h"
#include "core/files/safetensors.h"
#include "core/model/lora.h"
#include "core/training/data_order.h"
#include "core/training/dataset.h"
#include "core/training/pair_metrics.h"
#include "core/training/resources.h"
#include "core/training/trainer.h"

namespace prefbench::training {
namespace {

std::int64_t elementsIn(const std::filesystem::path& file) {
    std::int64_t count = 0;
    const files::SafetensorsFile weights = files::SafetensorsFile::open(file);
    for (const files::TensorInfo& tensor : weights.tensors()) {
        count += static_cast<std::int64_t>((tensor.end - tensor.begin) / files::dtypeBytes(tensor.dtype));
    }
    return count;
}

struct ParameterCounts {
    std::int64_t frozen = 0, trained = 0;
};

ParameterCounts parameterCounts(const files::ModelFolder& folder, const model::Architecture& architecture,
                                const contract::RunDirectory& run, const contract::Hyperparameters& h) {
    std::int64_t weights = 0;
    for (const auto& file : folder.weightFiles) {
        weights += elementsIn(file);
    }
    if (folder.adapter) {
        return {weights, elementsIn(folder.adapter->weightFile)};
    }
    if (h.loraRank == 0) {
        return {0, weights};
    }
    const auto slots = model::weightSlots(*model::findFamily(architecture.family), architecture);
    return {weights, model::loraParameterCount(loraSettings(h), slots, run.spec().string() + ": lora_target_modules")};
}

}  // namespace

files::OrderedJson preflight(const contract::RunDirectory& run) {
    const contract::RunSpec spec = contract::readRunSpec(run);
    const Method& method = methodNamed(spec.method);
    const contract::Hyperparameters& h = spec.hyperparameters;
    const files::ModelFolder folder = openStartModel(run, spec);
    const auto conversations = text::Conversations::load(folder.tokenizer, text::Tokenizer::load(folder.tokenizer));
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
    const ParameterCounts parameters = parameterCounts(folder, architecture, run, h);
    const std::int64_t frozenBytes = parameters.frozen * elementBytes, trainedBytes = parameters.trained * elementBytes;
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
            {"trained_parameters", parameters.trained},
            // Of what is trained weights, gradients and two moments; activations of what is in memory at once.
            {"estimated_memory_bytes",
             frozenBytes + 4 * trainedBytes + batchTokens * activationBytesPerToken(architecture)},
            {"checkpoint_bytes", 3 * trainedBytes}};
}

}  // namespace prefbench::training
