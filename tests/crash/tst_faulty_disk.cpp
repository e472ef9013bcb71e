#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>

#include "core/training/durable_folder.h"
#include "tests/support/finished_run.h"
#include "tests/support/tiny_run.h"

using namespace prefbench;
using contract::RunDirectory;
using contract::RunState;

/// One call of a whole run fails: the disk is full or broken, or takes less than it was given. PREFBENCH_FAULTS says
/// how many calls of each kind are tried, spread over the run (5).
class TestFaultyDisk : public QObject {
    Q_OBJECT

    /// What the disk did.
    struct Fault {
        std::string call, path;
        long calls = 0;
    };

    QTemporaryDir dir_;
    RunDirectory whole_;

    std::filesystem::path folder() const { return dir_.path().toStdString(); }

    static void shorten(contract::RunSpec& spec) {
        spec.hyperparameters.maxSteps = 8;
        spec.hyperparameters.evalEvery = 4;
        spec.hyperparameters.checkpointEvery = 2;
    }

    /// Heartbeats come when they come, so they do not count: they have a test of their own.
    static TrainOutcome trainOn(const RunDirectory& run, const char* kind, long at, Fault& fault,
                                const std::string& under = {}, const char* but = "status.json") {
        const std::filesystem::path report = run.path.parent_path() / "fault";
        std::filesystem::remove(report);
        const auto text = [](const std::string& value) { return QString::fromStdString(value); };
        const TrainOutcome outcome =
            train(run, false,
                  {{QStringLiteral("LD_PRELOAD"), QStringLiteral(PREFBENCH_FAULTY_DISK)},
                   {QStringLiteral("PREFBENCH_FAULT_UNDER"), text(under.empty() ? run.path.string() : under)},
                   {QStringLiteral("PREFBENCH_FAULT_BUT"), QString::fromUtf8(but)},
                   {QStringLiteral("PREFBENCH_FAULT_KIND"), QString::fromUtf8(kind)},
                   {QStringLiteral("PREFBENCH_FAULT_AT"), QString::number(at)},
                   {QStringLiteral("PREFBENCH_FAULT_REPORT"), text(report.string())}});
        std::istringstream lines(std::filesystem::exists(report) ? files::readFile(report) : "");
        for (std::string call, rest; lines >> call && std::getline(lines >> std::ws, rest);) {
            if (call == "calls") {
                fault.calls = std::stol(rest);
            } else {
                fault.call = call;
                fault.path = rest;
            }
        }
        return outcome;
    }

    /// The name that a message has for a path: temporary names are nobody's concern.
    static std::string nameFor(const std::string& path) {
        std::string name = std::filesystem::path(path).filename().string();
        if (name.starts_with('.')) {
            name = name.substr(1, std::min(name.find(".tmp-"), name.find(".partial")) - 1);
        }
        return name;
    }

    /// The log is for people. Folders are opened also to sweep them, and what cannot be swept now is swept later.
    static bool mayBeMissed(const Fault& fault) { return fault.path.ends_with("engine.log") || fault.call == "open"; }

    void tryOne(const char* kind, long at) {
        const RunDirectory run =
            makeTinyRun(folder(), std::string(kind) + "-" + std::to_string(at), [](auto& spec) { shorten(spec); });
        Fault fault;
        const TrainOutcome outcome = trainOn(run, kind, at, fault);
        const std::string what = std::string(kind) + " at call " + std::to_string(at) + ", " + fault.call + " " +
                                 fault.path + ": " + outcome.errors.toStdString();
        QVERIFY2(!fault.path.empty(), what.c_str());
        const contract::RunStatus status = contract::readStatus(run);
        if (std::string(kind) == "short" || (mayBeMissed(fault) && outcome.exitCode == 0)) {
            QVERIFY2(outcome.exitCode == 0, what.c_str());
        } else {
            QVERIFY2(outcome.exitCode == 1, what.c_str());
            const char* cause = std::strerror(std::string(kind) == "EIO" ? EIO : ENOSPC);
            QVERIFY2(outcome.errors.contains(QString::fromStdString(nameFor(fault.path))), what.c_str());
            QVERIFY2(outcome.errors.contains(QString::fromUtf8(cause)), what.c_str());
            // Whoever cannot lock the run must not write to it.
            const bool untouched = fault.path.ends_with("/lock");
            QVERIFY2(status.state == (untouched ? RunState::Queued : RunState::Failed), what.c_str());
            if (!untouched) {
                QVERIFY2(status.message.find(nameFor(fault.path)) != std::string::npos, status.message.c_str());
                QVERIFY2(status.message.find(cause) != std::string::npos, status.message.c_str());
            }
            for (const std::string& name : namesIn(run.checkpoints())) {
                QVERIFY2(name.starts_with("step-"), (what + name).c_str());
                QVERIFY2(!training::folderDefect(run.checkpoints() / name).has_value(), (what + name).c_str());
            }
            const TrainOutcome resumed = train(run, true);
            QVERIFY2(resumed.exitCode == 0, (what + resumed.errors.toStdString()).c_str());
        }
        const std::string difference = differenceOf(run, whole_);
        QVERIFY2(difference.empty(), (what + difference).c_str());
        std::filesystem::remove_all(run.path);
    }

