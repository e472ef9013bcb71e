#include "ui/methods/method_choices.h"

namespace prefbench::methods {
namespace {

const QString kBeta = QStringLiteral("beta"), kSmoothing = QStringLiteral("label_smoothing"),
              kLength = QStringLiteral("ld_alpha"), kLikelihood = QStringLiteral("cpo_alpha");

QStringList settings(const QStringList& more = {}) {
    return QStringList{kBeta, kLength} + more;
}

QStringList withDivergence(const QStringList& more = {}) {
    return settings(more) + QStringList{QStringLiteral("f_divergence_type"), QStringLiteral("f_alpha_divergence_coef")};
}

QString scaleHelp() {
    return MethodChoice::tr("higher tells the two answers apart more sharply");
}

QList<MethodChoice> common() {
    return {{.method = QStringLiteral("dpo"),
             .name = MethodChoice::tr("DPO"),
             .sentence = MethodChoice::tr("Raises the preferred answer above the other, measured from where the model "
                                          "starts. The usual choice."),
             .settings = withDivergence(),
             .takesTies = true},
            {.method = QStringLiteral("ipo"),
             .name = MethodChoice::tr("IPO"),
             .sentence = MethodChoice::tr("Moves the two answers a set distance apart and no further, so that few or "
                                          "certain labels are not learned by heart."),
             .settings = withDivergence()},
            {.method = QStringLiteral("kto"),
             .name = MethodChoice::tr("KTO"),
             .sentence = MethodChoice::tr("Takes each answer for itself, as good or bad, and can weigh the good and "
                                          "the bad ones differently."),
             .settings = {kBeta, QStringLiteral("desirable_weight"), QStringLiteral("undesirable_weight")}},
            {.method = QStringLiteral("simpo"),
             .name = MethodChoice::tr("SimPO"),
             .sentence = MethodChoice::tr("Compares answers by their mean log-probability a token: no reference model, "
                                          "and length alone earns nothing."),
             .settings = settings({kSmoothing, QStringLiteral("simpo_gamma")}),
             // As its authors begin; at the default of 0.1 means a token hardly move the loss.
             .starts = {{kBeta, QStringLiteral("2")}, {QStringLiteral("simpo_gamma"), QStringLiteral("1")}},
             .betaHelp = scaleHelp()},
            {.method = QStringLiteral("orpo"),
             .name = MethodChoice::tr("ORPO"),
             .sentence = MethodChoice::tr("Learns to write the preferred answers and to favour them over the others in "
                                          "one go: no reference model."),
             .settings = settings({kLikelihood}),
             .betaHelp = MethodChoice::tr("weight of favouring the preferred answer")},
            {.method = QStringLiteral("sft"),
             .name = MethodChoice::tr("Supervised fine-tuning"),
             .sentence = MethodChoice::tr("Learns to write the preferred answers, each once. The others are not used."),
             .settings = {},
             .learnsFromAnswers = true}};
}

/// For labels that are wrong at times, or that say how much better an answer is.
QList<MethodChoice> forKindsOfLabels() {
    const QMap<QString, QString> tenth = {{kSmoothing, QStringLiteral("0.1")}};  // at 0 both are dpo
    return {{.method = QStringLiteral("cdpo"),
             .name = MethodChoice::tr("Conservative DPO"),
             .sentence = MethodChoice::tr("DPO that takes a share of the labels to be wrong and is never quite sure."),
             .settings = withDivergence({kSmoothing}),
             .starts = tenth,
             .takesTies = true},
            {.method = QStringLiteral("robust"),
             .name = MethodChoice::tr("Robust DPO"),
             .sentence = MethodChoice::tr("DPO corrected for a known share of wrong labels, so that on average they "
                                          "cancel out."),
             .settings = withDivergence({kSmoothing}),
             .starts = tenth},
            {.method = QStringLiteral("dpo_strength"),
             .name = MethodChoice::tr("DPO weighted by strength"),
             .sentence = MethodChoice::tr("DPO in which “much better” counts for more than “slightly better”."),
             .settings = withDivergence(),
             .takesTies = true},
            {.method = QStringLiteral("dpo_margin"),
             .name = MethodChoice::tr("DPO with margins by strength"),
             .sentence = MethodChoice::tr("DPO that asks for a wider lead where the preferred answer is much better."),
             .settings = withDivergence({QStringLiteral("strength_gamma")}),
             .takesTies = true}};
}

QList<MethodChoice> otherComparisons() {
    return {{.method = QStringLiteral("hinge"),
             .name = MethodChoice::tr("Hinge (SLiC)"),
             .sentence = MethodChoice::tr("Pushes the answers apart until the lead is 1, then leaves the pair alone."),
             .settings = withDivergence()},
            {.method = QStringLiteral("ipo_sum"),
             .name = MethodChoice::tr("IPO over whole answers"),
             .sentence = MethodChoice::tr("IPO as first published: over the sums of whole answers instead of the means "
                                          "a token."),
             .settings = withDivergence()},
            {.method = QStringLiteral("sigmoid_norm"),
             .name = MethodChoice::tr("Length-normalised DPO"),
             .sentence = MethodChoice::tr("DPO over means a token, so that long answers have no advantage."),
             .settings = withDivergence(),
             .starts = {{kBeta, QStringLiteral("5")}}},  // as Tülu 3 has it: means are smaller than sums
            {.method = QStringLiteral("exo_pair"),
             .name = MethodChoice::tr("EXO"),
             .sentence = MethodChoice::tr("Brings the model's odds between the two answers to those of the smoothed "
                                          "label."),
             .settings = withDivergence({kSmoothing}),
             .starts = {{kSmoothing, QStringLiteral("0.001")}},
             .needsLabelSmoothing = true},
            {.method = QStringLiteral("discopop"),
             .name = MethodChoice::tr("DiscoPOP"),
             .sentence = MethodChoice::tr("A loss found by search: logistic while the answers are in the wrong order, "
                                          "exponential after."),
             .settings = withDivergence({QStringLiteral("discopop_tau")})},
            {.method = QStringLiteral("aot"),
             .name = MethodChoice::tr("AOT"),
             .sentence = MethodChoice::tr("Compares the sorted leads of a whole step with the reference's; wants large "
                                          "batches."),
             .settings = settings({kSmoothing})},
            {.method = QStringLiteral("aot_unpaired"),
             .name = MethodChoice::tr("AOT unpaired"),
             .sentence = MethodChoice::tr("Compares all preferred answers of a step, sorted, with all others; wants "
                                          "large batches."),
             .settings = settings({kSmoothing})},
            {.method = QStringLiteral("mpo"),
             .name = MethodChoice::tr("MPO"),
             .sentence = MethodChoice::tr("A weighted sum of DPO, BCO and fine-tuning on the preferred answers."),
             .settings = withDivergence({QStringLiteral("loss_weights")})}};
}

/// Answers are not compared in their pair: each is moved up or down.
QList<MethodChoice> eachForItself() {
    return {{.method = QStringLiteral("bco_pair"),
             .name = MethodChoice::tr("BCO"),
             .sentence = MethodChoice::tr("Learns to tell good from bad answers as a classifier, each for itself."),
             .settings = settings()},
            {.method = QStringLiteral("nca_pair"),
             .name = MethodChoice::tr("NCA"),
             .sentence = MethodChoice::tr("Scores each answer for itself, which keeps the preferred one from becoming "
                                          "less likely."),
             .settings = settings()},
            {.method = QStringLiteral("sppo_hard"),
             .name = MethodChoice::tr("SPPO"),
             .sentence = MethodChoice::tr("Moves each answer to a set win or loss instead of ever further."),
             .settings = settings()},
            {.method = QStringLiteral("apo_zero"),
             .name = MethodChoice::tr("APO-zero"),
             .sentence = MethodChoice::tr("Makes preferred answers likelier and the others less likely; for answers "
                                          "that are better than the model's own."),
             .settings = settings()},
            {.method = QStringLiteral("apo_down"),
             .name = MethodChoice::tr("APO-down"),
             .sentence = MethodChoice::tr("Makes both answers less likely, the preferred one less so; for a model that "
                                          "is better than the answers."),
             .settings = settings()}};
}

QList<MethodChoice> withoutReference() {
    return {
        {.method = QStringLiteral("reference_free"),
         .name = MethodChoice::tr("DPO without reference"),
         .sentence = MethodChoice::tr("DPO measured from nothing; only the charts still compare with where the "
                                      "model starts."),
         .settings = settings({kSmoothing}),
         .betaHelp = scaleHelp(),
         .takesTies = true},
        {.method = QStringLiteral("cpo"),
         .name = MethodChoice::tr("CPO"),
         .sentence = MethodChoice::tr("DPO without a reference model, and learning to write the preferred answers."),
         .settings = settings({kSmoothing, kLikelihood}),
         .betaHelp = scaleHelp()},
        {.method = QStringLiteral("cpo_hinge"),
         .name = MethodChoice::tr("CPO with hinge loss"),
         .sentence = MethodChoice::tr("CPO that leaves a pair alone once the preferred answer leads by 1."),
         .settings = settings({kLikelihood}),
         .betaHelp = scaleHelp()},
        {.method = QStringLiteral("cpo_ipo"),
         .name = MethodChoice::tr("CPO with IPO loss"),
         .sentence = MethodChoice::tr("CPO that moves the means a token of the two answers a set distance apart."),
         .settings = settings({kLikelihood}),
         .betaHelp = MethodChoice::tr("higher asks for a smaller distance")},
        {.method = QStringLiteral("preferred_ft"),
         .name = MethodChoice::tr("Fine-tuning, watching both answers"),
         .sentence = MethodChoice::tr("Learns to write the preferred answer of every pair. The other is only "
                                      "compared with it, in the charts."),
         .settings = {kLength}}};
}

}  // namespace

const QList<QList<MethodChoice>>& MethodChoice::groups() {
    static const QList<QList<MethodChoice>> all = {common(), forKindsOfLabels(), otherComparisons(), eachForItself(),
                                                   withoutReference()};
    return all;
}

const MethodChoice& MethodChoice::named(const QString& method) {
    for (const QList<MethodChoice>& group : groups()) {
        for (const MethodChoice& choice : group) {
            if (choice.method == method) {
                return choice;
            }
        }
    }
    return groups().first().first();
}

QString methodTitle(const QString& method) {
    const MethodChoice& choice = MethodChoice::named(method);
    return choice.method == method ? choice.name : method;
}

}  // namespace prefbench::methods
