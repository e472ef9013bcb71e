#include <QTest>
#include <algorithm>
#include <array>
#include <cmath>

#include "core/sampling/processors.h"
#include "tests/support/golden_cases.h"

using namespace prefbench;

namespace {

constexpr std::array known{
    "temperature",         "top_k", "top_p", "min_p", "typical_p", "epsilon_cutoff", "repetition_penalty",
    "no_repeat_ngram_size"};

/// The first setting that this version does not have; empty when there is none.
QString unknownSetting(const files::OrderedJson& settings) {
    for (const auto& [key, value] : settings.items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) {
            return QString::fromStdString(key);
        }
    }
    return {};
}

double largestDifference(std::vector<double> got, std::vector<double> expected, bool sorted) {
    if (sorted) {
        std::sort(got.begin(), got.end());
        std::sort(expected.begin(), expected.end());
    }
    double largest = got.size() == expected.size() ? 0 : INFINITY;
    for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
        const double difference = got[i] == expected[i] ? 0 : std::abs(got[i] - expected[i]);
        largest = std::max(largest, std::isnan(difference) ? INFINITY : difference);
    }
    return largest;
}

std::vector<double> toVector(const at::Tensor& row) {
    const at::Tensor wide = row.to(at::kDouble).contiguous();
    return {wide.const_data_ptr<double>(), wide.const_data_ptr<double>() + wide.numel()};
}

}  // namespace

/// Logits processors against transformers'.
class TestGoldenSampling : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void cases() {
        GoldenCases cases(QStringLiteral("sampling"));
        const QString file = GoldenCases::root().filePath(QStringLiteral("sampling/sampling.json"));
        const auto golden = files::readOrderedJsonFile(file.toStdString());
        for (const auto& one : golden.at("cases")) {
            const auto vector = one.at("logits").get<std::string>();
            const QString name = QString::fromStdString(vector + " " + files::toLine(one.at("settings")));
            if (const QString unknown = unknownSetting(one.at("settings")); !unknown.isEmpty()) {
                cases.skip(name, unknown + QStringLiteral(" is not supported"));
                continue;
            }
            const auto settings = contract::samplingFromJson(files::Json(one.at("settings")));
            const sampling::RowHistory history{golden.at("history").get<std::vector<std::int64_t>>(), {}};
            const auto logits = golden.at("logits").at(vector).get<std::vector<double>>();
            check(cases, name, one,
                  sampling::processLogits(at::tensor(logits, at::kFloat).unsqueeze(0), settings, {history})[0],
                  vector == "ties");
        }
        QVERIFY(cases.finish());
    }

  private:
    static void check(GoldenCases& cases, const QString& name, const files::OrderedJson& expected,
                      const at::Tensor& processed, bool sorted) {
        std::vector<double> logits;
        for (const auto& value : expected.at("processed_logits")) {
            logits.push_back(value.is_null() ? -INFINITY : value.get<double>());
        }
        const double difference = std::max(largestDifference(toVector(processed), logits, sorted),
                                           largestDifference(toVector(processed.softmax(-1)),
                                                             expected.at("probs").get<std::vector<double>>(), sorted));
        cases.check(difference <= 1e-6, name, QStringLiteral("differs by %1").arg(difference));
    }
};

QTEST_GUILESS_MAIN(TestGoldenSampling)
#include "tst_golden_sampling.moc"
