#include <QDir>
#include <QFileInfo>
#include <QObject>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <map>
#include <numeric>
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
    void golden_data();
    void golden();
    void everyMethodIsHeldAgainstNumbers();

  private:
    std::set<std::string> run_;
};

namespace {

using training::LossSettings;
using training::Method;
using training::PairLosses;

/// Relative to what the case was computed in.
struct Closeness {
    double relative = 1e-9;
    bool operator()(double found, double expected) const {
        return std::abs(found - expected) <= relative * std::max(1.0, std::abs(expected));
    }
};

PairLogProbs inputs(const files::Json& json) {
    const auto numbers = [&json](const char* key) { return json.at(key).get<std::vector<double>>(); };
    const std::vector<double> chosen = numbers("policy_chosen_logps"), rejected = numbers("policy_rejected_logps"),
                              referenceChosen = numbers("ref_chosen_logps"),
                              referenceRejected = numbers("ref_rejected_logps");
    PairLogProbs batch;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        batch.add(chosen[i], rejected[i], referenceChosen[i], referenceRejected[i]);
    }
    batch.chosenTokens = json.value("chosen_completion_tokens", batch.chosenTokens);
    batch.rejectedTokens = json.value("rejected_completion_tokens", batch.rejectedTokens);
    batch.strength = json.value("strength", batch.strength);
    batch.preference = json.value("preference", batch.preference);
    return batch;
}

/// Our name for the loss; empty for one that is not known.
std::string nameOf(const std::string& lossType) {
    static const std::map<std::string, std::string> others = {
        {"sigmoid", "dpo"},     {"sft", "preferred_ft"},    {"preference_loss_ipo_sum", "ipo_sum"},
        {"cpo:simpo", "simpo"}, {"cpo:sigmoid", "cpo"},     {"cpo:hinge", "cpo_hinge"},
        {"cpo:ipo", "cpo_ipo"}, {"preference_loss", "cdpo"}};
    if (const auto found = others.find(lossType); found != others.end()) {
        return found->second;
    }
    const auto& known = training::methods();
    const bool isOurs = std::any_of(known.begin(), known.end(), [&](const Method& m) { return m.name == lossType; });
    return isOurs ? lossType : std::string();
}

/// The methods whose losses a case adds up; empty where one is not known.
std::vector<Method> methodsOf(const files::Json& golden) {
    const files::Json& type = golden.at("loss_type");
    if (golden.value("reference_free", false)) {
        return {training::methodNamed("reference_free")};
    }
    std::vector<Method> methods;
    for (const files::Json& one : type.is_array() ? type : files::Json::array({type})) {
        const std::string name = nameOf(one);
        if (name.empty()) {
            return {};
        }
        methods.push_back(training::methodNamed(name));
    }
    return methods;
}

/// Each ranking's log-ratios, and the numbers of its best completion beside the means of the others.
PairLogProbs rankings(const files::Json& json) {
    using Lists = std::vector<std::vector<double>>;
    const Lists policy = json.at("policy_logps"), reference = json.at("ref_logps");
    const auto meanOfOthers = [](const std::vector<double>& values) {
        return std::accumulate(values.begin() + 1, values.end(), 0.0) / static_cast<double>(values.size() - 1);
    };
    PairLogProbs batch;
    for (std::size_t i = 0; i < policy.size(); ++i) {
        batch.add(policy[i][0], meanOfOthers(policy[i]), reference[i][0], meanOfOthers(reference[i]));
        batch.rankedRatios.emplace_back();
        std::transform(policy[i].begin(), policy[i].end(), reference[i].begin(),
                       std::back_inserter(batch.rankedRatios[i]), std::minus<>());
    }
    return batch;
}

LossSettings settingsOf(const files::Json& golden, const PairLogProbs& batch) {
    contract::Hyperparameters h;
    h.beta = golden.at("beta");
    h.labelSmoothing = golden.value("label_smoothing", 0.0);
    h.divergence = golden.value("f_divergence_type", h.divergence);
    h.divergenceAlpha = golden.value("f_alpha_divergence_coef", h.divergenceAlpha);
    h.simpoGamma = golden.value("simpo_gamma", h.simpoGamma);
    h.discopopTau = golden.value("discopop_tau", h.discopopTau);
    h.strengthGamma = golden.value("strength_gamma", h.strengthGamma);
    h.nllWeight = 0;  // the file's cpo and orpo are without it
    h.desirableWeight = golden.value("desirable_weight", h.desirableWeight);
    h.undesirableWeight = golden.value("undesirable_weight", h.undesirableWeight);
    LossSettings settings = training::lossSettings(h);
    settings.meanStrength =
        std::accumulate(batch.strength.begin(), batch.strength.end(), 0.0) / static_cast<double>(batch.size());
    return settings;
}

