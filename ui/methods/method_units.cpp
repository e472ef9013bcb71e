#include "ui/methods/method_units.h"

#include <QSet>
#include <algorithm>

#include "core/contract/run_spec.h"

namespace prefbench::methods {
namespace {

/// Mean of −log σ of what is 0 in a model that is still its reference.
const QSet<QString>& startingAtLn2() {
    static const QSet<QString> methods = {QStringLiteral("dpo"),          QStringLiteral("cdpo"),
                                          QStringLiteral("robust"),       QStringLiteral("dpo_strength"),
                                          QStringLiteral("sigmoid_norm"), QStringLiteral("aot"),
                                          QStringLiteral("aot_unpaired")};
    return methods;
}

/// Logarithms of probabilities too, but of something that is not 0 at first.
const QSet<QString>& otherLogarithms() {
    static const QSet<QString> methods = {QStringLiteral("reference_free"), QStringLiteral("dpo_margin"),
                                          QStringLiteral("exo_pair"),       QStringLiteral("nca_pair"),
                                          QStringLiteral("bco_pair"),       QStringLiteral("simpo")};
    return methods;
}

bool isKnown(const QString& method) {
    const std::vector<std::string>& names = contract::methodNames();
    return std::find(names.begin(), names.end(), method.toStdString()) != names.end();
}

}  // namespace

MethodUnits unitsOf(const QString& method) {
    static const QSet<QString> ofTokens = {QStringLiteral("sft"), QStringLiteral("preferred_ft")};
    static const QSet<QString> rewardOfTokens = {QStringLiteral("orpo"), QStringLiteral("simpo"),
                                                 QStringLiteral("cpo_ipo")};
    MethodUnits units;
    units.startsAtLn2 = startingAtLn2().contains(method) || !isKnown(method);
    units.loss = ofTokens.contains(method)                                 ? MethodUnits::tr("nats a token")
                 : units.startsAtLn2 || otherLogarithms().contains(method) ? MethodUnits::tr("nats a pair")
                                                                           : MethodUnits::tr("mean over pairs");
    units.reward = rewardOfTokens.contains(method) ? MethodUnits::tr("nats a token × β") : MethodUnits::tr("nats × β");
    return units;
}

}  // namespace prefbench::methods
