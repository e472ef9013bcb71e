#include "core/training/trainer.h"

#include <cmath>
#include <span>
#include <utility>

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
      order_(orderFor(train_, settings_)),
      schedule_(scheduleFor(settings_.hyperparameters, order_.stepsPerEpoch())),
      optimizer_(policy_.parameters(), {settings_.hyperparameters.adamBeta1, settings_.hyperparameters.adamBeta2,
                                        settings_.hyperparameters.adamEpsilon, settings_.hyperparameters.weightDecay}) {
    policy_.requireGradients(true);
}

void Trainer::resume(const std::filesystem::path& optimizerFile, std::int64_t stepsDone) {
    optimizer_.load(optimizerFile);
    stepsDone_ = stepsDone;
}

StepReport Trainer::step() {
    const std::vector<model::Parameter>& parameters = policy_.parameters();
    const double maxNorm = settings_.hyperparameters.maxGradNorm;
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
    }

    // Forward and backward, as many examples at a time as the memory allows; gradients add up.
    PairLogProbs pairs;
    std::size_t begin = 0;
    for (const auto part : splitByTokens(examples, settings_.tokenBudget)) {
        const at::Tensor sums = completionLogProbs(policy_, part);  // [completions] float64
        const std::vector<double> gradient =
            addLosses(std::span(batch).subspan(begin, part.size()), toVector(sums), report, pairs);
        sums.backward(at::tensor(gradient, sums.options().requires_grad(false)));
        begin += part.size();
    }

    report.gradientNorm = gradientNorm(parameters);
    report.skipped = !std::isfinite(report.loss) || !std::isfinite(report.gradientNorm);
    if (!report.skipped) {
        if (maxNorm > 0) {
            clipGradients(parameters, report.gradientNorm, maxNorm);
        }
        optimizer_.step(report.learningRate);
    }
    clearGradients(parameters);

    if (settings_.method.data == DataKind::Pairs) {
        report.pairMetrics = pairMetrics(pairs, weights, settings_.hyperparameters.beta);
    }
    report.step = ++stepsDone_;
    return report;
}

/// Demonstrations are averaged over the step's predicted tokens, whatever the batches; pairs as DataOrder weighs them.
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
    }
    return batch;
}

/// Adds the part's losses to the report's, its pairs to `pairs`, and returns the step's loss's derivative with respect
/// to each of `sums`.
std::vector<double> Trainer::addLosses(std::span<const StepExample> part, const std::vector<double>& sums,
                                       StepReport& report, PairLogProbs& pairs) const {
    std::vector<double> gradient(sums.size());
    if (settings_.method.data == DataKind::Demonstrations) {
        for (std::size_t i = 0; i < part.size(); ++i) {
            report.loss -= part[i].weight * sums[i];
            gradient[i] = -part[i].weight;
        }
        return gradient;
    }
    PairLogProbs here;
    for (std::size_t i = 0; i < part.size(); ++i) {
        here.add(sums[2 * i], sums[2 * i + 1], reference_[2 * part[i].index], reference_[2 * part[i].index + 1]);
    }
    const contract::Hyperparameters& h = settings_.hyperparameters;
    const PairLosses losses = settings_.method.pairLoss(here, {h.beta, h.labelSmoothing});
    for (std::size_t i = 0; i < part.size(); ++i) {
        report.loss += part[i].weight * losses.loss[i];
        gradient[2 * i] = part[i].weight * losses.gradientChosen[i];
        gradient[2 * i + 1] = part[i].weight * losses.gradientRejected[i];
        pairs.add(here.policyChosen[i], here.policyRejected[i], here.referenceChosen[i], here.referenceRejected[i]);
    }
    return gradient;
}

}  // namespace prefbench::training
