#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace prefbench::training {

/// Log-probabilities of the completions of a batch of pairs, each summed over the completion's tokens, nats. All four
/// are as long as the batch.
struct PairLogProbs {
    std::vector<double> policyChosen, policyRejected, referenceChosen, referenceRejected;

    std::size_t size() const { return policyChosen.size(); }
    void add(double chosen, double rejected, double chosenReference, double rejectedReference);
};

/// Each pair's loss and its derivative with respect to the policy's two sums.
struct PairLosses {
    std::vector<double> loss, gradientChosen, gradientRejected;
};

struct LossSettings {
    double beta = 0.1;          ///< strength of the pull towards the reference
    double labelSmoothing = 0;  ///< ε: the share of labels taken to be the wrong way round; below ½
};

/// A loss over the pairs of a batch, in double precision. It sees the log-probabilities and nothing else, so that
/// splitting a batch for memory cannot change it.
using PairLoss = PairLosses (*)(const PairLogProbs& batch, const LossSettings& settings);

/// What a method learns from.
enum class DataKind { Pairs, Demonstrations };

/// A row of the table of methods.
struct Method {
    std::string_view name;
    DataKind data = DataKind::Pairs;
    PairLoss pairLoss = nullptr;       ///< pairs only; demonstrations are trained by maximum likelihood
    bool takesLabelSmoothing = false;  ///< the others refuse a label smoothing other than 0
};

const std::vector<Method>& methods();
/// Error that lists the known names when there is none of that name.
const Method& methodNamed(const std::string& name);

/// −log σ(βD), D = (log π(chosen) − log π_ref(chosen)) − (log π(rejected) − log π_ref(rejected)).
/// Rafailov et al., Direct Preference Optimization, arXiv:2305.18290, eq. 7; TRL's "sigmoid".
PairLosses dpoLoss(const PairLogProbs& batch, const LossSettings& settings);

/// −(1−ε) log σ(βD) − ε log σ(−βD): DPO where a share ε of the labels is taken to be flipped.
/// Mitchell, A note on DPO with noisy preferences, https://ericmitchell.ai/cdpo.pdf, eq. 3.
PairLosses conservativeDpoLoss(const PairLogProbs& batch, const LossSettings& settings);

/// σ(x) and log σ(x), accurate for any finite x.
double sigmoid(double x);
double logSigmoid(double x);

}  // namespace prefbench::training
