#include <QObject>
#include <QTest>
#include <cmath>
#include <set>
#include <string>

#include "core/files/json.h"
#include "core/training/losses.h"
#include "core/training/pair_metrics.h"
#include "tests/support/golden_cases.h"

using namespace prefbench;
using training::PairLogProbs;

/// The golden losses file, for the losses that there are.
class TestGoldenLosses : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void golden();
};

namespace {

bool isClose(double found, double expected) {
    return std::abs(found - expected) <= 1e-9 * std::max(1.0, std::abs(expected));
}

PairLogProbs inputs(const files::Json& json) {
    PairLogProbs batch;
    batch.policyChosen = json.at("policy_chosen_logps").get<std::vector<double>>();
    batch.policyRejected = json.at("policy_rejected_logps").get<std::vector<double>>();
    batch.referenceChosen = json.at("ref_chosen_logps").get<std::vector<double>>();
    batch.referenceRejected = json.at("ref_rejected_logps").get<std::vector<double>>();
    return batch;
}

/// The method that a case is about; nullptr when there is none yet.
const training::Method* methodOf(const files::Json& golden) {
    const std::string name = golden.at("name");
    const files::Json type = golden.value("loss_type", files::Json());
    const bool plainSigmoid = type == "sigmoid" && name.rfind("sigmoid_b", 0) == 0;
    const bool original = type == "preference_loss" && name.rfind("mitchell_dpo_", 0) == 0;
    if (!plainSigmoid && !original) {
        return nullptr;
    }
    return &training::methodNamed(original && golden.value("label_smoothing", 0.0) > 0 ? "cdpo" : "dpo");
}

QString compareMetrics(const files::Json& expected, const PairLogProbs& batch, double beta) {
    const std::vector<double> weights(batch.size(), 1 / static_cast<double>(batch.size()));
    const training::MetricValues values = training::pairMetrics(batch, weights, beta);
    for (const auto& [key, value] : expected.items()) {
        // TRL averages accuracies in float32.
        const double found = values.at(key);
        const bool same =
            key == "rewards/accuracies" ? std::abs(found - value.get<double>()) <= 1e-6 : isClose(found, value);
        if (!same) {
            return QStringLiteral("%1: %2").arg(QString::fromStdString(key)).arg(found);
        }
    }
    return {};
}

QString compare(const files::Json& golden, const training::Method& method, PairLogProbs batch) {
    const double beta = golden.at("beta");
    // The original's "reference-free" takes the reference's log-ratio as 0.
    if (golden.value("reference_free", false)) {
        batch.referenceChosen.assign(batch.size(), 0);
        batch.referenceRejected.assign(batch.size(), 0);
    }
    const training::PairLosses losses = method.pairLoss(batch, {beta, golden.value("label_smoothing", 0.0)});
    const double count = static_cast<double>(batch.size());
    double mean = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        mean += losses.loss[i] / count;
        if (golden.contains("per_pair_loss") && !isClose(losses.loss[i], golden.at("per_pair_loss")[i])) {
            return QStringLiteral("loss of pair %1: %2").arg(i).arg(losses.loss[i]);
        }
        if (!isClose(losses.gradientChosen[i] / count, golden.at("grad_policy_chosen")[i]) ||
            !isClose(losses.gradientRejected[i] / count, golden.at("grad_policy_rejected")[i])) {
            return QStringLiteral("gradient of pair %1: %2").arg(i).arg(losses.gradientChosen[i] / count);
        }
    }
    if (!isClose(mean, golden.at("mean_loss"))) {
        return QStringLiteral("mean loss %1").arg(mean);
    }
    return golden.contains("trl_metrics") ? compareMetrics(golden.at("trl_metrics"), batch, beta) : QString();
}

}  // namespace

void TestGoldenLosses::golden() {
    const QString file = GoldenCases::root().filePath(QStringLiteral("losses/losses.json"));
    const files::Json json = files::readJsonFile(file.toStdString());
    const PairLogProbs batch = inputs(json.at("inputs"));
    GoldenCases cases(QStringLiteral("losses"));
    std::set<std::string> run;
    for (const files::Json& golden : json.at("cases")) {
        const QString name = QString::fromStdString(golden.at("name"));
        const training::Method* method = methodOf(golden);
        if (!method) {
            cases.skip(name, QStringLiteral("no such method yet"));
            continue;
        }
        const QString difference = compare(golden, *method, batch);
        cases.check(difference.isEmpty(), name, difference);
        run.emplace(method->name);
    }
    QVERIFY(cases.finish());
    QVERIFY2(run.contains("dpo") && run.contains("cdpo"), "the file holds no case of dpo or of cdpo");
}

QTEST_APPLESS_MAIN(TestGoldenLosses)
#include "tst_golden_losses.moc"
