#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace prefbench::training {

/// One example's part in an optimizer step.
struct StepExample {
    std::size_t index = 0;  ///< into the data set
    double weight = 0;      ///< of its loss in the step's: 1 / (batches in the step · examples in its batch)
};

/// Which examples each optimizer step takes: batches of `batchSize` in the epoch's order, `accumulation` batches a
/// step. Every epoch takes each example once; its last batch, and its last step, may be short (as transformers'
/// Trainer does it). A pure function of the step's number, so a resumed run goes on where it was.
class DataOrder {
  public:
    struct Settings {
        std::int64_t batchSize = 1, accumulation = 1;
        bool shuffle = false;  ///< else file order
        std::uint64_t seed = 0;
    };
    DataOrder(std::size_t examples, const Settings& settings);

    std::int64_t stepsPerEpoch() const;
    /// Examples of the step that follows `stepsDone` steps, in order.
    std::vector<StepExample> step(std::int64_t stepsDone);
    /// Epochs done after `stepsDone` steps, with its fraction: batches done / batches in an epoch.
    double epochsAfter(std::int64_t stepsDone) const;

  private:
    std::int64_t batchesPerEpoch() const;
    const std::vector<std::size_t>& orderOf(std::int64_t epoch);

    std::size_t examples_;
    Settings settings_;
    std::int64_t cachedEpoch_ = -1;
    std::vector<std::size_t> order_;
};

/// 0…size−1 in an order drawn from (seed, epoch): Fisher–Yates over SplitMix64, the same on every machine.
std::vector<std::size_t> shuffledOrder(std::size_t size, std::uint64_t seed, std::uint64_t epoch);

}  // namespace prefbench::training
