#include "core/training/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <utility>

#include "core/model/dropout.h"
#include "core/training/scoring.h"

namespace prefbench::training {
namespace {

DataOrder orderFor(const Dataset& train, const Trainer::Settings& settings) {
    const contract::Hyperparameters& h = settings.hyperparameters;
    return DataOrder(train.examples.size(), {h.batchSize, h.gradientAccumulation, h.shuffle, settings.seed});
}

Schedule scheduleFor(const contract::Hyperparameters& h, std::int64_t stepsPerEpoch) {
    return {h.schedule, h.learningRate, h.warmupSteps, plannedSteps(h, stepsPerEpoch)};
}

LossSettings lossSettingsFor(const Dataset& train, const contract::Hyperparameters& h) {
    LossSettings settings = lossSettings(h);
    double sum = 0;
    for (const Example& example : train.examples) {
        sum += example.strength;
    }
    settings.meanStrength = sum / static_cast<double>(train.examples.size());
    return settings;
}

/// Hands the time since it was last asked to a stage.
class StageWatch {
  public:
    void addTo(double& seconds) {
        const auto now = std::chrono::steady_clock::now();
        seconds += std::chrono::duration<double>(now - last_).count();
        last_ = now;
    }

  private:
    std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::vector<double> toVector(const at::Tensor& values) {
    const at::Tensor host = values.detach().to(at::kCPU).contiguous();
    return {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()};
}

}  // namespace

std::int64_t plannedSteps(const contract::Hyperparameters& hyperparameters, std::int64_t stepsPerEpoch) {
    if (hyperparameters.maxSteps > 0) {
        return hyperparameters.maxSteps;
    }
    return static_cast<std::int64_t>(std::ceil(hyperparameters.epochs * static_cast<double>(stepsPerEpoch)));
}

Trainer::Trainer(model::Transformer policy, Dataset train, ReferenceLogProbs reference, const Settings& settings)
    : settings_(settings),
      policy_(std::move(policy)),
      train_(std::move(train)),
      reference_(std::move(reference)),
      starts_(completionStarts(train_)),
      order_(orderFor(train_, settings_)),
      loss_(lossSettingsFor(train_, settings_.hyperparameters)),
      schedule_(scheduleFor(settings_.hyperparameters, order_.stepsPerEpoch())),
      optimizer_(makeOptimizer(policy_.trainable(), settings_.hyperparameters)) {
    policy_.requireGradients(true);
    policy_.setGradientCheckpointing(settings_.hyperparameters.gradientCheckpointing);
    policy_.setDropout(settings_.hyperparameters.dropout);
}

void Trainer::resume(const std::filesystem::path& optimizerFile, std::int64_t stepsDone) {
    optimizer_->load(optimizerFile);
    stepsDone_ = stepsDone;
}

void Trainer::rehearse() {
    const contract::Hyperparameters& h = settings_.hyperparameters;
    const ExamplePointers longest = longestBatch(train_, h.batchSize * h.gradientAccumulation, settings_.tokenBudget);
    const at::Tensor sums = logProbs(longest);
    sums.backward(at::zeros_like(sums));
    clearGradients(policy_.trainable());
}

StepReport Trainer::step() {
    const std::vector<model::Parameter>& parameters = policy_.trainable();
    const double maxNorm = settings_.hyperparameters.maxGradNorm;
    StageWatch watch;
    StepReport report;
    report.learningRate = schedule_.learningRate(stepsDone_);

    const std::vector<StepExample> batch = stepExamples();
    ExamplePointers examples;
    std::vector<double> weights;
    for (const StepExample& item : batch) {
        examples.push_back(&train_.examples[item.index]);
        weights.push_back(item.weight);
        report.ids.push_back(examples.back()->id);
        report.tokens += examples.back()->tokens();
        report.predictedTokens += examples.back()->predictedTokens();
    }

    // Forward and backward, as many examples at a time as the memory allows; gradients add up. Where a loss is over the
    // whole batch and the batch does not fit at once, a first phase without gradients finds dL/d log π.
    PairLogProbs pairs;
    const auto parts = splitByTokens(examples, settings_.tokenBudget);
    const bool twoPhases = settings_.method.overBatch() && parts.size() > 1;
    const std::vector<double> all = twoPhases ? gradientOfStep(batch, parts, report, pairs) : std::vector<double>();
    std::size_t begin = 0, beginOfSums = 0;
    watch.addTo(report.seconds.loss);
    for (const auto part : parts) {
        const at::Tensor sums = logProbs(part);  // [completions] float64
        const auto count = static_cast<std::size_t>(sums.numel());
        const std::vector<double> values = toVector(sums);
        watch.addTo(report.seconds.forward);
        const std::vector<double> gradient =
            twoPhases ? std::vector<double>(&all[beginOfSums], &all[beginOfSums] + count)
                      : gradientOfPart(std::span(batch).subspan(begin, part.size()), values, report, pairs);
        watch.addTo(report.seconds.loss);
        sums.backward(at::tensor(gradient, sums.options().requires_grad(false)));
        watch.addTo(report.seconds.backward);
        begin += part.size();
        beginOfSums += count;
    }

    report.gradientNorm = gradientNorm(parameters);
    watch.addTo(report.seconds.gradientNorm);
    report.skipped = !std::isfinite(report.loss) || !std::isfinite(report.gradientNorm);
    if (!report.skipped) {
        optimizer_->step(report.learningRate, clippingDivisor(report.gradientNorm, maxNorm));
    }
    clearGradients(parameters);
    watch.addTo(report.seconds.optimizer);

    if (settings_.method.data != DataKind::Demonstrations) {
        report.pairMetrics = pairMetrics(pairs, weights, settings_.hyperparameters.beta, settings_.method.reward);
    }
    report.step = ++stepsDone_;
    return report;
}

/// Demonstrations are averaged over the step's predicted tokens, whatever the batches, and losses over the batch over
/// all of the step's pairs; other pairs as DataOrder weighs them.
std::vector<StepExample> Trainer::stepExamples() {
    std::vector<StepExample> batch = order_.step(stepsDone_);
    if (settings_.method.data == DataKind::Demonstrations) {
        std::int64_t tokens = 0;
        for (const StepExample& item : batch) {
            tokens += train_.examples[item.index].predictedTokens();
        }
        for (StepExample& item : batch) {
            item.weight = 1.0 / static_cast<double>(tokens);
        }
    } else if (settings_.method.overBatch()) {
        for (StepExample& item : batch) {
            item.weight = 1.0 / static_cast<double>(batch.size());
        }
    }
    return batch;
}

/// Dropout is a function of seed, step and example: a resumed run, other parts and both phases of a step drop the same.
at::Tensor Trainer::logProbs(std::span<const Example* const> part) {
    std::vector<std::uint64_t> keys;
    for (const Example* example : part) {
        const auto index = static_cast<std::uint64_t>(example - train_.examples.data());
        keys.push_back(model::keyOf({settings_.seed, static_cast<std::uint64_t>(stepsDone_), index}));
    }
    return completionLogProbs(policy_, part, settings_.hyperparameters.lengthAlpha, std::move(keys));
}

/// The derivatives of the step's loss by each of `sums`, log π of the part's completions; adds the part's losses to the
/// report's and its pairs to `pairs`.
std::vector<double> Trainer::gradientOfPart(std::span<const StepExample> part, const std::vector<double>& sums,
                                            StepReport& report, PairLogProbs& pairs) const {
    return settings_.method.data == DataKind::Demonstrations ? gradientOfDemonstrations(part, sums, report)
                                                             : gradientOfPairs(part, sums, report, pairs);
}

/// The same of the whole step, by a forward pass without gradients.
std::vector<double> Trainer::gradientOfStep(std::span<const StepExample> batch,
                                            const std::vector<std::span<const Example* const>>& parts,
                                            StepReport& report, PairLogProbs& pairs) {
    const at::NoGradGuard noGradients;
    std::vector<double> sums;
    for (const auto part : parts) {
        const std::vector<double> more = toVector(logProbs(part));
        sums.insert(sums.end(), more.begin(), more.end());
    }
    return gradientOfPart(batch, sums, report, pairs);
}

std::vector<double> Trainer::gradientOfDemonstrations(std::span<const StepExample> part,
                                                      const std::vector<double>& sums, StepReport& report) const {
    std::vector<double> gradient(sums.size());
    for (std::size_t i = 0; i < part.size(); ++i) {
        report.loss -= part[i].weight * sums[i];
        gradient[i] = -part[i].weight;
    }
    return gradient;
}

std::vector<double> Trainer::gradientOfPairs(std::span<const StepExample> part, const std::vector<double>& sums,
                                             StepReport& report, PairLogProbs& pairs) const {
    PairLogProbs here;
    std::vector<std::size_t> begins;
    std::size_t begin = 0;
    for (const StepExample& item : part) {
        const Example& example = train_.examples[item.index];
        const double* reference = reference_.empty() ? nullptr : &reference_[starts_[item.index]];
        addPair(here, example, &sums[begin], reference);
        addPair(pairs, example, &sums[begin], reference);
        begins.push_back(begin);
        begin += example.completions.size();
    }
    const PairLosses losses = pairLosses(settings_.method, here, loss_);
    std::vector<double> gradient(sums.size());
    for (std::size_t i = 0; i < part.size(); ++i) {
        report.loss += part[i].weight * losses.loss[i];
        if (!losses.gradientRanked.empty()) {
            std::transform(losses.gradientRanked[i].begin(), losses.gradientRanked[i].end(), &gradient[begins[i]],
                           [&](double slope) { return part[i].weight * slope; });
            continue;
        }
        gradient[begins[i]] = part[i].weight * losses.gradientChosen[i];
        gradient[begins[i] + 1] = part[i].weight * losses.gradientRejected[i];
    }
    return gradient;
}

}  // namespace prefbench::training
