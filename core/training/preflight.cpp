#include "core/training/preflight.h"

#include "core/contract/run_spec.h"
#include "core/files/available_memory.h"
#include "core/files/model_folder.h"
#include "core/training/data_order.h"
#include "core/training/memory.h"
#include "core/training/pair_metrics.h"
#include "core/training/resources.h"
#include "core/training/run_data.h"
#include "core/training/trainer.h"

namespace prefbench::training {

files::OrderedJson preflight(const contract::RunDirectory& run) {
    const contract::RunSpec spec = contract::readRunSpec(run);
    const contract::Hyperparameters& h = spec.hyperparameters;
    checkSettings(methodNamed(spec.method), h);
    const files::ModelFolder folder = openStartModel(run, spec);
    const auto conversations = text::Conversations::load(folder.tokenizer, text::Tokenizer::load(folder.tokenizer));
    const auto architecture = model::architectureFromConfig(folder.config, (folder.folder / "config.json").string());
    const RunData data = loadRunData(run, spec, folder, conversations);
    const Dataset &train = data.train, &eval = data.eval;
    std::vector<double> lengths;
    for (const Example& example : train.examples) {
        lengths.push_back(static_cast<double>(example.tokens()));
    }
    const auto length = [&](double percent) {
        return lengths.empty() ? 0 : static_cast<std::int64_t>(percentile(lengths, percent));
    };
    const std::int64_t budget = spec.resolved.value("token_budget", tokenBudgetFor(architecture));
    const MemoryShape shape{spec, architecture, budget, train, adapterSize(folder)};
    const MemoryNeed need = estimateMemory(shape);
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
            {"trained_parameters", trainedParameters(shape)},
            {"estimated_memory_bytes", need.total()},
            {"available_memory_bytes", files::availableMemory().bytes},
            {"checkpoint_bytes", need.gradients + need.moments}};
}

}  // namespace prefbench::training