  private Q_SLOTS:
    void initTestCase() {
        whole_ = makeTinyRun(folder(), "whole", shorten);
        const TrainOutcome outcome = train(whole_);
        QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    }

    void oneCallFails_data() {
        QTest::addColumn<QByteArray>("kind");
        for (const char* kind : {"ENOSPC", "EIO", "short"}) {
            QTest::newRow(kind) << QByteArray(kind);
        }
    }

    void oneCallFails() {
        QFETCH(QByteArray, kind);
        const RunDirectory run = makeTinyRun(folder(), "counted", shorten);
        Fault counted;
        QCOMPARE(trainOn(run, kind.constData(), 0, counted).exitCode, 0);
        std::filesystem::remove_all(run.path);
        QVERIFY(counted.calls > 50);
        const long wanted =
            qEnvironmentVariableIsSet("PREFBENCH_FAULTS") ? qEnvironmentVariableIntValue("PREFBENCH_FAULTS") : 5;
        const long tries = std::clamp(wanted, 1L, counted.calls);
        qInfo("%s: %ld of %ld calls", kind.constData(), tries, counted.calls);
        // The first and the last are among them.
        for (long i = 0; i < tries && !QTest::currentTestFailed(); ++i) {
            tryOne(kind.constData(), 1 + (tries > 1 ? i * (counted.calls - 1) / (tries - 1) : 0));
        }
    }

    void aStatusThatCannotBeWrittenFailsTheRunOrIsWrittenLater() {
        for (const long at : {1L, 2L, 5L, 9L}) {
            const RunDirectory run = makeTinyRun(folder(), "status-" + std::to_string(at), shorten);
            Fault fault;
            const TrainOutcome outcome = trainOn(run, "ENOSPC", at, fault, {},
                                                 "/checkpoints/:/margins/:/dataset/:/lock:"
                                                 "engine.log:metrics.jsonl:samples.jsonl:"
                                                 "run.json:/.model:/model");
            QVERIFY2(nameFor(fault.path) == "status.json", fault.path.c_str());
            if (outcome.exitCode != 0) {
                const contract::RunStatus status = contract::readStatus(run);
                QCOMPARE(status.state, RunState::Failed);
                QVERIFY2(status.message.find("status.json: cannot be") != std::string::npos, status.message.c_str());
                QCOMPARE(train(run, true).exitCode, 0);
            }
            QCOMPARE(differenceOf(run, whole_), std::string());
        }
    }

    void aCacheThatCannotBeWrittenFailsTheRun() {
        const std::filesystem::path cache = folder() / "p.data" / "cache";
        std::filesystem::remove_all(cache);
        const RunDirectory run = makeTinyRun(folder(), "uncached", shorten);
        Fault fault;
        const TrainOutcome outcome = trainOn(run, "ENOSPC", 4, fault, cache.string());
        QVERIFY2(outcome.exitCode == 1, qPrintable(outcome.errors));
        QVERIFY2(contract::readStatus(run).message.find("No space left") != std::string::npos,
                 qPrintable(outcome.errors));
        QCOMPARE(train(run, true).exitCode, 0);
        QCOMPARE(differenceOf(run, whole_), std::string());
    }
};

QTEST_GUILESS_MAIN(TestFaultyDisk)
#include "tst_faulty_disk.moc"
