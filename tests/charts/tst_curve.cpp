#include <QTest>
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "ui/charts/curve.h"
#include "ui/charts/run_data.h"

using namespace prefbench;
using namespace prefbench::charts;

namespace {

constexpr double notANumber = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

MinMaxPyramid::Extremes plainExtremes(const MinMaxPyramid& pyramid, std::size_t begin, std::size_t end) {
    MinMaxPyramid::Extremes result{infinity, -infinity};
    for (std::size_t index = begin; index < std::min(end, pyramid.size()); ++index) {
        if (std::isfinite(pyramid[index])) {
            result.min = std::min(result.min, pyramid[index]);
            result.max = std::max(result.max, pyramid[index]);
        }
    }
    return result;
}

contract::MetricRecord record(std::int64_t step, const char* split, std::map<std::string, double> values,
                              std::int64_t count = 16) {
    contract::MetricRecord made;
    made.step = step;
    made.split = split;
    made.values = std::move(values);
    made.count = count;
    return made;
}

}  // namespace

class TestCurve : public QObject {
    Q_OBJECT
  private slots:
    void pyramidEqualsPlainScan();
    void pyramidTruncatedEqualsRebuilt();
    void decimationKeepsExtremesAndFitsThePicture();
    void fewPointsAreDrawnAsTheyAre();
    void lineReachesTheEdges();
    void panningMovesNoColumn();
    void nonFiniteValuesAreGaps();
    void goingBackDropsWhatLayBeyond();
    void nearestPoint();
    void millionPointsAreReadByTheWidth();
    void averageStartsUnbiasedAndSkipsGaps();
    void wilsonInterval();
    void untouchedRuns();
    void runDataNamesItsCurves();
};

void TestCurve::pyramidEqualsPlainScan() {
    std::mt19937 random(1);
    std::normal_distribution<double> normal;
    MinMaxPyramid pyramid;
    for (int count = 0; count < 1500; ++count) {
        pyramid.append(count % 37 == 5 ? notANumber : count % 101 == 7 ? infinity : normal(random));
        const std::size_t begin = random() % pyramid.size();
        const std::size_t end = begin + random() % (pyramid.size() - begin + 2);
        const auto fast = pyramid.extremes(begin, end), plain = plainExtremes(pyramid, begin, end);
        QCOMPARE(fast.min, plain.min);
        QCOMPARE(fast.max, plain.max);
    }
}

void TestCurve::pyramidTruncatedEqualsRebuilt() {
    std::mt19937 random(2);
    for (const std::size_t kept : {0U, 1U, 7U, 8U, 9U, 63U, 64U, 65U, 511U, 700U, 1000U}) {
        MinMaxPyramid grown, rebuilt;
        for (int count = 0; count < 1000; ++count) {
            const double value = random() % 1000;
            grown.append(value);
            if (static_cast<std::size_t>(count) < kept) {
                rebuilt.append(value);
            }
        }
        grown.truncate(kept);
        QCOMPARE(grown.size(), kept);
        for (int count = 0; count < 600; ++count) {
            const double value = random() % 1000;
            grown.append(value);
            rebuilt.append(value);
            const std::size_t begin = random() % grown.size();
            const std::size_t end = begin + random() % (grown.size() - begin + 1);
            QCOMPARE(grown.extremes(begin, end).min, rebuilt.extremes(begin, end).min);
            QCOMPARE(grown.extremes(begin, end).max, rebuilt.extremes(begin, end).max);
        }
    }
}

void TestCurve::decimationKeepsExtremesAndFitsThePicture() {
    Curve curve;
    for (int step = 0; step < 20000; ++step) {
        curve.append(step, std::sin(step * 0.01) + (step == 12345 ? 50 : step == 321 ? -40 : 0));
    }
    const auto points = curve.decimated(0, 20000, 300);
    QVERIFY(points.size() <= 602);
    const auto [low, high] =
        std::minmax_element(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.y < b.y; });
    QCOMPARE(low->y, std::sin(321 * 0.01) - 40);
    QCOMPARE(high->y, std::sin(12345 * 0.01) + 50);
    QVERIFY(std::abs(high->x - 12345) <= 70);
    QVERIFY(std::is_sorted(points.begin(), points.end(), [](const auto& a, const auto& b) { return a.x < b.x; }));
}

void TestCurve::fewPointsAreDrawnAsTheyAre() {
    Curve curve;
    for (int step = 1; step <= 100; ++step) {
        curve.append(step, step * step);
    }
    const auto points = curve.decimated(0, 1000, 300);
    QCOMPARE(points.size(), 100U);
    QCOMPARE(points[41].x, 42.0);
    QCOMPARE(points[41].y, 1764.0);
}

void TestCurve::lineReachesTheEdges() {
    Curve curve;
    for (int step = 0; step < 1000; step += 10) {
        curve.append(step, step);
    }
    const auto points = curve.decimated(123, 456, 300);
    QCOMPARE(points.front().x, 120.0);
    QCOMPARE(points.back().x, 460.0);
}

void TestCurve::panningMovesNoColumn() {
    Curve curve;
    std::mt19937 random(3);
    for (int step = 0; step < 50000; ++step) {
        curve.append(step, random() % 100);
    }
    const auto here = curve.decimated(10000, 30000, 200);
    const auto panned = curve.decimated(10500, 30500, 200);
    int shared = 0;
    for (const CurvePoint& point : here) {
        shared +=
            std::any_of(panned.begin(), panned.end(), [&](const CurvePoint& other) { return other.x == point.x; });
    }
    QVERIFY2(shared > static_cast<int>(here.size()) * 9 / 10, qPrintable(QString::number(shared)));
}

