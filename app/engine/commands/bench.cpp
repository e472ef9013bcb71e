#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <span>

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
#include "core/training/pair_metrics.h"
#include "core/training/resources.h"
#include "core/training/scoring.h"
#include "core/training/trainer.h"

namespace prefbench::engine {

namespace {

constexpr std::int64_t warmupSteps = 2;

struct BenchOptions {
    std::filesystem::path folder;  ///< model/, pairs.jsonl, prompts.jsonl
    std::string device = "auto", dtype = "auto";
    std::int64_t threads = 0;
    std::int64_t batch = 4, steps = 6;
    std::int64_t lora = 0;  ///< rank; 0: all weights are trained
    bool gradientCheckpointing = false;
    std::int64_t prompts = 8, samples = 4, newTokens = 64;
};

/// The command line's short names.
at::ScalarType typeOf(const std::string& name) {
    return name == "bf16" ? at::kBFloat16 : at::kFloat;
}

/// Of decoding on the CPU. auto is the fastest that keeps the bounds of tst_decoding_formats.
model::WeightFormat weightsOf(const std::string& name) {
    return name == "bf16"                     ? model::WeightFormat::BFloat16
           : name == "int8" || name == "auto" ? model::WeightFormat::Int8
                                              : model::WeightFormat::Float32;
}

/// To four decimals: more would be noise.
double rounded(double value) {
    return std::round(value * 1e4) / 1e4;
}

double median(std::vector<double> values) {
    return training::percentile(std::move(values), 50);
}

class Watch {
  public:
    double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

double peakGib() {
    return static_cast<double>(training::peakMemoryBytes()) / (1024.0 * 1024 * 1024);
}

void write(const files::OrderedJson& line) {
    std::puts(files::toLine(line).c_str());
}

model::Transformer loadPolicy(const files::ModelFolder& folder, const BenchOptions& options) {
    const auto storage = options.lora > 0 ? model::WeightStorage::Mapped : model::WeightStorage::Owned;
    auto policy = model::Transformer::load(folder, model::deviceFromName(options.device), at::kFloat, storage);
    if (options.lora > 0) {
        model::LoraSettings adapter;
        adapter.rank = options.lora;
        adapter.alpha = 2.0 * static_cast<double>(options.lora);
        policy.addAdapter(adapter, 0, model::BaseName::Absolute, "--lora");
    }
    return policy;
}

std::vector<training::StepProduct> firstStepProducts(const model::Transformer& policy, const training::Dataset& data,
                                                     std::int64_t batch) {
    std::int64_t tokens = 0, predicted = 0;
    const auto count = std::min(data.examples.size(), static_cast<std::size_t>(batch));
    for (const training::Example& example : std::span(data.examples).first(count)) {
        tokens += example.tokens();
        predicted += example.predictedTokens();
    }
    return training::stepProducts(policy, tokens, predicted);
}

/// TRL's defaults where they change the work or the losses, so that both can be compared.
training::Trainer::Settings trainerSettings(const BenchOptions& options, const model::Transformer& policy) {
    training::Trainer::Settings settings{
        training::methodNamed("dpo"), {}, 0, training::tokenBudgetFor(policy.architecture())};
    settings.hyperparameters.batchSize = options.batch;
    settings.hyperparameters.maxSteps = 2 * options.steps + warmupSteps;
    settings.hyperparameters.shuffle = false;
    settings.hyperparameters.learningRate = 1e-6;
    settings.hyperparameters.gradientCheckpointing = options.gradientCheckpointing;
    return settings;
}

/// How near steps come to the time that their products alone would take.
struct Limit {
    double fraction = 0;  ///< median
    double gflops = 0;    ///< a second, of the products alone
};

/// Steps, each with its limit right after it, so that both meet the machine in the same state.
Limit measureLimit(training::Trainer& trainer, std::int64_t steps) {
    std::vector<double> fractions;
    double seconds = 0, flops = 0;
    for (std::int64_t step = 0; step < steps; ++step) {
        const training::StepReport report = trainer.step();
        const auto products = training::stepProducts(trainer.policy(), report.tokens, report.predictedTokens);
        const double least =
            training::leastSeconds(products, trainer.policy().productType(), trainer.policy().device());
        seconds += least;
        flops += training::stepFlops(products);
        fractions.push_back(least / report.seconds.total());
    }
    return {median(std::move(fractions)), flops / seconds / 1e9};
}

files::OrderedJson stageSeconds(const std::vector<training::StepReport>& reports) {
    using Stages = training::StageSeconds;
    constexpr std::array<std::pair<const char*, double Stages::*>, 5> stages{{{"forward", &Stages::forward},
                                                                              {"loss", &Stages::loss},
                                                                              {"backward", &Stages::backward},
                                                                              {"gradient_norm", &Stages::gradientNorm},
                                                                              {"optimizer", &Stages::optimizer}}};
    files::OrderedJson medians;
    for (const auto& [name, stage] : stages) {
        std::vector<double> values;
        for (const training::StepReport& report : reports) {
            values.push_back(report.seconds.*stage);
        }
        medians[name] = rounded(median(std::move(values)));
    }
    return medians;
}

int benchTrain(const BenchOptions& options) {
    model::setThreads(options.threads);
    const files::ModelFolder folder = files::openModelFolder(options.folder / "model");
    const auto conversations = text::Conversations::load(folder.tokenizer, text::Tokenizer::load(folder.tokenizer));
    model::Transformer policy = loadPolicy(folder, options);
    const training::Trainer::Settings settings = trainerSettings(options, policy);
    const std::filesystem::path pairs = options.folder / "pairs.jsonl";
    training::Dataset data = training::loadDataset(pairs, settings.method.data, conversations,
                                                   training::sequenceLimit(0, policy.architecture()));
    if (data.examples.empty()) {
        throw Error(pairs.string() + ": no pairs to train on");
    }
    const model::ModelLibraries libraries = training::fasterLibraries(policy);
    policy.setProductLibraries(libraries);
    policy.setProductType(options.dtype == "auto" ? training::fasterProducts(
                                                        firstStepProducts(policy, data, options.batch), policy.device())
                                                  : typeOf(options.dtype));
    const Watch referenceWatch;
    training::ReferenceLogProbs reference = scoreDataset(policy, data, settings.tokenBudget);
    const double referenceSeconds = referenceWatch.seconds();

    training::Trainer trainer(std::move(policy), std::move(data), std::move(reference), settings);
    std::vector<training::StepReport> reports;
    std::vector<double> seconds, pairsPerSecond;
    files::OrderedJson losses = files::OrderedJson::array();
    for (std::int64_t step = 0; step < options.steps + warmupSteps; ++step) {
        const training::StepReport report = trainer.step();
        losses.push_back(rounded(report.loss));
        if (step >= warmupSteps) {
            seconds.push_back(report.seconds.total());
            pairsPerSecond.push_back(static_cast<double>(report.ids.size()) / seconds.back());
            reports.push_back(report);
        }
    }
    const double peak = peakGib();  // before the limit's own matrices
    const Limit limit = measureLimit(trainer, options.steps);
    write({{"tool", "prefbench"},
           {"method", "dpo"},
           {"dtype", model::computeTypeName(trainer.policy().productType())},
           {"threads", at::get_num_threads()},
           {"matrix_products", training::toJson(libraries)},
           {"batch", options.batch},
           {"lora", options.lora},
           {"gradient_checkpointing", options.gradientCheckpointing},
           {"pairs_per_second", rounded(median(std::move(pairsPerSecond)))},
           {"seconds_per_step", rounded(median(std::move(seconds)))},
           {"peak_rss_gib", rounded(peak)},
           {"fraction_of_limit", rounded(limit.fraction)},
           {"gflops_limit", rounded(limit.gflops)},
           {"seconds", stageSeconds(reports)},
           {"reference_seconds", rounded(referenceSeconds)},
           {"loss", losses}});
    return 0;
}

/// The first `count` of the file.
std::vector<std::vector<text::TokenId>> readPrompts(const std::filesystem::path& file, std::int64_t count,
                                                    const text::Tokenizer& tokenizer) {
    std::vector<std::vector<text::TokenId>> prompts;
    files::readJsonLinesFile(
        file,
        [&](std::int64_t, const files::OrderedJson& row) {
            prompts.push_back(tokenizer.encode(contract::promptFromJson(row).text, true));
        },
        [&](const files::BadLine& bad) {
            throw Error(file.string() + ": line " + std::to_string(bad.number) + ": " + bad.reason);
        });
    if (prompts.empty()) {
        throw Error(file.string() + ": no prompts to continue");
    }
    prompts.resize(std::min(prompts.size(), static_cast<std::size_t>(count)));
    return prompts;
}

int benchGenerate(const BenchOptions& options) {
    model::setThreads(options.threads);
    const files::ModelFolder folder = files::openModelFolder(options.folder / "model");
    const auto tokenizer = text::Tokenizer::load(folder.tokenizer);
    const at::Device device = model::deviceFromName(options.device);
    const auto model = model::Transformer::load(folder, device, device.is_cpu() ? at::kFloat : typeOf(options.dtype));
    auto prompts = readPrompts(options.folder / "prompts.jsonl", options.prompts, *tokenizer);
    contract::SamplingSettings settings;
    settings.topP = 1;
    settings.samples = options.samples;
    settings.minNewTokens = settings.maxNewTokens = options.newTokens;
    std::int64_t tokens = 0;
    const auto count = [&](const sampling::Sample& done) { tokens += static_cast<std::int64_t>(done.ids.size()); };
    sampling::BatchGenerator batch(model, *tokenizer, {.onToken = {}, .onSample = count}, options.batch,
                                   weightsOf(options.dtype));

    const Watch watch;
    for (auto& prompt : prompts) {
        batch.add(std::move(prompt), settings);
    }
    while (batch.step()) {
    }
    const double seconds = watch.seconds();
    write({{"tool", "prefbench"},
           {"dtype", device.is_cpu() ? model::weightFormatName(weightsOf(options.dtype))
                                     : model::computeTypeName(model.computeType())},
           {"threads", at::get_num_threads()},
           {"batch", options.batch},
           {"tokens", tokens},
           {"tokens_per_second", rounded(static_cast<double>(tokens) / seconds)},
           {"seconds", rounded(seconds)},
           {"peak_rss_gib", rounded(peakGib())}});
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
    addMachineOptions(*train, *options, {"fp32", "bf16", "auto"});
    train->add_option("--batch", options->batch, "pairs a step")->check(CLI::PositiveNumber)->capture_default_str();
    train->add_option("--steps", options->steps, "measured steps; two more come before")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    train->add_option("--lora", options->lora, "rank of an adapter over all linear layers (0: train all weights)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
    train->add_flag("--gradient-checkpointing", options->gradientCheckpointing,
                    "compute every layer anew in the backward pass");
    train->callback([options, &work] { work = [options] { return benchTrain(*options); }; });

    auto drawing = std::make_shared<BenchOptions>();
    drawing->batch = 16;
    CLI::App* generate = command->add_subcommand("generate", "Completions of prompts.jsonl with model/: one JSON line");
    addMachineOptions(*generate, *drawing, {"fp32", "bf16", "int8", "auto"});
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
