#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/training/losses.h"

namespace prefbench::training {

using MetricValues = std::map<std::string, double>;

/// Rewards, accuracy, margins, log-probabilities and gradient weight of a batch under TRL's names
/// (docs/run-directory.md). Means are weighted by `weights`; margins_p10, p50, p90 are percentiles over the pairs. Of a
/// ranking, accuracy is orderedShare and gradient weight the probability that another than the best comes first.
MetricValues pairMetrics(const PairLogProbs& batch, const std::vector<double>& weights, double beta, Reward reward);

/// Percentile with linear interpolation between the neighbours, as numpy's default; NaN for no values.
double percentile(std::vector<double> values, double percent);

}  // namespace prefbench::training