void TestCurve::nonFiniteValuesAreGaps() {
    Curve curve;
    for (int step = 0; step < 10000; ++step) {
        curve.append(step, step >= 4000 && step < 6000 ? notANumber : step == 100 ? infinity : 1.0);
    }
    const auto all = curve.decimated(0, 10000, 100);
    int gaps = 0;
    for (const CurvePoint& point : all) {
        QVERIFY(!std::isinf(point.y));
        gaps += std::isnan(point.y);
    }
    QVERIFY(gaps >= 18 && gaps <= 20);
    QVERIFY(std::isnan(curve.decimated(4990, 5010, 100).front().y));
    QVERIFY(curve.extremes(4500, 5500).empty());
    QCOMPARE(curve.extremes(0, 10000).max, 1.0);
}

void TestCurve::goingBackDropsWhatLayBeyond() {
    Curve curve;
    for (int step = 1; step <= 300; ++step) {
        curve.append(step, 1000);
    }
    curve.append(201, 5);
    QCOMPARE(curve.size(), 201U);
    QCOMPARE(curve.y(200), 5.0);
    QCOMPARE(curve.extremes(201, 400).max, 5.0);
}

void TestCurve::nearestPoint() {
    Curve curve;
    QVERIFY(!curve.nearest(3));
    for (const double x : {1.0, 4.0, 10.0}) {
        curve.append(x, 0);
    }
    QCOMPARE(*curve.nearest(-5), 0U);
    QCOMPARE(*curve.nearest(2), 0U);
    QCOMPARE(*curve.nearest(3), 1U);
    QCOMPARE(*curve.nearest(7.5), 2U);
    QCOMPARE(*curve.nearest(99), 2U);
}

void TestCurve::millionPointsAreReadByTheWidth() {
    Curve curve;
    for (int step = 0; step < 1000000; ++step) {
        curve.append(step, step % 1000);
    }
    QCOMPARE(curve.size(), 1000000U);
    QVERIFY(curve.decimated(0, 1e6, 1000).size() <= 2002);
    QCOMPARE(curve.decimated(499990, 500010, 1000).size(), 23U);
}

void TestCurve::averageStartsUnbiasedAndSkipsGaps() {
    MovingAverage average(0.9);
    QCOMPARE(average.next(4), 4.0);
    QVERIFY(std::isnan(average.next(notANumber)));
    QCOMPARE(average.next(4), 4.0);
    QVERIFY(qFuzzyCompare(average.next(0), 4 * (0.81 + 0.9) / (0.81 + 0.9 + 1)));
    MovingAverage raw(0);
    QCOMPARE(raw.next(3), 3.0);
    QCOMPARE(raw.next(7), 7.0);
}

void TestCurve::wilsonInterval() {
    // Newcombe (1998), Statistics in Medicine 17, table I: 81/263 and 0/20.
    const Interval a = wilson(81.0 / 263, 263);
    QVERIFY(std::abs(a.low - 0.2553) < 5e-5 && std::abs(a.high - 0.3662) < 5e-5);
    const Interval b = wilson(0, 20);
    QVERIFY(b.low == 0 && std::abs(b.high - 0.1611) < 5e-5);
    QVERIFY(std::isnan(wilson(0.5, 0).low));
}

void TestCurve::untouchedRuns() {
    QVERIFY(isUntouched(toRow(record(0, "eval", {{"rewards/margins", 4e-6}, {"rewards/accuracies", 0.6}}))));
    QVERIFY(!isUntouched(toRow(record(9, "eval", {{"rewards/margins", 2e-3}}))));
    QVERIFY(!isUntouched(toRow(
        record(9, "eval", {{"rewards/margins", 1e-5}, {"rewards/margins_p10", -0.1}, {"rewards/margins_p90", 0.1}}))));
    QVERIFY(!isUntouched(toRow(record(9, "train", {{"loss", 2}}))));
}

void TestCurve::runDataNamesItsCurves() {
    RunData data;
    data.append(record(0, "eval", {{"loss", 0.7}, {"rewards/margins", 0}}));
    for (int step = 1; step <= 10; ++step) {
        data.append(record(step, "train", {{"loss", 0.6}, {"rewards/margins", step == 5 ? notANumber : 0.1}}));
    }
    QCOMPARE(data.find("loss/train")->size(), 10U);
    QCOMPARE(data.find("loss/eval")->size(), 1U);
    QCOMPARE(data.find("rewards/margins/train")->size(), 10U);
    QCOMPARE(data.find("rewards/chosen/train")->size(), 0U);
    QVERIFY(!data.find("rewards/chosen"));
    QVERIFY(data.hasRewards());
    data.append(record(10, "eval", {{"rewards/accuracies", 0.9}, {"rewards/margins", 1e-6}}));
    QVERIFY(std::isnan(data.evaluation(Metric::Accuracy).y(0)) && std::isnan(data.accuracyLow().y(0)));
    QCOMPARE(data.rows().back()[Metric::Accuracy], 0.9);
    QCOMPARE(data.lastStep(), 10);
    data.setSmoothing(0.5);
    QCOMPARE(data.smoothed(Metric::Loss).size(), 10U);
    data.append(record(11, "train", {{"loss", 0.6}}));
    QCOMPARE(data.smoothed(Metric::Loss).size(), 11U);
    data.clear();
    QCOMPARE(data.rows().size(), 0U);
    QCOMPARE(data.smoothing(), 0.5);
}

QTEST_GUILESS_MAIN(TestCurve)
#include "tst_curve.moc"
