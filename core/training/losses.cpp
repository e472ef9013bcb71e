#include "core/training/losses.h"

#include <algorithm>
#include <cmath>

#include "core/files/error.h"

namespace prefbench::training {

void PairLogProbs::add(double chosen, double rejected, double chosenReference, double rejectedReference) {
    policyChosen.push_back(chosen);
    policyRejected.push_back(rejected);
    referenceChosen.push_back(chosenReference);
    referenceRejected.push_back(rejectedReference);
}

double sigmoid(double x) {
    if (x >= 0) {
        return 1 / (1 + std::exp(-x));
    }
    const double e = std::exp(x);
    return e / (1 + e);
}

double logSigmoid(double x) {
    return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
}

PairLosses conservativeDpoLoss(const PairLogProbs& batch, const LossSettings& settings) {
    const double beta = settings.beta;
    const double epsilon = settings.labelSmoothing;
    PairLosses result;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const double chosenRatio = batch.policyChosen[i] - batch.referenceChosen[i];
        const double rejectedRatio = batch.policyRejected[i] - batch.referenceRejected[i];
        const double logit = beta * (chosenRatio - rejectedRatio);
        // The term of weight 0 is left out: at an infinite logit it would make 0 · ∞.
        double loss = -(1 - epsilon) * logSigmoid(logit);
        double slope = -(1 - epsilon) * sigmoid(-logit);
        if (epsilon > 0) {
            loss -= epsilon * logSigmoid(-logit);
            slope += epsilon * sigmoid(logit);
        }
        result.loss.push_back(loss);
        result.gradientChosen.push_back(beta * slope);
        result.gradientRejected.push_back(-beta * slope);
    }
    return result;
}

PairLosses dpoLoss(const PairLogProbs& batch, const LossSettings& settings) {
    return conservativeDpoLoss(batch, {.beta = settings.beta, .labelSmoothing = 0});
}

const std::vector<Method>& methods() {
    static const std::vector<Method> table = {
        {.name = "dpo", .data = DataKind::Pairs, .pairLoss = dpoLoss},
        {.name = "cdpo", .data = DataKind::Pairs, .pairLoss = conservativeDpoLoss, .takesLabelSmoothing = true},
        {.name = "sft", .data = DataKind::Demonstrations},
    };
    return table;
}

const Method& methodNamed(const std::string& name) {
    std::string known;
    for (const Method& method : methods()) {
        if (method.name == name) {
            return method;
        }
        known += (known.empty() ? "" : ", ") + std::string(method.name);
    }
    throw Error("method \"" + name + "\" is not known; known are " + known);
}

}  // namespace prefbench::training
