#include "core/training/losses.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/files/error.h"
#include "core/training/pair_formulas.h"
#include "core/training/plackett_luce.h"

namespace prefbench::training {
namespace {

double asSet(const LossSettings& settings) {
    return settings.nllWeight;
}
double whole(const LossSettings&) {
    return 1;
}
double thirdOfMpo(const LossSettings& settings) {
    return settings.mpoNll;
}

// clang-format off
const std::vector<Method> kMethods = {
    {.name = "dpo", .formula = formulas::dpo, .takesDivergence = true, .takesPreference = true},
    {.name = "cdpo", .formula = formulas::conservativeDpo, .takesLabelSmoothing = true, .takesDivergence = true,
     .takesPreference = true},
    {.name = "robust", .formula = formulas::robust, .takesLabelSmoothing = true, .takesDivergence = true},
    {.name = "reference_free", .formula = formulas::referenceFree, .takesLabelSmoothing = true,
     .takesPreference = true},
    {.name = "dpo_strength", .formula = formulas::strengthWeightedDpo, .takesDivergence = true,
     .takesPreference = true},
    {.name = "dpo_margin", .formula = formulas::strengthMarginDpo, .takesDivergence = true, .takesPreference = true},
    {.name = "ipo", .formula = formulas::ipo, .takesDivergence = true},
    {.name = "ipo_sum", .formula = formulas::ipoSum, .takesDivergence = true},
    {.name = "hinge", .formula = formulas::hinge, .takesDivergence = true},
    {.name = "exo_pair", .formula = formulas::exoPair, .takesLabelSmoothing = true, .needsLabelSmoothing = true,
     .takesDivergence = true},
    {.name = "nca_pair", .formula = formulas::ncaPair},
    {.name = "bco_pair", .formula = formulas::bcoPair},
    {.name = "sppo_hard", .formula = formulas::sppoHard},
    {.name = "apo_zero", .formula = formulas::apoZero},
    {.name = "apo_down", .formula = formulas::apoDown},
    {.name = "discopop", .formula = formulas::discopop, .takesDivergence = true},
    {.name = "sigmoid_norm", .formula = formulas::sigmoidNorm, .takesDivergence = true},
    {.name = "aot", .formula = formulas::optimalTransport, .pairing = Pairing::DifferencesByRank,
     .takesLabelSmoothing = true},
    {.name = "aot_unpaired", .formula = formulas::optimalTransport, .pairing = Pairing::RatiosByRank,
     .takesLabelSmoothing = true},
    {.name = "mpo", .formula = formulas::mixed, .nll = thirdOfMpo, .takesDivergence = true},
    {.name = "kto", .formula = formulas::kto, .needsMismatched = true},
    {.name = "orpo", .formula = formulas::orpo, .nll = asSet, .hasReference = false, .reward = Reward::MeanLogProb},
    {.name = "simpo", .formula = formulas::simpo, .takesLabelSmoothing = true, .hasReference = false,
     .reward = Reward::MeanLogProb},
    {.name = "cpo", .formula = formulas::cpo, .nll = asSet, .takesLabelSmoothing = true, .hasReference = false,
     .reward = Reward::LogProb},
    {.name = "cpo_hinge", .formula = formulas::cpoHinge, .nll = asSet, .hasReference = false,
     .reward = Reward::LogProb},
    {.name = "cpo_ipo", .formula = formulas::cpoIpo, .nll = asSet, .hasReference = false,
     .reward = Reward::MeanLogProb},
    {.name = "preferred_ft", .formula = formulas::none, .nll = whole},
    {.name = "plackett_luce", .data = DataKind::Rankings},
    {.name = "sft", .data = DataKind::Demonstrations, .hasReference = false},
};
// clang-format on

std::vector<std::size_t> byRank(const std::vector<double>& values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&values](std::size_t a, std::size_t b) { return values[a] < values[b]; });
    return order;
}

