#pragma once

#include <cstdint>
#include <vector>

namespace prefbench::statistics {

struct Interval {
    double low = 0, high = 0;
};

/// Percentile bootstrap interval of the mean of independent values (Efron 1979): `resamples` draws with replacement,
/// the (1 − confidence)/2 quantiles of their means. The same values and seed give the same interval on every machine.
/// std::invalid_argument when there is no value, or the confidence is not between 0 and 1.
Interval bootstrapMean(const std::vector<double>& values, std::uint64_t seed, int resamples = 10000,
                       double confidence = 0.95);

double mean(const std::vector<double>& values);

}  // namespace prefbench::statistics