/// Sums in which the tokens past the end of the pair's shorter completion count `alpha`.
void weighTails(PairLogProbs& batch, const files::Json& perToken, double alpha) {
    const auto sum = [alpha](const std::vector<double>& values, std::size_t shared) {
        double total = 0;
        for (std::size_t i = 0; i < values.size(); ++i) {
            total += (i < shared ? 1 : alpha) * values[i];
        }
        return total;
    };
    for (std::size_t i = 0; i < batch.size(); ++i) {
        const auto shared = static_cast<std::size_t>(std::min(batch.chosenTokens[i], batch.rejectedTokens[i]));
        // All chosen ones stand before all rejected ones.
        const std::size_t rejected = batch.size() + i;
        batch.policyChosen[i] = sum(perToken.at("policy")[i], shared);
        batch.policyRejected[i] = sum(perToken.at("policy")[rejected], shared);
        batch.referenceChosen[i] = sum(perToken.at("ref")[i], shared);
        batch.referenceRejected[i] = sum(perToken.at("ref")[rejected], shared);
    }
}

PairLosses lossesOf(const files::Json& golden, const std::vector<Method>& methods, const PairLogProbs& batch) {
    const LossSettings settings = settingsOf(golden, batch);
    const std::vector<double> weights =
        golden.value("loss_weights", files::Json(std::vector<double>(methods.size(), 1)));
    const std::size_t count = batch.size();
    PairLosses sum{std::vector<double>(count), std::vector<double>(count), std::vector<double>(count), {}};
    for (std::size_t m = 0; m < methods.size(); ++m) {
        const PairLosses one = training::pairLosses(methods[m], batch, settings);
        for (std::size_t i = 0; i < count; ++i) {
            sum.loss[i] += weights[m] * one.loss[i];
            sum.gradientChosen[i] += weights[m] * one.gradientChosen[i];
            sum.gradientRejected[i] += weights[m] * one.gradientRejected[i];
        }
    }
    return sum;
}

QString compareMetrics(const files::Json& expected, const Method& method, const PairLogProbs& batch, double beta,
                       const Closeness& isClose) {
    const std::vector<double> weights(batch.size(), 1 / static_cast<double>(batch.size()));
    const training::MetricValues values = training::pairMetrics(batch, weights, beta, method.reward);
    for (const auto& [key, value] : expected.items()) {
        const double found = values.at(key);
        // TRL averages accuracies in float32; and what a case computes in float32 may be a tie there alone.
        const bool isAccuracy = key == "rewards/accuracies";
        const double rounding = isClose.relative > 1e-9 ? 1 : 1e-6;
        if (isAccuracy ? std::abs(found - value.get<double>()) > rounding : !isClose(found, value)) {
            return QStringLiteral("%1: %2").arg(QString::fromStdString(key)).arg(found);
        }
    }
    return {};
}

/// The mean of the rewards that a case lists pair by pair.
QString compareRewards(const files::Json& golden, const Method& method, const PairLogProbs& batch) {
    const std::vector<double> weights(batch.size(), 1 / static_cast<double>(batch.size()));
    const training::MetricValues found = training::pairMetrics(batch, weights, golden.at("beta"), method.reward);
    for (const char* side : {"chosen", "rejected"}) {
        const std::vector<double> expected = golden.at(std::string("rewards_") + side);
        const double mean =
            std::accumulate(expected.begin(), expected.end(), 0.0) / static_cast<double>(expected.size());
        if (!Closeness{1e-6}(found.at(std::string("rewards/") + side), mean)) {
            return QStringLiteral("rewards/%1").arg(QLatin1String(side));
        }
    }
    return {};
}

QString compareLosses(const files::Json& golden, const PairLosses& losses, const PairLogProbs& batch, bool averages,
                      const Closeness& isClose) {
    const double count = static_cast<double>(batch.size());
    double mean = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        mean += losses.loss[i] / count;
        if (golden.contains("per_pair_loss") && !isClose(losses.loss[i], golden.at("per_pair_loss")[i])) {
            return QStringLiteral("loss of pair %1: %2").arg(i).arg(losses.loss[i]);
        }
        // By the mean log-probability a token: the derivative by the sum, times the tokens.
        const double chosen = averages ? static_cast<double>(batch.chosenTokens[i]) : 1;
        const double rejected = averages ? static_cast<double>(batch.rejectedTokens[i]) : 1;
        if (!isClose(chosen * losses.gradientChosen[i] / count, golden.at("grad_policy_chosen")[i]) ||
            !isClose(rejected * losses.gradientRejected[i] / count, golden.at("grad_policy_rejected")[i])) {
            return QStringLiteral("gradient of pair %1: %2, %3")
                .arg(i)
                .arg(losses.gradientChosen[i] / count)
                .arg(losses.gradientRejected[i] / count);
        }
    }
    return isClose(mean, golden.at("mean_loss")) ? QString() : QStringLiteral("mean loss %1").arg(mean);
}

