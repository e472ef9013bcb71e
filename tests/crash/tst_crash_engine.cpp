#include <sys/types.h>

#include <QProcess>
#include <QRandomGenerator>
#include <csignal>
#include <filesystem>
#include <numeric>

#include "core/contract/metrics.h"
#include "core/files/durable_file.h"
#include "core/jobs/engine.h"
#include "core/project/runs.h"
#include "core/workbench/training.h"
#include "tests/workbench/scratch_project.h"

using namespace prefbench;

/// Processes ended with −9 at random moments: no label is lost, and the run goes on.
class TestCrashEngine : public QObject {
    Q_OBJECT

    static constexpr int totalSteps = 120;
    static constexpr int patience = 120000;
    ScratchProject scratch_;

    static QStringList settings() {
        return {QStringLiteral("max_steps=%1").arg(totalSteps), QStringLiteral("batch_size=4"),
                QStringLiteral("save_steps=10"), QStringLiteral("eval_steps=50"), QStringLiteral("threads=1")};
    }

    contract::RunDirectory newRun() {
        workbench::NewRun run;
        run.modelId = scratch_.modelId();
        run.settings = settings();
        run.seed = 11;
        return workbench::createRun(*scratch_, run);
    }

    static contract::RunState stateOf(const contract::RunDirectory& run) { return contract::readStatus(run).state; }

    static std::vector<std::int64_t> trainSteps(const contract::RunDirectory& run) {
        contract::MetricsReader reader(run.metrics());
        reader.read();
        std::vector<std::int64_t> steps;
        for (const contract::MetricRecord& record : reader.records()) {
            if (record.split == "train") {
                steps.push_back(record.step);
            }
        }
        return steps;
    }

    static std::vector<std::int64_t> everyStep() {
        std::vector<std::int64_t> steps(totalSteps);
        std::iota(steps.begin(), steps.end(), 1);
        return steps;
    }

  private Q_SLOTS:
    void initTestCase() {
        for (int i = 0; i < 24; ++i) {
            const QString prompt = scratch_.addPrompt(QStringLiteral("Prompt number %1 says").arg(i));
            scratch_.addLabelledPair(prompt, QStringLiteral(" that it is good"), QStringLiteral(" so bad, so bad"),
                                     i % 5 == 0 ? -1 : 1);
        }
    }

    void aKilledEngineResumesToTheSameModel() {
        const contract::RunDirectory whole = newRun();
        jobs::startTraining(whole);
        QTRY_COMPARE_WITH_TIMEOUT(stateOf(whole), contract::RunState::Finished, patience);

        const contract::RunDirectory run = newRun();
        jobs::startTraining(run);
        for (const int step : {totalSteps / 4, totalSteps / 2, 3 * totalSteps / 4}) {
            QTRY_VERIFY_WITH_TIMEOUT(contract::readStatus(run).step >= step, patience);
            QTest::qWait(static_cast<int>(QRandomGenerator::global()->bounded(40)));
            const contract::RunStatus status = contract::readStatus(run);
            if (contract::isFinal(status.state)) {
                break;
            }
            QCOMPARE(::kill(static_cast<pid_t>(status.pid), SIGKILL), 0);
            QTRY_COMPARE_WITH_TIMEOUT(stateOf(run), contract::RunState::Interrupted, patience);
            jobs::startTraining(run, true);
        }
        QTRY_COMPARE_WITH_TIMEOUT(stateOf(run), contract::RunState::Finished, patience);
        QCOMPARE(trainSteps(run), everyStep());
        QVERIFY(files::readFile(run.finalModel() / "model.safetensors") ==
                files::readFile(whole.finalModel() / "model.safetensors"));
    }

    void aRunOutlivesWhoeverWaitsForIt() {
        QProcess cli;
        QStringList arguments{QStringLiteral("train"), scratch_.path(), QStringLiteral("--model"),
                              QStringLiteral(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2"), QStringLiteral("--wait")};
        for (const QString& setting : settings()) {
            arguments << QStringLiteral("--set") << setting;
        }
        const qsizetype before = project::Runs(*scratch_).all().size();
        cli.start(qEnvironmentVariable("PREFBENCH_CLI"), arguments);
        QTRY_VERIFY_WITH_TIMEOUT(project::Runs(*scratch_).all().size() > before, patience);
        const contract::RunDirectory run{
            (*scratch_).absolutePath(project::Runs(*scratch_).all().last().folder).toStdString()};
        // Its metrics, which are written step by step: its status lags, and the run is short.
        QTRY_VERIFY_WITH_TIMEOUT(trainSteps(run).size() >= 3, patience);
        cli.kill();
        QVERIFY(cli.waitForFinished());
        QTRY_COMPARE_WITH_TIMEOUT(stateOf(run), contract::RunState::Finished, patience);
        QCOMPARE(trainSteps(run), everyStep());
        workbench::refreshRuns(*scratch_);
        QCOMPARE(project::Runs(*scratch_).all().last().state, QStringLiteral("finished"));
        QCOMPARE(project::Judgements(*scratch_).counts().decided, 24);
    }
};

QTEST_GUILESS_MAIN(TestCrashEngine)
#include "tst_crash_engine.moc"
