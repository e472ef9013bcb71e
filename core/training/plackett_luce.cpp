#include "core/training/plackett_luce.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace prefbench::training {
namespace {

/// Adds what the choice of completion k among those from k on contributes: log Σ_{j≥k} exp(x_j), x_j = β(r_j − r_k).
void addChoice(RankingLoss& sum, const std::vector<double>& ratios, double beta, std::size_t k) {
    std::vector<double> weights;  // of k and all that come after it: exp(x_j − the greatest x)
    for (std::size_t j = k; j < ratios.size(); ++j) {
        weights.push_back(-(beta * (ratios[k] - ratios[j])));
    }
    const auto greatest = std::max_element(weights.begin(), weights.end());
    const double most = *greatest;
    double others = 0;  // than the greatest, whose weight is 1
    for (auto weight = weights.begin(); weight != weights.end(); ++weight) {
        *weight = std::exp(*weight - most);
        others += weight == greatest ? 0 : *weight;
    }
    sum.loss += most + std::log1p(others);
    for (std::size_t i = 1; i < weights.size(); ++i) {
        const double slope = beta * (weights[i] / (1 + others));
        sum.gradient[k + i] += slope;
        sum.gradient[k] -= slope;
    }
}

}  // namespace

RankingLoss plackettLuce(const std::vector<double>& ratios, double beta) {
    RankingLoss sum{0, std::vector<double>(ratios.size())};
    for (std::size_t k = 0; k + 1 < ratios.size(); ++k) {
        addChoice(sum, ratios, beta, k);
    }
    return sum;
}

double orderedShare(const std::vector<double>& ratios) {
    std::size_t ordered = 0, pairs = 0;
    for (std::size_t better = 0; better < ratios.size(); ++better) {
        for (std::size_t worse = better + 1; worse < ratios.size(); ++worse, ++pairs) {
            ordered += ratios[better] > ratios[worse] ? 1 : 0;
        }
    }
    return static_cast<double>(ordered) / static_cast<double>(pairs);
}

}  // namespace prefbench::training
