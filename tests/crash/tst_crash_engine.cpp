#include <sys/types.h>
#include <unistd.h>

#include <QElapsedTimer>
#include <QProcess>
#include <QRandomGenerator>
#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>

#include "core/contract/metrics.h"
#include "core/files/durable_file.h"
#include "core/project/runs.h"
#include "core/workbench/training.h"
#include "tests/support/finished_run.h"
#include "tests/workbench/scratch_project.h"

using namespace prefbench;
using contract::RunDirectory;
using contract::RunState;

/// Processes ended with −9 at random moments: no label is lost, and the run goes on.
/// PREFBENCH_KILLS says how often (20), PREFBENCH_SEED makes the moments those of another time.
class TestCrashEngine : public QObject {
    Q_OBJECT

    /// What a kill waits for, before some milliseconds more.
    enum class Moment { Start, Prepared, Resumed, Steps, Checkpoint, Evaluation, FinalModel };

    static constexpr int patience = 240000;
    static constexpr int stepsPerKill = 4;
    const int kills_ = std::max(qEnvironmentVariableIntValue("PREFBENCH_KILLS"), 0) > 0
                           ? qEnvironmentVariableIntValue("PREFBENCH_KILLS")
                           : 20;
    const int steps_ = 40 + stepsPerKill * kills_;
    ScratchProject scratch_;
    QRandomGenerator random_;
    QByteArray failure_;  ///< what an engine said that ended by itself, and not well

    QStringList settings(int steps) const {
        return {QStringLiteral("max_steps=%1").arg(steps),
                QStringLiteral("batch_size=2"),
                QStringLiteral("gradient_accumulation_steps=2"),
                QStringLiteral("warmup_steps=5"),
                QStringLiteral("learning_rate=0.001"),
                QStringLiteral("save_steps=3"),
                QStringLiteral("eval_steps=10"),
                QStringLiteral("eval_samples=2"),
                QStringLiteral("threads=1")};
    }

    RunDirectory newRun() {
        workbench::NewRun run;
        run.modelId = scratch_.modelId();
        run.settings = settings(steps_);
        run.seed = 11;
        return workbench::createRun(*scratch_, run);
    }

    static std::unique_ptr<QProcess> start(const RunDirectory& run, bool resume) {
        auto engine = std::make_unique<QProcess>();
        engine->setProcessChannelMode(QProcess::MergedChannels);
        QStringList arguments{QStringLiteral("train"), QString::fromStdString(run.path.string())};
        if (resume) {
            arguments << QStringLiteral("--resume");
        }
        engine->start(qEnvironmentVariable("PREFBENCH_ENGINE"), arguments);
        engine->waitForStarted();
        return engine;
    }

    static RunState stateOf(const RunDirectory& run) { return contract::readStatus(run).state; }

    static bool hasPartialFolder(const std::filesystem::path& folder) {
        const std::vector<std::string> names = namesIn(folder);
        return std::any_of(names.begin(), names.end(),
                           [](const std::string& name) { return name.starts_with('.') && name.ends_with(".partial"); });
    }

    /// Something that grows or changes when the moment is there.
    static std::uintmax_t sign(const RunDirectory& run, Moment moment) {
        std::error_code error;
        const auto bytes = [&error](const std::filesystem::path& file) {
            const std::uintmax_t size = std::filesystem::file_size(file, error);
            return error ? 0 : size;
        };
        switch (moment) {
            case Moment::Start:
                return 0;
            case Moment::Prepared:
                return bytes(run.log());
            case Moment::Resumed:
            case Moment::Steps:
                return bytes(run.metrics());
            case Moment::Checkpoint:
                return hasPartialFolder(run.checkpoints()) ? 1 : 0;
            case Moment::Evaluation:
                return bytes(run.samples());
            case Moment::FinalModel:
                return hasPartialFolder(run.path) ? 1 : 0;
        }
        return 0;
    }

    /// False when the engine was done before.
    static bool waitForSign(const RunDirectory& run, Moment moment, int changes, QProcess& engine) {
        // Half a folder that an earlier life left is swept away first.
        std::uintmax_t before = sign(run, moment);
        QElapsedTimer timer;
        for (timer.start(); changes > 0 && timer.elapsed() < patience;) {
            const std::uintmax_t now = sign(run, moment);
            if (now != before) {
                before = now;
                --changes;
            } else if (engine.state() == QProcess::NotRunning || engine.waitForFinished(0)) {
                return false;
            }
            ::usleep(200);
        }
        return changes <= 0;
    }

    /// Starts the engine and kills it; the name of what it was at, or an empty one when it was quicker.
    QByteArray oneLife(const RunDirectory& run, Moment moment) {
        const std::unique_ptr<QProcess> engine = start(run, stateOf(run) != RunState::Queued);
        const int changes = moment == Moment::Steps || moment == Moment::Prepared ? random_.bounded(1, 8) : 1;
        if (waitForSign(run, moment, moment == Moment::Start ? 0 : changes, *engine)) {
            ::usleep(static_cast<useconds_t>(random_.bounded(moment == Moment::Start ? 600000 : 12000)));
            engine->kill();
        }
        engine->waitForFinished();
        if (engine->exitStatus() == QProcess::CrashExit) {
            return whatWasCut(run);
        }
        if (engine->exitCode() != 0) {
            failure_ = engine->readAll();
        }
        return {};
    }

