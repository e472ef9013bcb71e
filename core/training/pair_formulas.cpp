#include "core/training/pair_formulas.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace prefbench::training::formulas {
namespace {

/// f′(π/π_ref) up to a constant, from the log-ratio.
Dual score(const Dual& ratio, const LossSettings& settings) {
    switch (settings.divergence) {
        case Divergence::ReverseKl:
            return ratio;
        case Divergence::ForwardKl:
            return 1 - exp(-ratio);
        case Divergence::JensenShannon:
            return logSigmoid(ratio) + std::numbers::ln2;
        case Divergence::Alpha:
            break;
    }
    const double order = settings.alpha - 1;
    if (std::abs(order) < 1e-6) {
        return ratio;
    }
    constexpr double kLargestExponent = 80;  // as TRL has it, where float32 still holds the result
    const Dual exponent = order * ratio;
    const Dual power = exponent.value > kLargestExponent ? Dual{std::exp(kLargestExponent), 0, 0} : exp(exponent);
    return (power - 1) / order;
}

Dual chosenScore(const Pair& pair, const LossSettings& settings) {
    return score(pair.chosenRatio(), settings);
}
Dual rejectedScore(const Pair& pair, const LossSettings& settings) {
    return score(pair.rejectedRatio(), settings);
}
/// x
Dual margin(const Pair& pair, const LossSettings& settings) {
    return settings.beta * (chosenScore(pair, settings) - rejectedScore(pair, settings));
}
/// s_u/|chosen| − s_v/|rejected|
Dual marginPerToken(const Pair& pair, const LossSettings& settings) {
    return chosenScore(pair, settings) / pair.chosenTokens - rejectedScore(pair, settings) / pair.rejectedTokens;
}
/// −μ log σ(x) − (1 − μ) log σ(−x)
Dual crossEntropy(double probability, const Dual& x) {
    return probability * -logSigmoid(x) + (1 - probability) * -logSigmoid(-x);
}
/// μ where a share ε of the labels is the wrong way round.
double smoothed(double preference, double epsilon) {
    return preference * (1 - epsilon) + (1 - preference) * epsilon;
}

}  // namespace

Dual dpo(const Pair& pair, const LossSettings& settings) {
    return crossEntropy(pair.preference, margin(pair, settings));
}

Dual conservativeDpo(const Pair& pair, const LossSettings& settings) {
    return crossEntropy(smoothed(pair.preference, settings.labelSmoothing), margin(pair, settings));
}

Dual referenceFree(const Pair& pair, const LossSettings& settings) {
    return crossEntropy(smoothed(pair.preference, settings.labelSmoothing),
                        settings.beta * (pair.chosen - pair.rejected));
}

Dual strengthWeightedDpo(const Pair& pair, const LossSettings& settings) {
    return (pair.strength / settings.meanStrength) * dpo(pair, settings);
}

Dual strengthMarginDpo(const Pair& pair, const LossSettings& settings) {
    // A tie is half a label either way, each asking for no margin.
    const double wanted = pair.preference == 0.5 ? 0 : settings.strengthMargin * pair.strength;
    return crossEntropy(pair.preference, margin(pair, settings) - wanted);
}

Dual robust(const Pair& pair, const LossSettings& settings) {
    const double epsilon = settings.labelSmoothing;
    const Dual x = margin(pair, settings);
    return ((1 - epsilon) * -logSigmoid(x) + epsilon * logSigmoid(-x)) / (1 - 2 * epsilon);
}

Dual ipo(const Pair& pair, const LossSettings& settings) {
    return square(marginPerToken(pair, settings) - 1 / (2 * settings.beta));
}

Dual ipoSum(const Pair& pair, const LossSettings& settings) {
    return square(chosenScore(pair, settings) - rejectedScore(pair, settings) - 1 / (2 * settings.beta));
}

Dual hinge(const Pair& pair, const LossSettings& settings) {
    return positivePart(1 - margin(pair, settings));
}

