#include <sys/types.h>

#include <QElapsedTimer>
#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <csignal>
#include <random>

#include "core/files/durable_file.h"
#include "tests/support/finished_run.h"
#include "tests/support/tiny_run.h"

using namespace prefbench;
using contract::RunDirectory;
using contract::RunState;
using contract::RunStatus;

/// SIGTERM and SIGINT end a run in order, whatever it is at, and it can be gone on with.
class TestStopping : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    RunDirectory whole_;

    std::filesystem::path folder() const { return dir_.path().toStdString(); }

    /// False when the engine ends before.
    static bool waitFor(const RunDirectory& run, QProcess& engine,
                        const std::function<bool(const RunStatus&)>& passes) {
        QElapsedTimer timer;
        for (timer.start(); timer.elapsed() < 120000; engine.waitForFinished(1)) {
            // A status of an earlier life says nothing about this one.
            const RunStatus status = contract::readStatus(run);
            if (status.pid == engine.processId() && passes(status)) {
                return true;
            }
            if (engine.state() == QProcess::NotRunning) {
                return false;
            }
        }
        return false;
    }

    static void send(const QProcess& engine, int signal) {
        if (engine.processId() > 0) {
            ::kill(static_cast<pid_t>(engine.processId()), signal);
        }
    }

    static TrainOutcome finish(const RunDirectory& run) {
        return contract::readStatus(run).state == RunState::Finished ? TrainOutcome{0, {}} : train(run, true);
    }

  private Q_SLOTS:
    void initTestCase() {
        whole_ = makeTinyRun(folder(), "whole");
        const TrainOutcome outcome = train(whole_);
        QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    }

    void whilePreparing() {
        const RunDirectory run = makeTinyRun(folder(), "preparing");
        const std::unique_ptr<QProcess> engine = startTraining(run);
        QVERIFY(waitFor(run, *engine, [](const RunStatus& status) { return status.state == RunState::Preparing; }));
        send(*engine, SIGTERM);
        const TrainOutcome outcome = endOf(*engine);
        QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
        const RunStatus status = contract::readStatus(run);
        QCOMPARE(status.state, RunState::Stopped);
        QCOMPARE(status.message, std::string());
        QCOMPARE(train(run, true).exitCode, 0);
        QCOMPARE(differenceOf(run, whole_), std::string());
    }

    void whileEvaluating() {
        const auto evaluateLong = [](const RunDirectory& run) {
            std::string lines;
            for (int i = 0; i < 40; ++i) {
                lines += goldenPairLines(48, 8);
            }
            files::writeDurably(run.evalData(), lines);
        };
        const auto shorten = [](contract::RunSpec& spec) { spec.hyperparameters.maxSteps = 2; };
        const RunDirectory whole = makeTinyRun(folder(), "long", shorten), run = makeTinyRun(folder(), "cut", shorten);
        evaluateLong(whole);
        evaluateLong(run);
        QCOMPARE(train(whole).exitCode, 0);

        const std::unique_ptr<QProcess> engine = startTraining(run);
        QVERIFY(waitFor(run, *engine, [](const RunStatus& status) { return status.state == RunState::Running; }));
        send(*engine, SIGTERM);
        const TrainOutcome outcome = endOf(*engine);
        QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
        QCOMPARE(contract::readStatus(run).state, RunState::Stopped);
        qInfo("stopped with %zu records", recordsOf(run).size());
        QVERIFY(!namesIn(run.checkpoints()).empty());
        QCOMPARE(train(run, true).exitCode, 0);
        QCOMPARE(differenceOf(run, whole), std::string());
    }

    void againAndAgain_data() {
        QTest::addColumn<QString>("dtype");
        QTest::addColumn<bool>("lessMemory");  // layers are computed anew, and drop elements
        QTest::newRow("float32") << QStringLiteral("float32") << false;
        QTest::newRow("bfloat16 products") << QStringLiteral("bfloat16") << false;
        QTest::newRow("with checkpointing and dropout") << QStringLiteral("float32") << true;
    }

    void againAndAgain() {
        QFETCH(QString, dtype);
        QFETCH(bool, lessMemory);
        const auto change = [&](contract::RunSpec& spec) {
            spec.dtype = dtype.toStdString();
            spec.hyperparameters.gradientCheckpointing = lessMemory;
            spec.hyperparameters.dropout = lessMemory ? 0.1 : 0;
        };
        const std::string name = QTest::currentDataTag();
        const RunDirectory run = makeTinyRun(folder(), name + " again", change);
        const RunDirectory whole = makeTinyRun(folder(), name + " whole", change);
        QCOMPARE(train(whole).exitCode, 0);
        std::mt19937 random(7);
        int stops = 0;
        for (int life = 0; life < 6 && contract::readStatus(run).state != RunState::Finished; ++life) {
            const std::unique_ptr<QProcess> engine = startTraining(run, life > 0);
            // By the metrics, which are written step by step: the status lags, and the run is short.
            const std::size_t steps = trainStepsOf(run).size() + 1 + random() % 4;
            if (waitFor(run, *engine, [&](const RunStatus&) { return trainStepsOf(run).size() >= steps; })) {
                send(*engine, life % 2 == 0 ? SIGINT : SIGTERM);
            }
            const TrainOutcome outcome = endOf(*engine);
            QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
            const RunStatus status = contract::readStatus(run);
            QVERIFY(status.state == RunState::Stopped || status.state == RunState::Finished);
            stops += status.state == RunState::Stopped ? 1 : 0;
            if (status.state == RunState::Stopped) {
                char checkpoint[32];
                std::snprintf(checkpoint, sizeof checkpoint, "step-%06lld", static_cast<long long>(status.step));
                QVERIFY(std::filesystem::exists(run.checkpoints() / checkpoint));
            }
        }
        QVERIFY(stops > 0);
        QCOMPARE(finish(run).exitCode, 0);
        QCOMPARE(differenceOf(run, whole), std::string());
    }

    /// The evaluation before the first step is in the record already when a request ends the run there.
    void beforeTheFirstStep() {
        const RunDirectory run = makeTinyRun(folder(), "unbegun");
        contract::postRequest(run, contract::RequestKind::Stop);
        QCOMPARE(train(run).exitCode, 0);
        QCOMPARE(contract::readStatus(run).state, RunState::Stopped);
        QCOMPARE(namesIn(run.checkpoints()), std::vector<std::string>{"step-000000"});
        QCOMPARE(train(run, true).exitCode, 0);
        QCOMPARE(differenceOf(run, whole_), std::string());
    }
};

QTEST_GUILESS_MAIN(TestStopping)
#include "tst_stopping.moc"