    static QByteArray whatWasCut(const RunDirectory& run) {
        const contract::RunStatus status = contract::readStatus(run);
        if (status.state == RunState::Queued) {
            return "before it took the run";
        }
        if (hasPartialFolder(run.checkpoints())) {
            return "writing a checkpoint";
        }
        if (hasPartialFolder(run.path)) {
            return "writing the final model";
        }
        if (std::filesystem::exists(run.finalModel())) {
            return "after the final model";
        }
        const auto raw = contract::runStatusFromJson(files::readOrderedJsonFile(run.status()), "status.json");
        return raw.state == RunState::Preparing ? "preparing" : "training";
    }

    /// One of these may be too late, and then the run is finished.
    int killsAtTheEnd() const { return std::max(2, kills_ / 10); }

    /// Most kills go to the way, the rest to the end of it.
    Moment momentOf(int kill) {
        if (kill >= kills_ - killsAtTheEnd()) {
            return Moment::FinalModel;
        }
        constexpr Moment way[] = {Moment::Start, Moment::Prepared,   Moment::Resumed,    Moment::Steps,
                                  Moment::Steps, Moment::Checkpoint, Moment::Checkpoint, Moment::Evaluation};
        return way[random_.bounded(int(std::size(way)))];
    }

  private Q_SLOTS:
    void initTestCase() {
        const quint32 seed = qEnvironmentVariableIsSet("PREFBENCH_SEED")
                                 ? qEnvironmentVariable("PREFBENCH_SEED").toUInt()
                                 : QRandomGenerator::global()->generate();
        random_.seed(seed);
        qInfo("PREFBENCH_SEED=%u PREFBENCH_KILLS=%d", seed, kills_);
        for (int i = 0; i < 24; ++i) {
            const QString prompt = scratch_.addPrompt(QStringLiteral("Prompt number %1 says").arg(i));
            scratch_.addLabelledPair(prompt, QStringLiteral(" that it is good"), QStringLiteral(" so bad, so bad"),
                                     i % 5 == 0 ? -1 : 1);
        }
    }

    void aRunKilledAtRandomMomentsEndsAsIfItHadNotBeen() {
        const RunDirectory whole = newRun();
        const std::unique_ptr<QProcess> engine = start(whole, false);
        QVERIFY(engine->waitForFinished(patience));
        QVERIFY2(engine->exitCode() == 0, engine->readAll().constData());
        // The other run is to score the reference itself.
        std::filesystem::remove_all(whole.path.parent_path().parent_path() / "cache");

        const RunDirectory run = newRun();
        std::map<QByteArray, int> cuts;
        for (int kill = 0, lives = 0; kill < kills_ && stateOf(run) != RunState::Finished; ++lives) {
            QVERIFY(lives < 3 * kills_ + 10);
            const QByteArray cut = oneLife(run, momentOf(kill));
            QVERIFY2(failure_.isEmpty(), failure_.constData());
            if (!cut.isEmpty()) {
                ++cuts[cut];
                ++kill;
            }
        }
        int all = 0;
        for (const auto& [what, times] : cuts) {
            qInfo("killed %3d times: %s", times, what.constData());
            all += times;
        }
        QVERIFY2(all >= kills_ - killsAtTheEnd(), qPrintable(QString::number(all)));
        if (stateOf(run) != RunState::Finished) {
            const std::unique_ptr<QProcess> last = start(run, true);
            QVERIFY(last->waitForFinished(patience));
            QVERIFY2(last->exitCode() == 0, last->readAll().constData());
        }
        QCOMPARE(differenceOf(run, whole), std::string());
    }

    void aRunOutlivesWhoeverWaitsForIt() {
        constexpr int steps = 120;
        QProcess cli;
        QStringList arguments{QStringLiteral("train"), scratch_.path(), QStringLiteral("--model"),
                              QStringLiteral(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2"), QStringLiteral("--wait")};
        for (const QString& setting : settings(steps)) {
            arguments << QStringLiteral("--set") << setting;
        }
        const qsizetype before = project::Runs(*scratch_).all().size();
        cli.start(qEnvironmentVariable("PREFBENCH_CLI"), arguments);
        QTRY_VERIFY_WITH_TIMEOUT(project::Runs(*scratch_).all().size() > before, patience);
        const RunDirectory run{(*scratch_).absolutePath(project::Runs(*scratch_).all().last().folder).toStdString()};
        // Its metrics, which are written step by step: its status lags, and the run is short.
        QTRY_VERIFY_WITH_TIMEOUT(trainStepsOf(run).size() >= 3, patience);
        cli.kill();
        QVERIFY(cli.waitForFinished());
        QTRY_COMPARE_WITH_TIMEOUT(stateOf(run), RunState::Finished, patience);
        QCOMPARE(trainStepsOf(run), stepsUpTo(steps));
        workbench::refreshRuns(*scratch_);
        QCOMPARE(project::Runs(*scratch_).all().last().state, QStringLiteral("finished"));
        QCOMPARE(project::Judgements(*scratch_).counts().decided, 24);
    }
};

QTEST_GUILESS_MAIN(TestCrashEngine)
#include "tst_crash_engine.moc"
