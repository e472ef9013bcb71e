#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "core/files/durable_file.h"
#include "tests/support/finished_run.h"
#include "tests/support/tiny_run.h"

using namespace prefbench;

/// What a run chose by measurement is in its run.json, and what is there already stands.
class TestResolved : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;

    contract::RunDirectory runWith(const std::string& name, const files::OrderedJson& products) const {
        return makeTinyRun(dir_.path().toStdString(), name, [&](contract::RunSpec& spec) {
            spec.hyperparameters.maxSteps = 3;
            spec.resolved["matrix_products"] = products;
        });
    }

    static double lastLossOf(const contract::RunDirectory& run) { return recordsOf(run).back().values.at("loss"); }

  private Q_SLOTS:
    void choicesAreWritten() {
        const contract::RunDirectory run = makeTinyRun(
            dir_.path().toStdString(), "chosen", [](contract::RunSpec& spec) { spec.hyperparameters.maxSteps = 1; });
        QCOMPARE(train(run).exitCode, 0);
        const files::OrderedJson products = contract::readRunSpec(run).resolved.at("matrix_products");
        for (const char* product : {"forward", "input_gradient", "weight_gradient"}) {
            QVERIFY(products.contains(product) && products.at("head").contains(product));
        }
    }

    void choicesStand() {
        const files::OrderedJson blas = {{"forward", "blas"}, {"input_gradient", "blas"}, {"weight_gradient", "blas"}};
        const files::OrderedJson mixed = {{"forward", "onednn"},
                                          {"input_gradient", "blas"},
                                          {"weight_gradient", "onednn"},
                                          {"head", {{"forward", "onednn"}, {"input_gradient", "onednn"}}}};
        const contract::RunDirectory plain = runWith("plain", blas), given = runWith("given", mixed);
        QCOMPARE(train(plain).exitCode, 0);
        const TrainOutcome outcome = train(given);
        if (outcome.errors.contains(QStringLiteral("that this build has"))) {
            QSKIP("this LibTorch has no oneDNN");
        }
        QCOMPARE(outcome.exitCode, 0);
        QVERIFY(contract::readRunSpec(plain).resolved.at("matrix_products") == blas);
        QVERIFY(contract::readRunSpec(given).resolved.at("matrix_products") == mixed);
        QVERIFY(std::abs(lastLossOf(plain) - lastLossOf(given)) < 1e-4);
    }

    void choicesThatNobodyCouldMakeAreRefused_data() {
        QTest::addColumn<QString>("products");
        QTest::addColumn<QString>("message");
        QTest::newRow("library") << R"({"forward":"eigen"})"
                                 << "\"eigen\" is not a library of matrix products";
        QTest::newRow("library of the head") << R"({"head":{"forward":"eigen"}})"
                                             << "\"eigen\" is not a library of matrix products";
        QTest::newRow("a word") << R"("fast")"
                                << "run.json: resolved: \"fast\": not what the engine writes there";
        QTest::newRow("a word for the head") << R"({"head":"fast"})"
                                             << "run.json: resolved: \"fast\": not what the engine writes there";
        QTest::newRow("a number") << R"({"forward":2})"
                                  << "run.json: resolved: forward = 2: not what the engine writes";
    }

    void choicesThatNobodyCouldMakeAreRefused() {
        QFETCH(QString, products);
        QFETCH(QString, message);
        const contract::RunDirectory run =
            runWith(QTest::currentDataTag(), files::parseOrderedJson(products.toStdString(), "test"));
        const TrainOutcome outcome = train(run);
        QCOMPARE(outcome.exitCode, 1);
        QVERIFY2(outcome.errors.contains(message), qPrintable(outcome.errors));
    }
};

QTEST_GUILESS_MAIN(TestResolved)
#include "tst_resolved.moc"
