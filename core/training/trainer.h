#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/contract/run_spec.h"
#include "core/model/transformer.h"
#include "core/training/data_order.h"
#include "core/training/dataset.h"
#include "core/training/losses.h"
#include "core/training/optimizer.h"
#include "core/training/pair_metrics.h"
#include "core/training/reference.h"
#include "core/training/schedule.h"

namespace prefbench::training {

/// Optimizer steps in a run: as many as asked for, else enough for the epochs.
std::int64_t plannedSteps(const contract::Hyperparameters& hyperparameters, std::int64_t stepsPerEpoch);

/// Where a step's time went.
struct StageSeconds {
    double forward = 0;  ///< from tokens to log-probabilities
    double loss = 0;
    double backward = 0;
    double gradientNorm = 0;
    double optimizer = 0;  ///< clipping and update

    double total() const { return forward + loss + backward + gradientNorm + optimizer; }
};

/// What one optimizer step did.
struct StepReport {
    std::int64_t step = 0;  ///< steps done, this one included
    double loss = 0;
    double gradientNorm = 0;  ///< before clipping
    double learningRate = 0;  ///< used by this step
    bool skipped = false;     ///< loss or gradient was not finite: the parameters were left as they were
    MetricValues pairMetrics;
    std::vector<std::string> ids;
    std::int64_t tokens = 0;  ///< useful ones: prompt once, all completions
    std::int64_t predictedTokens = 0;
    StageSeconds seconds;
};

/// Trains a model, one optimizer step a call. Knows nothing of files or processes (except to save and load its state);
/// the same inputs give the same bits on the same CPU and number of threads. Of a policy with an adapter it trains the
/// adapter alone. One thread.
class Trainer {
  public:
    struct Settings {
        Method method;
        contract::Hyperparameters hyperparameters;
        std::uint64_t seed = 0;
        std::int64_t tokenBudget = 4096;  ///< tokens that are in memory at once; changes rounding only
    };
    /// `train` has examples; `reference` has their log-probabilities (empty for a method without a reference).
    Trainer(model::Transformer policy, Dataset train, ReferenceLogProbs reference, const Settings& settings);
    Trainer(const Trainer&) = delete;
    Trainer& operator=(const Trainer&) = delete;

    StepReport step();
    /// Forward and backward of the longest batch that a step may hold, so that memory is known to suffice; nothing is
    /// changed by it.
    void rehearse();

    std::int64_t stepsDone() const { return stepsDone_; }
    std::int64_t totalSteps() const { return schedule_.totalSteps; }
    double epochsDone() const { return order_.epochsAfter(stepsDone_); }
    const model::Transformer& policy() const { return policy_; }
    const Dataset& train() const { return train_; }
    /// What the hyperparameters and the training data make of the loss.
    const LossSettings& lossSettings() const { return loss_; }

    /// The optimizer's state; with the policy's weights and the number of steps done it is all there is to resume from.
    void saveOptimizer(const std::filesystem::path& file) const { optimizer_->save(file); }
    /// Goes on where a trainer stood that had done `stepsDone` steps; the policy given to the constructor is that
    /// one's.
    void resume(const std::filesystem::path& optimizerFile, std::int64_t stepsDone);

  private:
    std::vector<StepExample> stepExamples();
    at::Tensor logProbs(std::span<const Example* const> part);
    std::vector<double> gradientOfDemonstrations(std::span<const StepExample> part, const std::vector<double>& sums,
                                                 StepReport& report) const;
    std::vector<double> gradientOfPairs(std::span<const StepExample> part, const std::vector<double>& sums,
                                        StepReport& report, PairLogProbs& pairs) const;
    std::vector<double> gradientOfPart(std::span<const StepExample> part, const std::vector<double>& sums,
                                       StepReport& report, PairLogProbs& pairs) const;
    std::vector<double> gradientOfStep(std::span<const StepExample> batch,
                                       const std::vector<std::span<const Example* const>>& parts, StepReport& report,
                                       PairLogProbs& pairs);

    Settings settings_;
    model::Transformer policy_;
    Dataset train_;
    ReferenceLogProbs reference_;
    std::vector<std::size_t> starts_;  ///< of each example's completions in reference_
    DataOrder order_;
    LossSettings loss_;
    Schedule schedule_;
    std::unique_ptr<Optimizer> optimizer_;
    std::int64_t stepsDone_ = 0;
};

}  // namespace prefbench::training
