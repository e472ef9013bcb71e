#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/contract/run_spec.h"
#include "core/training/dual.h"

namespace prefbench::training {

/// What the policy and the reference make of the completions of a batch of pairs: log-probabilities summed over a
/// completion's tokens, nats. All vectors are as long as the batch.
struct PairLogProbs {
    std::vector<double> policyChosen, policyRejected, referenceChosen, referenceRejected;
    std::vector<std::int64_t> chosenTokens, rejectedTokens;
    std::vector<double> strength;    ///< how much better the chosen one is, |score| of the label; above 0
    std::vector<double> preference;  ///< μ: the probability that it is the better one; ½ for a tie
    /// log π − log π_ref of a completion that answers another prompt, for methods that ask for one; else empty.
    std::vector<double> mismatchedRatio;
    /// Of rankings log π − log π_ref of every completion, best first; chosen is the best one then, and rejected the
    /// mean of the others. Of pairs empty.
    std::vector<std::vector<double>> rankedRatios;

    std::size_t size() const { return policyChosen.size(); }
    /// One more pair; of one token each, strength 1, preference 1 unless said otherwise afterwards.
    void add(double chosen, double rejected, double chosenReference, double rejectedReference,
             std::int64_t chosenLength = 1, std::int64_t rejectedLength = 1);
};

/// Each pair's loss and the derivatives by the policy's two sums. Where a loss is defined on the batch alone, the mean
/// of `loss` is the batch's loss and the derivatives are those of its sum.
struct PairLosses {
    std::vector<double> loss, gradientChosen, gradientRejected;
    std::vector<std::vector<double>> gradientRanked;  ///< of rankings: by the sum of every completion; else empty
};

/// f′ of the divergence that holds the policy near the reference: Wang et al. 2023, "Beyond Reverse KL", table 1.
enum class Divergence { ReverseKl, ForwardKl, JensenShannon, Alpha };

/// Names in brackets: the settings of run.json that they come from.
struct LossSettings {
    double beta = 0.1;                                  ///< strength of the pull towards the reference
    double labelSmoothing = 0;                          ///< ε: the share of labels taken to be the wrong way round
    Divergence divergence = Divergence::ReverseKl;      ///< [f_divergence_type]
    double alpha = 0.5;                                 ///< of the alpha divergence [f_alpha_divergence_coef]
    double targetMargin = 0.5;                          ///< γ of simpo [simpo_gamma]
    double nllWeight = 1;                               ///< of the chosen completions' likelihood [cpo_alpha]
    double temperature = 0.05;                          ///< τ of discopop [discopop_tau]
    double strengthMargin = 1;                          ///< γ of dpo_margin [strength_gamma]
    double meanStrength = 1;                            ///< over the data that is trained on
    double desirableWeight = 1, undesirableWeight = 1;  ///< of kto [the same in snake case]
    double mpoSigmoid = 0.8, mpoBco = 0.2, mpoNll = 1;  ///< weights of mpo's three losses [loss_weights]
};
LossSettings lossSettings(const contract::Hyperparameters& hyperparameters);

/// A pair as a formula sees it.
struct Pair {
    Dual chosen, rejected;  ///< log π
    double referenceChosen = 0, referenceRejected = 0;
    double chosenTokens = 1, rejectedTokens = 1;
    double strength = 1, preference = 1;
    double mismatchedKl = 0;  ///< max(0, mean of mismatchedRatio over the batch)

    Dual chosenRatio() const { return chosen - referenceChosen; }
    Dual rejectedRatio() const { return rejected - referenceRejected; }
};

/// What a method learns from.
enum class DataKind {
    Pairs,           ///< chosen and rejected
    Rankings,        ///< two completions or more, best first
    Demonstrations,  ///< one completion, maximum likelihood
};

/// What `rewards/…` are: β times …
enum class Reward {
    LogRatio,     ///< log π − log π_ref
    LogProb,      ///< log π
    MeanLogProb,  ///< log π a token
};

/// Which numbers of a batch a formula sees together.
enum class Pairing {
    AsLabelled,
    DifferencesByRank,  ///< the r-th smallest log π(chosen) − log π(rejected) with the reference's r-th smallest
    RatiosByRank,       ///< the r-th smallest log-ratio of the chosen with the r-th smallest of the rejected
};

/// A row of the table of methods.
struct Method {
    std::string_view name;
    DataKind data = DataKind::Pairs;
    /// Loss of a pair; none for rankings, whose loss is plackettLuce's.
    Dual (*formula)(const Pair& pair, const LossSettings& settings) = nullptr;
    Pairing pairing = Pairing::AsLabelled;
    double (*nll)(const LossSettings&) = nullptr;  ///< weight of the chosen completions' mean negative log-likelihood
    bool takesLabelSmoothing = false;              ///< the others refuse a label smoothing other than 0
    bool needsLabelSmoothing = false;
    bool takesDivergence = false;  ///< the others refuse one other than reverse KL
    bool takesPreference = false;  ///< soft labels and ties; the others drop ties
    bool needsMismatched = false;  ///< a third completion, of another prompt, estimates the KL divergence
    bool hasReference = true;
    Reward reward = Reward::LogRatio;

    /// Whether a pair's loss depends on the others of its batch: then a step takes all log-probabilities first.
    bool overBatch() const { return pairing != Pairing::AsLabelled || nll != nullptr || needsMismatched; }
};

/// "pairs", "rankings", "demonstrations"
const char* nameOf(DataKind kind);

const std::vector<Method>& methods();
/// Error that lists the known names when there is none of that name.
const Method& methodNamed(const std::string& name);
/// Error that names setting and rule where the settings ask the method for what it does not have.
void checkSettings(const Method& method, const contract::Hyperparameters& hyperparameters);

/// The losses of a batch by a method for pairs or rankings. They see log-probabilities and nothing else, in double
/// precision, so that splitting a batch for memory cannot change them.
PairLosses pairLosses(const Method& method, const PairLogProbs& batch, const LossSettings& settings);

}  // namespace prefbench::training