Dual exoPair(const Pair& pair, const LossSettings& settings) {
    const auto epsilon = static_cast<float>(settings.labelSmoothing);  // as TRL takes these logarithms
    const Dual x = margin(pair, settings);
    return sigmoid(x) * (logSigmoid(x) - std::log1p(-epsilon)) + sigmoid(-x) * (logSigmoid(-x) - std::log(epsilon));
}

Dual ncaPair(const Pair& pair, const LossSettings& settings) {
    const Dual chosen = settings.beta * pair.chosenRatio(), rejected = settings.beta * pair.rejectedRatio();
    return -logSigmoid(chosen) - 0.5 * logSigmoid(-chosen) - 0.5 * logSigmoid(-rejected);
}

Dual bcoPair(const Pair& pair, const LossSettings& settings) {
    return -logSigmoid(settings.beta * pair.chosenRatio()) - logSigmoid(-(settings.beta * pair.rejectedRatio()));
}

Dual sppoHard(const Pair& pair, const LossSettings& settings) {
    const double target = 0.5 / settings.beta;
    return square(pair.chosenRatio() - target) + square(pair.rejectedRatio() + target);
}

Dual apoZero(const Pair& pair, const LossSettings& settings) {
    return 1 - sigmoid(settings.beta * pair.chosenRatio()) + sigmoid(settings.beta * pair.rejectedRatio());
}

Dual apoDown(const Pair& pair, const LossSettings& settings) {
    const Dual chosen = settings.beta * pair.chosenRatio(), rejected = settings.beta * pair.rejectedRatio();
    return sigmoid(chosen) + (1 - sigmoid(chosen - rejected));
}

Dual discopop(const Pair& pair, const LossSettings& settings) {
    const Dual x = margin(pair, settings);
    const Dual modulation = sigmoid(x / settings.temperature);
    return -logSigmoid(x) * (1 - modulation) + exp(-x) * modulation;
}

Dual sigmoidNorm(const Pair& pair, const LossSettings& settings) {
    return -logSigmoid(settings.beta * marginPerToken(pair, settings));
}

Dual optimalTransport(const Pair& pair, const LossSettings& settings) {
    const Dual difference = (pair.chosen - pair.rejected) - (pair.referenceChosen - pair.referenceRejected);
    return crossEntropy(1 - settings.labelSmoothing, settings.beta * difference);
}

Dual kto(const Pair& pair, const LossSettings& settings) {
    const double kl = pair.mismatchedKl;
    const Dual desirable = 1 - sigmoid(settings.beta * (pair.chosenRatio() - kl));
    const Dual undesirable = 1 - sigmoid(settings.beta * (kl - pair.rejectedRatio()));
    return 0.5 * (settings.desirableWeight * desirable + settings.undesirableWeight * undesirable);
}

Dual orpo(const Pair& pair, const LossSettings& settings) {
    const Dual chosen = pair.chosen / pair.chosenTokens, rejected = pair.rejected / pair.rejectedTokens;
    const Dual logOdds = (chosen - rejected) - (logOneMinusExp(chosen) - logOneMinusExp(rejected));
    return settings.beta * -logSigmoid(logOdds);
}

Dual simpo(const Pair& pair, const LossSettings& settings) {
    const Dual difference = pair.chosen / pair.chosenTokens - pair.rejected / pair.rejectedTokens;
    return crossEntropy(1 - settings.labelSmoothing, settings.beta * difference - settings.targetMargin);
}

Dual cpo(const Pair& pair, const LossSettings& settings) {
    return crossEntropy(1 - settings.labelSmoothing, settings.beta * (pair.chosen - pair.rejected));
}

Dual cpoHinge(const Pair& pair, const LossSettings& settings) {
    return positivePart(1 - settings.beta * (pair.chosen - pair.rejected));
}

Dual cpoIpo(const Pair& pair, const LossSettings& settings) {
    return square(pair.chosen / pair.chosenTokens - pair.rejected / pair.rejectedTokens - 1 / (2 * settings.beta));
}

Dual mixed(const Pair& pair, const LossSettings& settings) {
    return settings.mpoSigmoid * dpo(pair, settings) + settings.mpoBco * bcoPair(pair, settings);
}

Dual none(const Pair&, const LossSettings&) {
    return {};
}

}  // namespace prefbench::training::formulas
