#include <QApplication>
#include <QFile>
#include <QImage>
#include <QSignalSpy>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/json.h"
#include "ui/charts/run_charts.h"
#include "ui/charts/run_plot.h"

using namespace prefbench;
using namespace prefbench::charts;

namespace {

contract::MetricRecord trainRecord(std::int64_t step) {
    contract::MetricRecord made;
    made.step = step;
    made.split = "train";
    made.count = 16;
    const double progress = 1 - std::exp(-static_cast<double>(step) / 200.0);
    const double wiggle = 0.05 * std::sin(static_cast<double>(step) * 1.7);
    made.values = {{"loss", 0.69 - 0.3 * progress + wiggle},
                   {"rewards/chosen", 0.4 * progress + wiggle},
                   {"rewards/rejected", -0.6 * progress + wiggle},
                   {"rewards/margins", progress},
                   {"rewards/accuracies", 0.5 + 0.35 * progress}};
    return made;
}

contract::MetricRecord evalRecord(std::int64_t step) {
    contract::MetricRecord made = trainRecord(step);
    made.split = "eval";
    made.count = 120;
    const double margin = made.values["rewards/margins"];
    made.values["rewards/margins_p10"] = margin - 0.6 * margin;
    made.values["rewards/margins_p90"] = margin + 0.8 * margin;
    return made;
}

QList<contract::MetricRecord> records(std::int64_t from, std::int64_t to, std::int64_t evalEvery) {
    QList<contract::MetricRecord> made;
    for (std::int64_t step = from; step <= to; ++step) {
        if (step > 0) {
            made << trainRecord(step);
        }
        if (step % evalEvery == 0) {
            made << evalRecord(step);
        }
    }
    return made;
}

/// Pixels of about this colour.
int countColour(const QImage& image, const QColor& colour, const QRect& area) {
    int count = 0;
    for (int y = area.top(); y <= area.bottom(); ++y) {
        for (int x = area.left(); x <= area.right(); ++x) {
            const QColor pixel = image.pixelColor(x, y);
            count += std::abs(pixel.red() - colour.red()) + std::abs(pixel.green() - colour.green()) +
                         std::abs(pixel.blue() - colour.blue()) <
                     40;
        }
    }
    return count;
}

void settle(RunCharts& charts) {
    charts.plot()->prepare();
    charts.plot()->replot();
}

}  // namespace

class TestRunCharts : public QObject {
    Q_OBJECT
  private slots:
    void countsEveryAppendedRecord();
    void everyChartIsDrawnInItsColour();
    void recolouredByThePalette();
    void emptyChartsSayWhatComes();
    void zoomStaysWhenRecordsArrive();
    void doubleClickAndZeroShowAll();
    void manyRecordsAreOnePicture();
    void readsTheLatestAndTheCursor();
    void untouchedInsteadOfANumber();
    void tableHoldsTheNumbers();
    void savesPngPdfCsv();
    void savingWhereItCannotKeepsTheOldFile();
    void drawsARunDirectory();
    void supervisedRunHasNoPairs();
    void theScaleIsTheMethods();
};

void TestRunCharts::countsEveryAppendedRecord() {
    RunCharts charts;
    for (int chunk = 0; chunk < 200; ++chunk) {
        charts.addRecords(records(chunk * 100 + 1, chunk * 100 + 100, 1000));
    }
    QCOMPARE(charts.pointCount("loss/train"), 20000);
    QCOMPARE(charts.pointCount("rewards/chosen/train"), 20000);
    QCOMPARE(charts.pointCount("rewards/accuracies/eval"), 20);
    QCOMPARE(charts.pointCount("no such curve"), 0);
    charts.setRecords(records(1, 50, 10));
    QCOMPARE(charts.pointCount("loss/train"), 50);
    charts.clear();
    QCOMPARE(charts.pointCount("loss/train"), 0);
}

void TestRunCharts::everyChartIsDrawnInItsColour() {
    RunCharts charts;
    charts.resize(1000, 700);
    charts.setRecords(records(0, 500, 50));
    settle(charts);
    const QImage image = charts.plot()->toPixmap(1000, 700).toImage();
    const ChartColours colours = ChartColours::forPalette(charts.palette());
    const QRect topLeft(0, 0, 500, 350), topRight(500, 0, 500, 350), bottomLeft(0, 350, 500, 350),
        bottomRight(500, 350, 500, 350);
    QVERIFY(countColour(image, colours.loss, topLeft) > 200);
    QVERIFY(countColour(image, colours.chosen, topRight) > 200);
    QVERIFY(countColour(image, colours.rejected, topRight) > 200);
    QVERIFY(countColour(image, colours.margin, bottomLeft) > 200);
    QVERIFY(countColour(image, colours.accuracy, bottomRight) > 200);
    QCOMPARE(countColour(image, colours.chosen, bottomLeft), 0);
}

