#include <QTest>
#include <cmath>
#include <random>
#include <stdexcept>

#include "core/statistics/bootstrap.h"

using namespace prefbench;
using statistics::bootstrapMean;
using statistics::Interval;

class TestBootstrap : public QObject {
    Q_OBJECT

    static std::vector<double> normal(std::size_t count, double mean, double deviation, unsigned seed) {
        std::mt19937_64 random(seed);
        std::normal_distribution<double> draw(mean, deviation);
        std::vector<double> values(count);
        for (double& value : values) {
            value = draw(random);
        }
        return values;
    }

  private Q_SLOTS:
    void agreesWithTheNormalInterval() {
        const auto values = normal(400, 1, 2, 1);
        const Interval interval = bootstrapMean(values, 5);
        const double mean = statistics::mean(values);
        double squares = 0;
        for (const double value : values) {
            squares += (value - mean) * (value - mean);
        }
        const double error = std::sqrt(squares / 400 / 400);
        QVERIFY(std::abs(interval.low - (mean - 1.96 * error)) < 0.02);
        QVERIFY(std::abs(interval.high - (mean + 1.96 * error)) < 0.02);
    }

    void holdsTheTruthAboutAsOftenAsItSays() {
        int held = 0;
        for (unsigned trial = 0; trial < 200; ++trial) {
            const Interval interval = bootstrapMean(normal(80, 3, 1, trial + 10), trial, 400);
            held += interval.low <= 3 && 3 <= interval.high;
        }
        QVERIFY2(held >= 178 && held <= 198, qPrintable(QString::number(held)));
    }

    void repeatsWithTheSeed() {
        const auto values = normal(50, 0, 1, 3);
        QCOMPARE(bootstrapMean(values, 1).low, bootstrapMean(values, 1).low);
        QVERIFY(bootstrapMean(values, 1).low != bootstrapMean(values, 2).low);
    }

    void oneValueHasNoWidth() {
        const Interval interval = bootstrapMean({2.5}, 1);
        QCOMPARE(interval.low, 2.5);
        QCOMPARE(interval.high, 2.5);
    }

    void refusesWhatHasNoAnswer() {
        QVERIFY_EXCEPTION_THROWN(bootstrapMean({}, 1), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(bootstrapMean({1, 2}, 1, 0), std::invalid_argument);
        QVERIFY_EXCEPTION_THROWN(bootstrapMean({1, 2}, 1, 100, 1), std::invalid_argument);
    }
};

QTEST_GUILESS_MAIN(TestBootstrap)
#include "tst_bootstrap.moc"
