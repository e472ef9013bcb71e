#include "core/statistics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <stdexcept>
#include <string>

namespace prefbench::statistics {

namespace {

/// Linear between order statistics.
double quantile(const std::vector<double>& sorted, double share) {
    const double place = share * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

double mean(const std::vector<double>& values) {
    if (values.empty()) {
        throw std::invalid_argument("the mean of no values is not defined");
    }
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

Interval bootstrapMean(const std::vector<double>& values, std::uint64_t seed, int resamples, double confidence) {
    if (values.empty()) {
        throw std::invalid_argument("a bootstrap interval needs at least one value");
    }
    if (!(confidence > 0 && confidence < 1) || resamples < 1) {
        throw std::invalid_argument("bootstrap: confidence " + std::to_string(confidence) + " with " +
                                    std::to_string(resamples) +
                                    " resamples; it must be between 0 and 1, with at least one");
    }
    // The standard says what the engine yields but not what its distributions do with it.
    std::mt19937_64 random(seed);
    const std::uint64_t count = values.size();
    std::vector<double> means(static_cast<std::size_t>(resamples));
    for (double& resampled : means) {
        double sum = 0;
        for (std::uint64_t i = 0; i < count; ++i) {
            sum += values[random() % count];
        }
        resampled = sum / static_cast<double>(count);
    }
    std::sort(means.begin(), means.end());
    const double tail = (1 - confidence) / 2;
    return {quantile(means, tail), quantile(means, 1 - tail)};
}

}  // namespace prefbench::statistics