void TestRunCharts::recolouredByThePalette() {
    RunCharts charts;
    charts.resize(800, 600);
    charts.setRecords(records(0, 100, 10));
    QPalette dark(QColor(0x2b2b2b));
    dark.setColor(QPalette::Base, QColor(0x202020));
    dark.setColor(QPalette::Text, QColor(0xeeeeee));
    dark.setColor(QPalette::WindowText, QColor(0xeeeeee));
    charts.setPalette(dark);
    settle(charts);
    const QImage image = charts.plot()->toPixmap(800, 600).toImage();
    QCOMPARE(image.pixelColor(2, 2), QColor(0x202020));
    QVERIFY(countColour(image, ChartColours::forPalette(dark).chosen, image.rect()) > 100);
    QCOMPARE(countColour(image, ChartColours::forPalette(QPalette(Qt::white)).chosen, image.rect()), 0);
}

void TestRunCharts::emptyChartsSayWhatComes() {
    RunCharts charts;
    QVERIFY(charts.plot()->accessibleDescription().contains("appears here with the first training step"));
    charts.setRecords(records(0, 3, 1));
    settle(charts);
    QVERIFY(!charts.plot()->accessibleDescription().contains("appears here"));
}

void TestRunCharts::zoomStaysWhenRecordsArrive() {
    RunCharts charts;
    charts.resize(900, 600);
    charts.setRecords(records(0, 1000, 100));
    settle(charts);
    const double before = charts.plot()->stepRange().upper;
    charts.addRecords(records(1001, 2000, 100));
    settle(charts);
    QVERIFY(charts.plot()->stepRange().upper > before * 1.9);

    QSignalSpy zoomed(charts.plot(), &RunPlot::zoomedChanged);
    charts.plot()->showSteps(200, 400);
    QCOMPARE(zoomed.size(), 1);
    charts.addRecords(records(2001, 3000, 100));
    settle(charts);
    QCOMPARE(charts.plot()->stepRange().lower, 200.0);
    QCOMPARE(charts.plot()->stepRange().upper, 400.0);
    charts.setRecords(records(0, 2500, 100));
    settle(charts);
    QCOMPARE(charts.plot()->stepRange().lower, 200.0);
}

void TestRunCharts::doubleClickAndZeroShowAll() {
    RunCharts charts;
    charts.resize(900, 600);
    charts.show();
    charts.setRecords(records(0, 1000, 100));
    settle(charts);
    charts.plot()->showSteps(200, 400);
    QTest::keyClick(charts.plot(), Qt::Key_0);
    QVERIFY(!charts.plot()->isZoomed());
    QVERIFY(charts.plot()->stepRange().upper > 1000);
    charts.plot()->showSteps(200, 400);
    QTest::mouseDClick(charts.plot(), Qt::LeftButton, {}, QPoint(300, 200));
    QVERIFY(!charts.plot()->isZoomed());
}

void TestRunCharts::manyRecordsAreOnePicture() {
    RunCharts charts;
    charts.resize(1280, 800);
    charts.show();
    charts.setRecords(records(0, 20000, 500));
    settle(charts);
    int drawn = 0;
    for (int index = 0; index < charts.plot()->graphCount(); ++index) {
        drawn += charts.plot()->graph(index)->dataCount();
    }
    QVERIFY2(drawn < 5 * 2 * 1280 + 20 * 41, qPrintable(QString::number(drawn)));
    QVERIFY(drawn > 2000);
}

void TestRunCharts::readsTheLatestAndTheCursor() {
    RunCharts charts;
    charts.resize(1200, 800);
    charts.show();
    charts.setRecords(records(0, 100, 50));
    settle(charts);
    QVERIFY(charts.plot()->accessibleDescription().contains("step 100"));
    QTest::keyClick(charts.plot(), Qt::Key_Home);
    QVERIFY2(charts.plot()->accessibleDescription().contains("step 1 "),
             qPrintable(charts.plot()->accessibleDescription()));
    QTest::keyClick(charts.plot(), Qt::Key_Right);
    QVERIFY(charts.plot()->accessibleDescription().contains("step 2 "));
}

void TestRunCharts::untouchedInsteadOfANumber() {
    RunCharts charts;
    contract::MetricRecord first = evalRecord(0);
    first.values["rewards/accuracies"] = 0.43;
    charts.setRecords({first});
    settle(charts);
    const QString description = charts.plot()->accessibleDescription();
    QVERIFY2(description.contains("untouched") && !description.contains("0.43"), qPrintable(description));
}

