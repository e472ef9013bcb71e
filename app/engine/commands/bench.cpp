#include <algorithm>
#include <filesystem>
#include <numeric>

#include "app/engine/commands/commands.h"
#include "core/files/error.h"
#include "core/files/json.h"
#include "core/files/model_folder.h"
#include "core/model/device.h"
#include "core/training/compute_limit.h"
#include "core/training/dataset.h"
#include "core/training/resources.h"
#include "core/training/scoring.h"
#include "core/training/trainer.h"

namespace prefbench::engine {

namespace {

constexpr double gib = 1024.0 * 1024 * 1024;
constexpr std::int64_t warmupSteps = 2;
constexpr std::int64_t shownLosses = 4;

struct BenchOptions {
    std::filesystem::path folder;  ///< model/, pairs.jsonl, prompts.jsonl
    std::string device = "auto", dtype = "auto";
    std::int64_t threads = 0;
    std::int64_t batch = 4, steps = 6;
};

/// The command line's short names; "auto" is the one that trains faster here.
at::ScalarType typeOf(const std::string& name) {
    return name == "fp32" || name == "auto" ? at::kFloat : model::computeTypeFromName(name);
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
}

/// To four decimals: more would be noise.
double rounded(double value) {
    return std::round(value * 1e4) / 1e4;
}

/// Medians over the measured steps.
struct Measured {
    std::vector<training::StepReport> reports;

    template <class Value>
    double medianOf(const Value& value) const {
        std::vector<double> values;
        std::transform(reports.begin(), reports.end(), std::back_inserter(values), value);
        return median(std::move(values));
    }
};

int benchTrain(const BenchOptions& options) {
    model::setThreads(options.threads);
    const at::Device device = model::deviceFromName(options.device);
    const files::ModelFolder folder = files::openModelFolder(options.folder / "model");
    const auto conversations = text::Conversations::load(folder.folder, text::Tokenizer::load(folder.folder));
    auto policy = model::Transformer::load(folder, device, typeOf(options.dtype), model::WeightStorage::Owned);
    const training::Method& method = training::methodNamed("dpo");
    training::Dataset data = training::loadDataset(options.folder / "pairs.jsonl", method.data, conversations,
                                                   training::sequenceLimit(0, policy.architecture()));

    training::Trainer::Settings settings{method, {}, 0, training::tokenBudgetFor(policy.architecture())};
    settings.hyperparameters.batchSize = options.batch;
    settings.hyperparameters.maxSteps = 2 * options.steps + warmupSteps;
    settings.hyperparameters.shuffle = false;
    const auto start = std::chrono::steady_clock::now();
    training::ReferenceLogProbs reference = scoreDataset(policy, data, settings.tokenBudget);
    const double referenceSeconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    training::Trainer trainer(std::move(policy), std::move(data), std::move(reference), settings);

    Measured measured;
    std::vector<double> fractions;
    files::OrderedJson losses = files::OrderedJson::array();
    double leastSeconds = 0, flops = 0;
    for (std::int64_t step = 0; step < options.steps + warmupSteps; ++step) {
        const training::StepReport report = trainer.step();
        if (step < shownLosses) {
            losses.push_back(rounded(report.loss));
        }
        if (step >= warmupSteps) {
            measured.reports.push_back(report);
        }
    }
    const double peakBytes = static_cast<double>(training::peakMemoryBytes());
    // More steps, each with its limit right after it, so that both meet the machine in the same state.
    for (std::int64_t step = 0; step < options.steps; ++step) {
        const training::StepReport report = trainer.step();
        const auto products = training::stepProducts(trainer.policy(), report.tokens, report.predictedTokens);
        const double least = training::leastSeconds(products, trainer.policy().computeType(), device);
        leastSeconds += least;
        flops += training::stepFlops(products);
        fractions.push_back(least / report.seconds.total());
    }
    const double seconds = measured.medianOf([](const auto& report) { return report.seconds.total(); });
    const auto stage = [&](double training::StageSeconds::*part) {
        return rounded(measured.medianOf([part](const auto& report) { return report.seconds.*part; }));
    };
    using S = training::StageSeconds;
    const files::OrderedJson line{{"tool", "prefbench"},
                                  {"method", "dpo"},
                                  {"dtype", model::computeTypeName(trainer.policy().computeType())},
                                  {"threads", at::get_num_threads()},
                                  {"batch", options.batch},
                                  {"pairs_per_second", rounded(static_cast<double>(options.batch) / seconds)},
                                  {"seconds_per_step", rounded(seconds)},
                                  {"peak_rss_gib", rounded(peakBytes / gib)},
                                  {"fraction_of_limit", rounded(median(fractions))},
                                  {"gflops_limit", rounded(flops / leastSeconds / 1e9)},
                                  {"seconds",
                                   {{"forward", stage(&S::forward)},
                                    {"loss", stage(&S::loss)},
                                    {"backward", stage(&S::backward)},
                                    {"gradient_norm", stage(&S::gradientNorm)},
                                    {"optimizer", stage(&S::optimizer)}}},
                                  {"reference_seconds", rounded(referenceSeconds)},
                                  {"loss", losses}};
    std::puts(files::toLine(line).c_str());
    return 0;
}

}  // namespace

void addBench(CLI::App& app, Work& work) {
    auto options = std::make_shared<BenchOptions>();
    CLI::App* command = app.add_subcommand("bench", "Measure training or generation on a folder of benchmark inputs");
    command->require_subcommand(1);
    CLI::App* train = command->add_subcommand("train", "Steps of DPO on pairs.jsonl with model/: one JSON line");
    train->add_option("--bench", options->folder, "folder with model/ and pairs.jsonl")->required();
    train->add_option("--batch", options->batch, "pairs a step")->check(CLI::PositiveNumber)->capture_default_str();
    train->add_option("--steps", options->steps, "measured steps; two more come before")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    train->add_option("--device", options->device, "auto, cpu, cuda or cuda:N")->capture_default_str();
    train->add_option("--dtype", options->dtype, "fp32, bf16 or auto")
        ->check(CLI::IsMember({"fp32", "bf16", "auto"}))
        ->capture_default_str();
    train->add_option("--threads", options->threads, "threads of one operation (0: physical cores)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    train->callback([options, &work] { work = [options] { return benchTrain(*options); }; });
}

}  // namespace prefbench::engine