std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
    std::vector<double> result(a.size());
    std::transform(a.begin(), a.end(), b.begin(), result.begin(), std::minus<>());
    return result;
}

/// Whose numbers make the r-th pair that the formula sees.
struct Sources {
    std::vector<std::size_t> chosen, rejected, referenceChosen, referenceRejected;
};

Sources sourcesOf(const PairLogProbs& batch, Pairing pairing) {
    std::vector<std::size_t> plain(batch.size());
    std::iota(plain.begin(), plain.end(), std::size_t{0});
    switch (pairing) {
        case Pairing::DifferencesByRank: {
            const auto policy = byRank(difference(batch.policyChosen, batch.policyRejected));
            const auto reference = byRank(difference(batch.referenceChosen, batch.referenceRejected));
            return {policy, policy, reference, reference};
        }
        case Pairing::RatiosByRank: {
            const auto chosen = byRank(difference(batch.policyChosen, batch.referenceChosen));
            const auto rejected = byRank(difference(batch.policyRejected, batch.referenceRejected));
            return {chosen, rejected, chosen, rejected};
        }
        case Pairing::AsLabelled:
            break;
    }
    return {plain, plain, plain, plain};
}

double meanOf(const std::vector<double>& values) {
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The r-th pair.
Pair pairAt(const PairLogProbs& batch, const Sources& sources, std::size_t r) {
    const std::size_t chosen = sources.chosen[r], rejected = sources.rejected[r];
    Pair pair;
    pair.chosen = {batch.policyChosen[chosen], 1, 0};
    pair.rejected = {batch.policyRejected[rejected], 0, 1};
    pair.referenceChosen = batch.referenceChosen[sources.referenceChosen[r]];
    pair.referenceRejected = batch.referenceRejected[sources.referenceRejected[r]];
    pair.chosenTokens = static_cast<double>(batch.chosenTokens[chosen]);
    pair.rejectedTokens = static_cast<double>(batch.rejectedTokens[rejected]);
    pair.strength = batch.strength[r];
    pair.preference = batch.preference[r];
    pair.mismatchedKl = batch.mismatchedRatio.empty() ? 0 : std::max(0.0, meanOf(batch.mismatchedRatio));
    return pair;
}

/// Adds `weight` times the chosen completions' negative log-likelihood, the mean over all their tokens.
void addLikelihood(PairLosses& losses, const PairLogProbs& batch, double weight) {
    const auto tokens =
        static_cast<double>(std::accumulate(batch.chosenTokens.begin(), batch.chosenTokens.end(), std::int64_t{0}));
    const double share = weight * static_cast<double>(batch.size()) / tokens;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        losses.loss[i] -= share * batch.policyChosen[i];
        losses.gradientChosen[i] -= share;
    }
}

Divergence divergenceNamed(const std::string& name) {
    static constexpr std::pair<std::string_view, Divergence> names[] = {{"reverse_kl", Divergence::ReverseKl},
                                                                        {"forward_kl", Divergence::ForwardKl},
                                                                        {"js_divergence", Divergence::JensenShannon},
                                                                        {"alpha_divergence", Divergence::Alpha}};
    for (const auto& [known, divergence] : names) {
        if (known == name) {
            return divergence;
        }
    }
    throw Error("f_divergence_type = \"" + name +
                "\": must be reverse_kl, forward_kl, js_divergence or alpha_divergence");
}

PairLosses rankingLosses(const PairLogProbs& batch, double beta) {
    const std::size_t count = batch.size();
    PairLosses losses{{}, std::vector<double>(count), std::vector<double>(count), {}};
    for (const std::vector<double>& ratios : batch.rankedRatios) {
        RankingLoss one = plackettLuce(ratios, beta);
        losses.loss.push_back(one.loss);
        losses.gradientRanked.push_back(std::move(one.gradient));
    }
    return losses;
}

}  // namespace