void TestRunCharts::tableHoldsTheNumbers() {
    RunCharts charts;
    charts.resize(900, 600);
    charts.show();
    QVERIFY(QTest::qWaitForWindowActive(&charts));
    charts.setRecords(records(0, 10, 5));
    QTest::keyClick(charts.plot(), Qt::Key_T);
    QVERIFY(charts.showsTable());
    auto* table = charts.findChild<QTableView*>();
    QCOMPARE(table->model()->rowCount(), 13);
    charts.addRecords(records(11, 15, 5));
    QCOMPARE(table->model()->rowCount(), 19);
    QCOMPARE(table->model()->index(18, 0).data().toString(), QString("15"));
    QTest::keyClick(table, Qt::Key_T);
    QVERIFY(!charts.showsTable());
}

void TestRunCharts::savesPngPdfCsv() {
    QTemporaryDir folder;
    RunCharts charts;
    charts.setRecords(records(0, 100, 10));
    charts.save(folder.filePath("a.png"), {1200, 800});
    QCOMPARE(QImage(folder.filePath("a.png")).size(), QSize(1200, 800));
    charts.save(folder.filePath("a.pdf"), {1200, 800});
    QCOMPARE(QByteArray::fromStdString(files::readFile(folder.filePath("a.pdf").toStdString()).substr(0, 5)),
             QByteArray("%PDF-"));
    charts.save(folder.filePath("a.csv"), {});
    const QList<QByteArray> lines =
        QByteArray::fromStdString(files::readFile(folder.filePath("a.csv").toStdString())).split('\n');
    QVERIFY(lines[0].startsWith("step,split,count,loss,rewards/chosen"));
    QCOMPARE(lines.size(), 1 + 111 + 1);
    QVERIFY(lines[1].startsWith("0,eval,120,"));
    QCOMPARE(lines[2].split(',')[3].toDouble(), trainRecord(1).values["loss"]);
}

void TestRunCharts::savingWhereItCannotKeepsTheOldFile() {
    RunCharts charts;
    charts.setRecords(records(0, 10, 5));
    try {
        charts.save("/nonexistent/folder/a.png", {600, 400});
        QFAIL("no error");
    } catch (const Error& error) {
        QVERIFY(QString(error.what()).contains("/nonexistent/folder/a.png"));
    }
}

void TestRunCharts::drawsARunDirectory() {
    QTemporaryDir folder;
    std::string lines;
    for (const contract::MetricRecord& record : records(0, 200, 20)) {
        lines += files::toLine(contract::toJson(record)) + "\n";
    }
    const QString image = folder.filePath("plot.png");
    QVERIFY_EXCEPTION_THROWN(plotRun(folder.path(), image), Error);
    files::writeAtomically((folder.path() + "/metrics.jsonl").toStdString(), lines);
    plotRun(folder.path(), image);
    const QImage picture(image);
    QCOMPARE(picture.size(), QSize(1600, 1000));
    QVERIFY(countColour(picture, ChartColours::forPalette(QApplication::palette()).margin, picture.rect()) > 500);
}

void TestRunCharts::supervisedRunHasNoPairs() {
    RunCharts charts;
    contract::MetricRecord made;
    made.step = 1;
    made.split = "train";
    made.values = {{"loss", 3.2}};
    charts.setRecords({made});
    settle(charts);
    QVERIFY(charts.plot()->accessibleDescription().contains("no pairs to compare"));
}

/// IPO's loss begins at 1/(2β)², and no line at ln 2 says that it knows nothing there.
void TestRunCharts::theScaleIsTheMethods() {
    RunCharts charts;
    charts.resize(1000, 700);
    QList<contract::MetricRecord> made = records(1, 50, 10);
    for (contract::MetricRecord& record : made) {
        record.values["loss"] += 25;
    }
    const auto leastLoss = [&] {
        charts.setRecords(made);
        settle(charts);
        const QList<QCPAxisRect*> rects = charts.plot()->axisRects();
        const auto fromCorner = [](const QCPAxisRect* rect) { return rect->center().x() + rect->center().y(); };
        QCPAxisRect* loss = *std::min_element(rects.begin(), rects.end(), [&](const auto* one, const auto* other) {
            return fromCorner(one) < fromCorner(other);
        });
        return loss->axis(QCPAxis::atLeft)->range().lower;
    };
    QVERIFY(leastLoss() < 1);
    charts.setMethod("ipo");
    QVERIFY(leastLoss() > 20);
    charts.setMethod("dpo");
    QVERIFY(leastLoss() < 1);
}

QTEST_MAIN(TestRunCharts)
#include "tst_run_charts.moc"
