#include "core/training/pair_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/training/plackett_luce.h"

namespace prefbench::training {
namespace {

double rewardOf(Reward reward, double policy, double reference, std::int64_t tokens) {
    switch (reward) {
        case Reward::LogRatio:
            return policy - reference;
        case Reward::LogProb:
            return policy;
        case Reward::MeanLogProb:
            break;
    }
    return policy / static_cast<double>(tokens);
}

}  // namespace

double percentile(std::vector<double> values, double percent) {
    const bool comparable = std::none_of(values.begin(), values.end(), [](double value) { return std::isnan(value); });
    if (values.empty() || !comparable) {
        return std::numeric_limits<double>::quiet_NaN();
    }
    std::sort(values.begin(), values.end());
    const double place = percent / 100 * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    const double part = place - static_cast<double>(below);
    return part > 0 ? values[below] + part * (values[above] - values[below]) : values[below];
}

MetricValues pairMetrics(const PairLogProbs& batch, const std::vector<double>& weights, double beta, Reward reward) {
    MetricValues means;
    std::vector<double> margins;
    const bool isRanking = !batch.rankedRatios.empty();
    double total = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const double chosen =
            beta * rewardOf(reward, batch.policyChosen[i], batch.referenceChosen[i], batch.chosenTokens[i]);
        const double rejected =
            beta * rewardOf(reward, batch.policyRejected[i], batch.referenceRejected[i], batch.rejectedTokens[i]);
        margins.push_back(chosen - rejected);
        total += weights[i];
        means["rewards/chosen"] += weights[i] * chosen;
        means["rewards/rejected"] += weights[i] * rejected;
        means["rewards/accuracies"] +=
            weights[i] * (isRanking ? orderedShare(batch.rankedRatios[i]) : chosen > rejected);
        means["rewards/margins"] += weights[i] * margins.back();
        means["logps/chosen"] += weights[i] * batch.policyChosen[i];
        means["logps/rejected"] += weights[i] * batch.policyRejected[i];
        means["gradient_weight"] +=
            weights[i] *
            (isRanking ? -plackettLuce(batch.rankedRatios[i], beta).gradient.front() / beta : sigmoid(-margins.back()));
    }
    for (auto& [name, sum] : means) {
        sum /= total;
    }
    for (const int percent : {10, 50, 90}) {
        means["rewards/margins_p" + std::to_string(percent)] = percentile(margins, percent);
    }
    return means;
}

}  // namespace prefbench::training