void PairLogProbs::add(double chosen, double rejected, double chosenReference, double rejectedReference,
                       std::int64_t chosenLength, std::int64_t rejectedLength) {
    policyChosen.push_back(chosen);
    policyRejected.push_back(rejected);
    referenceChosen.push_back(chosenReference);
    referenceRejected.push_back(rejectedReference);
    chosenTokens.push_back(chosenLength);
    rejectedTokens.push_back(rejectedLength);
    strength.push_back(1);
    preference.push_back(1);
}

LossSettings lossSettings(const contract::Hyperparameters& h) {
    LossSettings settings;
    settings.beta = h.beta;
    settings.labelSmoothing = h.labelSmoothing;
    settings.divergence = divergenceNamed(h.divergence);
    settings.alpha = h.divergenceAlpha;
    settings.targetMargin = h.simpoGamma;
    settings.nllWeight = h.nllWeight;
    settings.temperature = h.discopopTau;
    settings.strengthMargin = h.strengthGamma;
    settings.desirableWeight = h.desirableWeight;
    settings.undesirableWeight = h.undesirableWeight;
    settings.mpoSigmoid = h.lossWeights.at(0);
    settings.mpoBco = h.lossWeights.at(1);
    settings.mpoNll = h.lossWeights.at(2);
    return settings;
}

const char* nameOf(DataKind kind) {
    switch (kind) {
        case DataKind::Pairs:
            return "pairs";
        case DataKind::Rankings:
            return "rankings";
        case DataKind::Demonstrations:
            break;
    }
    return "demonstrations";
}

const std::vector<Method>& methods() {
    return kMethods;
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

void checkSettings(const Method& method, const contract::Hyperparameters& hyperparameters) {
    const LossSettings settings = lossSettings(hyperparameters);
    const std::string name(method.name);
    if (settings.labelSmoothing > 0 && !method.takesLabelSmoothing) {
        throw Error("label_smoothing is above 0, but method " + name + " has none; cdpo has");
    }
    if (settings.labelSmoothing == 0 && method.needsLabelSmoothing) {
        throw Error("label_smoothing is 0, but method " + name + " takes its logarithm: must be above 0 (1e-3, say)");
    }
    if (settings.divergence != Divergence::ReverseKl && !method.takesDivergence) {
        throw Error("f_divergence_type is not reverse_kl, but method " + name + " knows no other");
    }
    if (hyperparameters.lengthAlpha != 1 && (method.needsMismatched || method.data != DataKind::Pairs)) {
        throw Error("ld_alpha is not 1, but method " + name + " does not compare completions by their length");
    }
    if ((settings.desirableWeight != 1 || settings.undesirableWeight != 1) && method.formula != formulas::kto) {
        throw Error("desirable_weight or undesirable_weight is not 1, but method " + name + " has none; kto has");
    }
    if (hyperparameters.lossWeights != contract::Hyperparameters().lossWeights && method.formula != formulas::mixed) {
        throw Error("loss_weights are set, but method " + name + " is not a sum of losses; mpo is");
    }
}

PairLosses pairLosses(const Method& method, const PairLogProbs& batch, const LossSettings& settings) {
    if (method.data == DataKind::Rankings) {
        return rankingLosses(batch, settings.beta);
    }
    const std::size_t count = batch.size();
    PairLosses losses{std::vector<double>(count), std::vector<double>(count), std::vector<double>(count), {}};
    const Sources sources = sourcesOf(batch, method.pairing);
    for (std::size_t r = 0; r < count; ++r) {
        const Dual loss = method.formula(pairAt(batch, sources, r), settings);
        losses.loss[r] = loss.value;
        losses.gradientChosen[sources.chosen[r]] += loss.byChosen;
        losses.gradientRejected[sources.rejected[r]] += loss.byRejected;
    }
    const double weight = method.nll == nullptr ? 0 : method.nll(settings);
    if (weight != 0) {
        addLikelihood(losses, batch, weight);
    }
    return losses;
}

}  // namespace prefbench::training
