#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <fstream>

#include "core/files/json.h"
#include "core/jobs/run_watcher.h"

using namespace prefbench;

class TestRunWatcher : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    int runs_ = 0;

    contract::RunDirectory newRun() {
        contract::RunSpec spec;
        spec.id = "run";
        spec.name = "run";
        spec.model = "model";
        const QString path = folder_.filePath(QStringLiteral("run%1").arg(++runs_));
        return contract::createRunDirectory(path.toStdString(), spec, "", "");
    }

    static std::string record(std::int64_t step, double loss) {
        contract::MetricRecord record;
        record.step = step;
        record.split = "train";
        record.values["loss"] = loss;
        return files::toLine(contract::toJson(record)) + "\n";
    }

    static void append(const contract::RunDirectory& run, const std::string& bytes) {
        std::ofstream(run.metrics(), std::ios::app | std::ios::binary) << bytes;
    }

    static void setState(const contract::RunDirectory& run, contract::RunState state) {
        contract::RunStatus status;
        status.state = state;
        contract::writeStatus(run, status);
    }

    static std::vector<std::int64_t> steps(const jobs::RunWatcher& watcher) {
        std::vector<std::int64_t> steps;
        for (const contract::MetricRecord& record : watcher.records()) {
            steps.push_back(record.step);
        }
        return steps;
    }
    using Steps = std::vector<std::int64_t>;

  private Q_SLOTS:
    void readsWhatIsThereAndWhatIsAdded() {
        const contract::RunDirectory run = newRun();
        append(run, record(1, 0.69) + record(2, 0.68));
        jobs::RunWatcher watcher(run);
        qsizetype announced = 0;
        connect(&watcher, &jobs::RunWatcher::recordsAdded, this,
                [&](const QList<contract::MetricRecord>& added) { announced += added.size(); });
        QTRY_COMPARE(steps(watcher), (Steps{1, 2}));
        append(run, record(3, 0.5));
        QTRY_COMPARE(steps(watcher), (Steps{1, 2, 3}));
        QCOMPARE(announced, 3);
        QCOMPARE(watcher.records().last().values.at("loss"), 0.5);
    }

    void startsBeforeTheEngineWritesAnything() {
        const contract::RunDirectory run = newRun();
        jobs::RunWatcher watcher(run);
        QSignalSpy status(&watcher, &jobs::RunWatcher::statusChanged);
        QTRY_COMPARE(status.size(), 1);
        QCOMPARE(watcher.status().state, contract::RunState::Queued);
        append(run, record(1, 0.69));
        QTRY_COMPARE(steps(watcher), (Steps{1}));
    }

    void aTornLineWaitsForItsEnd() {
        const contract::RunDirectory run = newRun();
        jobs::RunWatcher watcher(run);
        const std::string line = record(2, 0.4);
        append(run, record(1, 0.69) + line.substr(0, 20));
        QTRY_COMPARE(steps(watcher), (Steps{1}));
        QTest::qWait(400);
        QCOMPARE(steps(watcher), (Steps{1}));
        append(run, line.substr(20));
        QTRY_COMPARE(steps(watcher), (Steps{1, 2}));
        QCOMPARE(watcher.records().last().values.at("loss"), 0.4);
    }

    void resumeDropsWhatCameAfterTheCheckpoint() {
        const contract::RunDirectory run = newRun();
        append(run, record(1, 0.6) + record(2, 0.5) + record(3, 0.4) + "{\"step\":4,\"spl");
        jobs::RunWatcher watcher(run);
        QSignalSpy reset(&watcher, &jobs::RunWatcher::recordsReset);
        QTRY_COMPARE(steps(watcher), (Steps{1, 2, 3}));
        append(run, "\n{\"event\":\"resumed\",\"from_step\":2}\n" + record(3, 0.45));
        QTRY_COMPARE(reset.size(), 1);
        QCOMPARE(steps(watcher), (Steps{1, 2, 3}));
        QCOMPARE(watcher.records().last().values.at("loss"), 0.45);
    }

    void theFinalStateComesAfterTheLastRecord() {
        const contract::RunDirectory run = newRun();
        jobs::RunWatcher watcher(run);
        qsizetype recordsAtTheEnd = -1;
        connect(&watcher, &jobs::RunWatcher::statusChanged, this, [&](const contract::RunStatus& status) {
            if (status.state == contract::RunState::Finished) {
                recordsAtTheEnd = watcher.records().size();
            }
        });
        for (int step = 1; step <= 500; ++step) {
            append(run, record(step, 0.5));
        }
        setState(run, contract::RunState::Finished);
        QTRY_COMPARE(recordsAtTheEnd, 500);
    }

    void aRunNobodyHoldsIsInterrupted() {
        const contract::RunDirectory run = newRun();
        setState(run, contract::RunState::Running);
        jobs::RunWatcher watcher(run);
        QTRY_COMPARE(watcher.status().state, contract::RunState::Interrupted);
        auto lock = contract::RunLock::tryAcquire(run);
        QVERIFY(lock.has_value());
        QTRY_COMPARE(watcher.status().state, contract::RunState::Running);
    }

    void mayGoAwayWhileReading() {
        const contract::RunDirectory run = newRun();
        std::string many;
        for (int step = 1; step <= 20000; ++step) {
            many += record(step, 0.5);
        }
        append(run, many);
        for (int i = 0; i < 20; ++i) {
            jobs::RunWatcher watcher(run);
            QTest::qWait(i);
        }
        QVERIFY(true);
    }
};

QTEST_GUILESS_MAIN(TestRunWatcher)
#include "tst_run_watcher.moc"
