#pragma once

#include <vector>

namespace prefbench::training {

/// A ranking's loss and its derivatives by log π of every completion.
struct RankingLoss {
    double loss = 0;
    std::vector<double> gradient;
};

/// −Σ_k log(exp βr_k / Σ_{j≥k} exp βr_j) over the completions' log-ratios r = log π − log π_ref, best first: Rafailov
/// et al., Direct Preference Optimization, arXiv:2305.18290, appendix A.3, eq. 20. Of two completions it is dpo's loss,
/// bit for bit.
RankingLoss plackettLuce(const std::vector<double>& ratios, double beta);

/// The share of a ranking's pairs of completions, K(K − 1)/2, whose better one has the greater log-ratio.
double orderedShare(const std::vector<double>& ratios);

}  // namespace prefbench::training
