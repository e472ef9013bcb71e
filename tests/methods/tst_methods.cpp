#include <QSet>
#include <QTest>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/contract/run_spec.h"
#include "core/files/error.h"
#include "core/training/losses.h"
#include "ui/methods/method_choices.h"
#include "ui/methods/method_units.h"
#include "ui/methods/run_settings.h"

using namespace prefbench;
using methods::MethodChoice;

namespace {

QList<MethodChoice> allChoices() {
    QList<MethodChoice> all;
    for (const QList<MethodChoice>& group : MethodChoice::groups()) {
        all += group;
    }
    return all;
}

/// Pairs of which no two are alike, answers of unlike length, labels of unlike strength and one that is not sure.
training::PairLogProbs batch(bool touched) {
    training::PairLogProbs pairs;
    for (int i = 0; i < 4; ++i) {
        const double chosen = -20 - 3.0 * i, rejected = -23 - 2.5 * i, moved = touched ? 1 : 0;
        pairs.add(chosen + moved * (0.3 + 0.2 * i), rejected - moved * (0.9 - 0.4 * i), chosen, rejected, 5 + i, 9 - i);
        pairs.strength.back() = 1 + i % 3;
        pairs.mismatchedRatio.push_back(0.1 * i);
    }
    return pairs;
}

double meanStrength(const training::PairLogProbs& pairs) {
    return std::accumulate(pairs.strength.begin(), pairs.strength.end(), 0.0) / static_cast<double>(pairs.size());
}

double lossOf(const training::Method& method, const contract::Hyperparameters& hyperparameters, bool touched = true) {
    const training::PairLogProbs pairs = batch(touched);
    training::LossSettings settings = training::lossSettings(hyperparameters);
    settings.meanStrength = meanStrength(pairs);
    const std::vector<double> losses = training::pairLosses(method, pairs, settings).loss;
    return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
}

/// Settings in which every other setting that the method has makes a difference.
contract::RunSpec telling(const training::Method& method) {
    contract::RunSpec spec;
    spec.method = std::string(method.name);
    if (method.takesLabelSmoothing) {
        spec.hyperparameters.labelSmoothing = 0.1;
    }
    if (method.takesDivergence) {
        spec.hyperparameters.divergence = "alpha_divergence";
    }
    return spec;
}

bool reads(const training::Method& method, const char* key, const char* value) {
    const contract::RunSpec before = telling(method);
    contract::RunSpec after = before;
    contract::applySetting(after, std::string(key) + "=" + value);
    try {
        training::checkSettings(method, after.hyperparameters);
    } catch (const Error&) {
        return false;
    }
    if (method.data == training::DataKind::Demonstrations) {
        return false;
    }
    // It is in the log-probabilities before the loss sees them.
    return std::string_view(key) == "ld_alpha" ||
           lossOf(method, before.hyperparameters) != lossOf(method, after.hyperparameters);
}

}  // namespace

/// What the form says of the methods, held against the engine's own table and formulas.
class TestMethods : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void everyMethodIsOfferedOnce() {
        QStringList offered;
        QSet<QString> names;
        for (const MethodChoice& choice : allChoices()) {
            offered << choice.method;
            names << choice.name;
            QVERIFY2(!choice.name.isEmpty() && choice.sentence.endsWith(u'.'), qPrintable(choice.method));
        }
        QCOMPARE(names.size(), offered.size());
        QStringList known;
        for (const std::string& name : contract::methodNames()) {
            if (name != "plackett_luce") {
                known << QString::fromStdString(name);
            }
        }
        offered.sort();
        known.sort();
        QCOMPARE(offered, known);
        QCOMPARE(MethodChoice::groups().first().first().method, QString("dpo"));
    }

    void theFormShowsWhatTheLossReads_data() { addMethods(); }
    void theFormShowsWhatTheLossReads() {
        QFETCH(QString, name);
        const MethodChoice& choice = MethodChoice::named(name);
        const training::Method& method = training::methodNamed(name.toStdString());
        const std::pair<const char*, const char*> others[] = {{"beta", "0.4"},
                                                              {"label_smoothing", "0.2"},
                                                              {"f_divergence_type", "forward_kl"},
                                                              {"f_alpha_divergence_coef", "0.2"},
                                                              {"ld_alpha", "0.5"},
                                                              {"simpo_gamma", "2"},
                                                              {"cpo_alpha", "0.5"},
                                                              {"discopop_tau", "0.5"},
                                                              {"strength_gamma", "2"},
                                                              {"desirable_weight", "2"},
                                                              {"undesirable_weight", "2"},
                                                              {"loss_weights", "[0.5, 0.5, 0.5]"}};
        QSet<QString> asked;
        for (const auto& [key, value] : others) {
            asked << QLatin1String(key);
            QVERIFY2(choice.settings.contains(QLatin1String(key)) == reads(method, key, value), key);
        }
        QVERIFY(asked.contains(QSet<QString>(choice.settings.begin(), choice.settings.end())));
        QCOMPARE(choice.takesTies, method.takesPreference);
        QCOMPARE(choice.needsLabelSmoothing, method.needsLabelSmoothing);
        QCOMPARE(choice.learnsFromAnswers, method.data == training::DataKind::Demonstrations);
    }

    void theEngineTakesWhatTheFormBeginsWith_data() { addMethods(); }
    void theEngineTakesWhatTheFormBeginsWith() {
        QFETCH(QString, name);
        const MethodChoice& choice = MethodChoice::named(name);
        contract::RunSpec spec;
        spec.method = name.toStdString();
        for (const QString& key : choice.settings) {
            const QString value = methods::startValue(key, choice);
            contract::applySetting(spec, (key + u'=' + value).toStdString());
        }
        contract::check(spec);
        training::checkSettings(training::methodNamed(spec.method), spec.hyperparameters);
    }

    /// A guide that says "knows nothing" stands where the untouched model's loss is, or not at all.
    void theGuideStandsWhereLossesBegin_data() { addMethods(); }
    void theGuideStandsWhereLossesBegin() {
        QFETCH(QString, name);
        const training::Method& method = training::methodNamed(name.toStdString());
        bool begins = method.data == training::DataKind::Pairs;
        for (const double beta : {0.1, 0.7}) {
            contract::Hyperparameters h = telling(method).hyperparameters;
            h.beta = beta;
            begins = begins && std::abs(lossOf(method, h, false) - std::numbers::ln2) < 1e-9;
        }
        QCOMPARE(methods::unitsOf(name).startsAtLn2, begins);
    }

  private:
    static void addMethods() {
        QTest::addColumn<QString>("name");
        for (const MethodChoice& choice : allChoices()) {
            QTest::newRow(qPrintable(choice.method)) << choice.method;
        }
    }
};

QTEST_GUILESS_MAIN(TestMethods)
#include "tst_methods.moc"