QString compare(const files::Json& golden, const std::vector<Method>& methods, PairLogProbs batch,
                const files::Json& perToken) {
    const Closeness isClose{golden.value("dtype", "float64") == "float32" ? 1e-5 : 1e-9};
    if (golden.contains("ld_alpha")) {
        weighTails(batch, perToken, golden.at("ld_alpha"));
    }
    if (golden.contains("kl_estimate_before_clamp")) {
        batch.mismatchedRatio = {golden.at("kl_estimate_before_clamp").get<double>()};
    }
    const bool averages = golden.value("note", "").find("AVERAGE") != std::string::npos;
    QString difference = compareLosses(golden, lossesOf(golden, methods, batch), batch, averages, isClose);
    if (difference.isEmpty() && golden.contains("trl_metrics")) {
        // Of MPO too: TRL's rewards are those of the log-ratios.
        difference =
            compareMetrics(golden.at("trl_metrics"), training::methodNamed("dpo"), batch, golden.at("beta"), isClose);
    }
    return difference.isEmpty() && golden.contains("rewards_chosen") ? compareRewards(golden, methods.front(), batch)
                                                                     : difference;
}

/// What differs first between a case and the losses, gradients and metrics of its rankings.
QString compareRankings(const files::Json& golden, const Method& method, const PairLogProbs& batch) {
    const Closeness isClose;
    const auto count = static_cast<double>(batch.size());
    const PairLosses losses = training::pairLosses(method, batch, settingsOf(golden, batch));
    double mean = 0;
    for (std::size_t i = 0; i < batch.size(); ++i) {
        mean += losses.loss[i] / count;
        const std::vector<double> gradient = golden.at("grad_policy")[i];
        bool same = isClose(losses.loss[i], golden.at("per_ranking_loss")[i]);
        for (std::size_t k = 0; k < gradient.size(); ++k) {
            same = same && isClose(losses.gradientRanked[i].at(k) / count, gradient[k]);
        }
        if (!same) {
            return QStringLiteral("ranking %1: loss %2").arg(i).arg(losses.loss[i]);
        }
    }
    const QString metrics = compareMetrics(golden.at("metrics"), method, batch, golden.at("beta"), isClose);
    return isClose(mean, golden.at("mean_loss")) ? metrics : QStringLiteral("mean loss %1").arg(mean);
}

}  // namespace

void TestGoldenLosses::golden_data() {
    QTest::addColumn<QString>("file");
    const QDir folder(GoldenCases::root().filePath(QStringLiteral("losses")));
    for (const QString& file : folder.entryList({QStringLiteral("*.json")})) {
        QTest::newRow(qPrintable(file)) << folder.filePath(file);
    }
}

void TestGoldenLosses::golden() {
    QFETCH(QString, file);
    const files::Json json = files::readJsonFile(file.toStdString());
    const bool ranked = json.at("inputs").contains("policy_logps");
    const PairLogProbs batch = ranked ? rankings(json.at("inputs")) : inputs(json.at("inputs"));
    GoldenCases cases(QStringLiteral("losses/") + QFileInfo(file).baseName());
    for (const files::Json& golden : json.at("cases")) {
        const QString name = QString::fromStdString(golden.at("name"));
        const std::vector<training::Method> methods = methodsOf(golden);
        if (methods.empty()) {
            cases.skip(name, QStringLiteral("no such method"));
            continue;
        }
        const QString difference =
            ranked ? compareRankings(golden, methods.front(), batch)
                   : compare(golden, methods, batch, json.at("inputs").value("per_token", files::Json()));
        cases.check(difference.isEmpty(), name, difference);
        for (const training::Method& method : methods) {
            run_.emplace(method.name);
        }
    }
    QVERIFY(cases.finish());
}

void TestGoldenLosses::everyMethodIsHeldAgainstNumbers() {
    if (qEnvironmentVariableIsSet("PREFBENCH_GOLDEN")) {
        QSKIP("another set of golden files decides what is in it");
    }
    for (const training::Method& method : training::methods()) {
        // mpo is a sum of three that are; sft is held against whole runs of TRL.
        const std::string name(method.name);
        QVERIFY2(run_.contains(name) || name == "mpo" || name == "sft", name.c_str());
    }
}

QTEST_APPLESS_MAIN(TestGoldenLosses)
#include "tst_golden_losses.moc"
