#include "core/training/data_order.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace prefbench::training {
namespace {

/// Steele, Lea and Flood, Fast splittable pseudorandom number generators, OOPSLA 2014.
class SplitMix64 {
  public:
    explicit SplitMix64(std::uint64_t state) : state_(state) {}
    std::uint64_t next() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        return z ^ (z >> 31);
    }
    /// Uniform in [0, bound), without the bias of a plain remainder.
    std::uint64_t below(std::uint64_t bound) {
        const std::uint64_t excess = (0 - bound) % bound;
        for (;;) {
            const std::uint64_t draw = next();
            if (draw >= excess) {
                return draw % bound;
            }
        }
    }

  private:
    std::uint64_t state_;
};

std::int64_t ceilDivide(std::int64_t value, std::int64_t by) {
    return (value + by - 1) / by;
}

}  // namespace

std::vector<std::size_t> shuffledOrder(std::size_t size, std::uint64_t seed, std::uint64_t epoch) {
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    // The epoch goes through the generator once, so that (seed, epoch + 1) is not (seed + 1, epoch).
    SplitMix64 random(SplitMix64(seed).next() ^ SplitMix64(~epoch).next());
    for (std::size_t i = size; i > 1; --i) {
        std::swap(order[i - 1], order[random.below(i)]);
    }
    return order;
}

DataOrder::DataOrder(std::size_t examples, const Settings& settings) : examples_(examples), settings_(settings) {}

std::int64_t DataOrder::batchesPerEpoch() const {
    return ceilDivide(static_cast<std::int64_t>(examples_), settings_.batchSize);
}

std::int64_t DataOrder::stepsPerEpoch() const {
    return ceilDivide(batchesPerEpoch(), settings_.accumulation);
}

const std::vector<std::size_t>& DataOrder::orderOf(std::int64_t epoch) {
    if (cachedEpoch_ != epoch) {
        order_ = shuffledOrder(examples_, settings_.seed, static_cast<std::uint64_t>(epoch));
        if (!settings_.shuffle) {
            std::iota(order_.begin(), order_.end(), std::size_t{0});
        }
        cachedEpoch_ = epoch;
    }
    return order_;
}

std::vector<StepExample> DataOrder::step(std::int64_t stepsDone) {
    const std::vector<std::size_t>& order = orderOf(stepsDone / stepsPerEpoch());
    const std::int64_t firstBatch = stepsDone % stepsPerEpoch() * settings_.accumulation;
    const std::int64_t endBatch = std::min(firstBatch + settings_.accumulation, batchesPerEpoch());
    std::vector<StepExample> result;
    for (std::int64_t batch = firstBatch; batch < endBatch; ++batch) {
        const auto begin = static_cast<std::size_t>(batch * settings_.batchSize);
        const std::size_t end = std::min(begin + static_cast<std::size_t>(settings_.batchSize), examples_);
        const double weight = 1.0 / static_cast<double>(endBatch - firstBatch) / static_cast<double>(end - begin);
        for (std::size_t i = begin; i < end; ++i) {
            result.push_back({order[i], weight});
        }
    }
    return result;
}

double DataOrder::epochsAfter(std::int64_t stepsDone) const {
    const std::int64_t batches = std::min(stepsDone % stepsPerEpoch() * settings_.accumulation, batchesPerEpoch());
    return static_cast<double>(stepsDone / stepsPerEpoch()) +
           static_cast<double>(batches) / static_cast<double>(batchesPerEpoch());
}

}  // namespace prefbench::training
