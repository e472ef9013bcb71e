#include <algorithm>
#include <filesystem>
#include <numeric>

#include "app/engine/commands/commands.h"
#include "core/contract/messages.h"
#include "core/files/error.h"
#include "core/files/json.h"
#include "core/files/json_lines.h"
#include "core/files/model_folder.h"
#include "core/model/device.h"
#include "core/model/lora.h"
#include "core/sampling/batch_generator.h"
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
    std::int64_t lora = 0;  ///< rank; 0: all weights are trained
    std::int64_t prompts = 8, samples = 4, newTokens = 64;
};

/// The command line's short names.
at::ScalarType typeOf(const std::string& name) {
    return name == "bf16" ? at::kBFloat16 : at::kFloat;
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
    const auto conversations = text::Conversations::load(folder.tokenizer, text::Tokenizer::load(folder.tokenizer));
    auto policy = model::Transformer::load(
        folder, device, at::kFloat, options.lora > 0 ? model::WeightStorage::Mapped : model::WeightStorage::Owned);
    if (options.lora > 0) {
        model::LoraSettings adapter;
        adapter.rank = options.lora;
        adapter.alpha = 2.0 * static_cast<double>(options.lora);
        policy.addAdapter(adapter, 0, model::BaseName::Absolute, "--lora");
    }
    const training::Method& method = training::methodNamed("dpo");
    training::Dataset data = training::loadDataset(options.folder / "pairs.jsonl", method.data, conversations,
                                                   training::sequenceLimit(0, policy.architecture()));

    training::Trainer::Settings settings{method, {}, 0, training::tokenBudgetFor(policy.architecture())};
    settings.hyperparameters.batchSize = options.batch;
    settings.hyperparameters.maxSteps = 2 * options.steps + warmupSteps;
    settings.hyperparameters.shuffle = false;
    settings.hyperparameters.learningRate = 1e-6;  // TRL's default, so that losses can be compared
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
                                  {"lora", options.lora},
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

int benchGenerate(const BenchOptions& options) {
    model::setThreads(options.threads);
    const at::Device device = model::deviceFromName(options.device);
    const files::ModelFolder folder = files::openModelFolder(options.folder / "model");
    const auto tokenizer = text::Tokenizer::load(folder.tokenizer);
    const auto model = model::Transformer::load(folder, device, typeOf(options.dtype));
    contract::SamplingSettings settings;
    settings.topP = 1;
    settings.samples = options.samples;
    settings.minNewTokens = settings.maxNewTokens = options.newTokens;

    std::int64_t tokens = 0;
    sampling::BatchGenerator batch(
        model, *tokenizer,
        {.onToken = {},
         .onSample = [&](const sampling::Sample& done) { tokens += static_cast<std::int64_t>(done.ids.size()); }},
        options.batch);
    std::vector<std::vector<text::TokenId>> prompts;
    files::readJsonLinesFile(
        options.folder / "prompts.jsonl",
        [&](std::int64_t, const files::OrderedJson& row) {
            prompts.push_back(tokenizer->encode(contract::promptFromJson(row).text, true));
        },
        [](const files::BadLine& bad) {
            throw Error("prompts.jsonl: line " + std::to_string(bad.number) + ": " + bad.reason);
        });
    prompts.resize(std::min(prompts.size(), static_cast<std::size_t>(options.prompts)));
    const auto start = std::chrono::steady_clock::now();
    for (auto& prompt : prompts) {
        batch.add(std::move(prompt), settings);
    }
    while (batch.step()) {
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const files::OrderedJson line{{"tool", "prefbench"},
                                  {"dtype", model::computeTypeName(model.computeType())},
                                  {"threads", at::get_num_threads()},
                                  {"batch", options.batch},
                                  {"tokens", tokens},
                                  {"tokens_per_second", rounded(static_cast<double>(tokens) / seconds)},
                                  {"seconds", rounded(seconds)},
                                  {"peak_rss_gib", rounded(static_cast<double>(training::peakMemoryBytes()) / gib)}};
    std::puts(files::toLine(line).c_str());
    return 0;
}

void addMachineOptions(CLI::App& command, BenchOptions& options, const std::vector<std::string>& dtypes) {
    command.add_option("--bench", options.folder, "folder with model/, pairs.jsonl and prompts.jsonl")->required();
    command.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
    command.add_option("--dtype", options.dtype, "of the computation")
        ->check(CLI::IsMember(dtypes))
        ->capture_default_str();
    command.add_option("--threads", options.threads, "threads of one operation (0: physical cores)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
}

}  // namespace

void addBench(CLI::App& app, Work& work) {
    auto options = std::make_shared<BenchOptions>();
    CLI::App* command = app.add_subcommand("bench", "Measure training or generation on a folder of benchmark inputs");
    command->require_subcommand(1);
    CLI::App* train = command->add_subcommand("train", "Steps of DPO on pairs.jsonl with model/: one JSON line");
    addMachineOptions(*train, *options, {"fp32", "auto"});
    train->add_option("--batch", options->batch, "pairs a step")->check(CLI::PositiveNumber)->capture_default_str();
    train->add_option("--steps", options->steps, "measured steps; two more come before")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    train->add_option("--lora", options->lora, "rank of an adapter over all linear layers (0: train all weights)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    train->callback([options, &work] { work = [options] { return benchTrain(*options); }; });

    auto drawing = std::make_shared<BenchOptions>();
    drawing->batch = 16;
    CLI::App* generate = command->add_subcommand("generate", "Completions of prompts.jsonl with model/: one JSON line");
    addMachineOptions(*generate, *drawing, {"fp32", "bf16", "auto"});
    const auto count = [&](const char* name, std::int64_t& value, const char* what) {
        generate->add_option(name, value, what)->check(CLI::PositiveNumber)->capture_default_str();
    };
    count("--prompts", drawing->prompts, "prompts from the start of the file");
    count("--samples", drawing->samples, "completions a prompt");
    count("--new", drawing->newTokens, "tokens a completion");
    count("--batch", drawing->batch, "completions at once");
    generate->callback([drawing, &work] { work = [drawing] { return benchGenerate(*drawing); }; });
}

}  // namespace prefbench::engine
