#include <QTest>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <random>
#include <vector>

#include "core/model/kernels.h"

using namespace prefbench::model;

/// Against the same functions in double precision.
class TestKernels : public QObject {
    Q_OBJECT

    using Function = void (*)(const float*, float*, float*, std::int64_t);

    static std::vector<float> numbers(std::size_t count, double scale) {
        std::mt19937 random(7);
        std::normal_distribution<double> normal(0, scale);
        std::vector<float> values(count);
        for (float& value : values) {
            value = static_cast<float>(normal(random));
        }
        return values;
    }

    static void compare(Function function, const std::function<double(double)>& value,
                        const std::function<double(double)>& slope) {
        // Lengths around a register's, and values where exp is at its ends.
        for (const std::size_t count : {1, 15, 16, 17, 1000}) {
            std::vector<float> x = numbers(count, 4), y(count), d(count), alone(count);
            if (count > 100) {
                x[5] = 120;
                x[6] = -120;
                x[7] = 0;
                x[8] = -88.5F;
            }
            function(x.data(), y.data(), d.data(), static_cast<std::int64_t>(count));
            function(x.data(), alone.data(), nullptr, static_cast<std::int64_t>(count));
            for (std::size_t i = 0; i < count; ++i) {
                QVERIFY(std::abs(y[i] - value(x[i])) <= 1e-6 * std::max(1.0, std::abs(double(x[i]))));
                QVERIFY(std::abs(d[i] - slope(x[i])) <= 4e-6);
                QCOMPARE(alone[i], y[i]);
            }
        }
    }

  private Q_SLOTS:
    void siluIsRight() {
        const auto sigma = [](double x) { return 1 / (1 + std::exp(-x)); };
        compare(
            &siluWithSlope, [&](double x) { return x * sigma(x); },
            [&](double x) { return sigma(x) * (1 + x * (1 - sigma(x))); });
    }

    void geluIsRight() {
        const double c = std::sqrt(2 / std::numbers::pi);
        const auto t = [&](double x) { return std::tanh(c * (x + 0.044715 * x * x * x)); };
        compare(
            &geluTanhWithSlope, [&](double x) { return 0.5 * x * (1 + t(x)); },
            [&](double x) { return 0.5 * (1 + t(x)) + 0.5 * x * (1 - t(x) * t(x)) * c * (1 + 3 * 0.044715 * x * x); });
    }

    void rowsBecomeExponentials() {
        for (const std::size_t count : {1, 16, 31, 1024, 50257}) {
            const std::vector<float> before = numbers(count, 5);
            std::vector<float> row = before;
            const ExponentialRow made = exponentiateRow(row.data(), static_cast<std::int64_t>(count));
            double sum = 0;
            for (std::size_t i = 0; i < count; ++i) {
                const double expected = std::exp(double(before[i] - made.most));
                QVERIFY(before[i] <= made.most);
                QVERIFY(std::abs(row[i] - expected) <= 1e-6 * expected + 1e-37);
                sum += expected;
            }
            QVERIFY(std::abs(made.sum - sum) <= 1e-6 * sum);
        }
    }

    void valuesThatAreNotFinite() {
        constexpr float infinity = std::numeric_limits<float>::infinity();
        for (const std::size_t place : {3, 17}) {
            std::vector<float> row(20, 1);
            row[place] = -infinity;
            QCOMPARE(exponentiateRow(row.data(), 20).sum, 19.0);
            QCOMPARE(row[place], 0.0F);
            for (const float bad : {infinity, std::nanf("")}) {
                std::vector<float> spoiled(20, 1);
                spoiled[place] = bad;
                QVERIFY(std::isnan(exponentiateRow(spoiled.data(), 20).sum));
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestKernels)
#include "tst_kernels.moc"
