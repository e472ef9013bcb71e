#include <unistd.h>
#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <csignal>
#include <memory>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/jobs/engine.h"

using namespace prefbench;
using Kind = contract::EngineEvent::Kind;

class TestEngine : public QObject {
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

    static QString startError(const contract::RunDirectory& run) {
        try {
            jobs::startTraining(run);
        } catch (const Error& error) {
            return QString::fromUtf8(error.what());
        }
        return {};
    }

    /// The one line a client says when the engine behaves as `mode`.
    static QString failureOf(const char* mode) {
        qputenv("FAKE_ENGINE_MODE", mode);
        jobs::EngineClient client;
        QSignalSpy failed(&client, &jobs::EngineClient::failed);
        client.start(QStringLiteral("model"));
        if (failed.isEmpty() && !failed.wait(5000)) {
            return {};
        }
        QTest::qWait(50);
        return failed.size() == 1 ? failed.first().first().toString() : QStringLiteral("said more than once");
    }

  private Q_SLOTS:
    void init() {
        qputenv("PREFBENCH_ENGINE", qgetenv("FAKE_ENGINE"));
        qunsetenv("FAKE_ENGINE_MODE");
    }

    void namesAMissingEngine() {
        qputenv("PREFBENCH_ENGINE", "/nowhere/prefbench-engine");
        QVERIFY_EXCEPTION_THROWN(jobs::enginePath(), Error);
        const QString message = failureOf("");
        QVERIFY2(message.contains(QStringLiteral("/nowhere/prefbench-engine")), qPrintable(message));
        const contract::RunDirectory run = newRun();
        QVERIFY(startError(run).contains(QStringLiteral("/nowhere/prefbench-engine")));
        QCOMPARE(contract::readStatus(run).state, contract::RunState::Failed);
    }

    void saysWhyTheEngineEnded() {
        QString message = failureOf("crash");
        QVERIFY2(message.contains(QStringLiteral("crashed")), qPrintable(message));
        QVERIFY2(message.contains(QStringLiteral("out of memory in layer 3")), qPrintable(message));
        QVERIFY2(!message.contains(QLatin1Char('\n')), qPrintable(message));
        message = failureOf("exit");
        QVERIFY2(message.contains(QStringLiteral("status 3")), qPrintable(message));
        QVERIFY2(message.contains(QStringLiteral("no such option")), qPrintable(message));
        QCOMPARE(failureOf("model-refused"), QStringLiteral("/m/config.json: no model_type"));
        message = failureOf("garbage");
        QVERIFY2(message.contains(QStringLiteral("Warning: something")), qPrintable(message));
    }

    void answersRequests() {
        jobs::EngineClient client;
        QSignalSpy ready(&client, &jobs::EngineClient::ready);
        QList<contract::EngineEvent> events;
        connect(&client, &jobs::EngineClient::event, this,
                [&](const contract::EngineEvent& event) { events << event; });
        client.start(QStringLiteral("model"));
        contract::GenerateRequest request;
        request.id = 7;
        request.prompt = "Ein Film – schön";
        request.settings.samples = 2;
        client.generate(request);
        QTRY_VERIFY(!events.isEmpty() && events.last().kind == Kind::Done);
        QCOMPARE(ready.size(), 1);
        QCOMPARE(events.size(), 5);
        QCOMPARE(events.at(1).id, 7);
        QCOMPARE(events.at(1).kind, Kind::Result);
        QVERIFY(QString::fromStdString(events.at(1).text).startsWith(QStringLiteral("Ein Film – schön")));
    }

    void reportsACrashUnderWay() {
        jobs::EngineClient client;
        QSignalSpy failed(&client, &jobs::EngineClient::failed);
        client.start(QStringLiteral("model"));
        contract::GenerateRequest request;
        request.id = 1;
        request.prompt = "crash";
        client.generate(request);
        QVERIFY(failed.wait(5000));
        QVERIFY(failed.first().first().toString().contains(QStringLiteral("out of memory in layer 3")));
    }

    void cancelEndsTheRequest() {
        jobs::EngineClient client;
        QList<contract::EngineEvent> events;
        connect(&client, &jobs::EngineClient::event, this,
                [&](const contract::EngineEvent& event) { events << event; });
        client.start(QStringLiteral("model"));
        contract::GenerateRequest request;
        request.id = 3;
        request.prompt = "hang";
        client.generate(request);
        client.cancel(3);
        QTRY_COMPARE(events.size(), 1);
        QCOMPARE(events.first().id, 3);
        QCOMPARE(events.first().kind, Kind::Done);
    }

    void aStoppedEngineIsNoFailure() {
        jobs::EngineClient client;
        QSignalSpy ready(&client, &jobs::EngineClient::ready);
        QSignalSpy failed(&client, &jobs::EngineClient::failed);
        client.start(QStringLiteral("model"));
        QVERIFY(ready.wait(5000));
        client.stop();
        QTest::qWait(300);
        QCOMPARE(failed.size(), 0);
    }

    void theDestructorEndsAnEngineThatWillNot() {
        qputenv("FAKE_ENGINE_MODE", "stubborn");
        qputenv("FAKE_ENGINE_PID_FILE", folder_.filePath(QStringLiteral("pid")).toUtf8());
        auto client = std::make_unique<jobs::EngineClient>();
        QSignalSpy failed(client.get(), &jobs::EngineClient::failed);
        client->start(QStringLiteral("model"));
        const QString pidFile = qEnvironmentVariable("FAKE_ENGINE_PID_FILE");
        QTRY_VERIFY(QFile::exists(pidFile));
        QFile file(pidFile);
        QVERIFY(file.open(QIODevice::ReadOnly));
        const int pid = file.readAll().toInt();
        QCOMPARE(::kill(pid, 0), 0);
        client.reset();
        QCOMPARE(failed.size(), 0);
        QCOMPARE(::kill(pid, 0), -1);
    }

    void trainingIsDetached() {
        const contract::RunDirectory run = newRun();
        jobs::startTraining(run);
        QVERIFY(contract::RunLock::isHeld(run));
        QTRY_VERIFY(std::filesystem::exists(run.path / "process.json"));
        const files::Json process = files::readJsonFile(run.path / "process.json");
        QCOMPARE(process.at("folder").get<std::string>(), std::filesystem::canonical(run.path).string());
        QVERIFY(process.at("session").get<qint64>() != getsid(0));
        QTRY_COMPARE(contract::readStatus(run).state, contract::RunState::Finished);
        const std::string log = files::readFile(run.log());
        QVERIFY(log.find("out") != std::string::npos && log.find("err") != std::string::npos);
    }

    void trainingThatEndsAtOnceSaysWhy() {
        qputenv("FAKE_ENGINE_MODE", "refuse");
        contract::RunDirectory run = newRun();
        files::writeDurably(run.log(), "of an earlier start\n");
        QString message = startError(run);
        QVERIFY2(message.endsWith(QStringLiteral("model.safetensors: tensor wte is missing")), qPrintable(message));
        QCOMPARE(contract::readStatus(run).state, contract::RunState::Failed);
        QCOMPARE(QString::fromStdString(contract::readStatus(run).message), message);

        qputenv("FAKE_ENGINE_MODE", "silent");
        run = newRun();
        files::writeDurably(run.log(), "of an earlier start\n");
        message = startError(run);
        QVERIFY2(!message.isEmpty() && !message.contains(QStringLiteral("earlier")), qPrintable(message));
    }
};

QTEST_GUILESS_MAIN(TestEngine)
#include "tst_engine.moc"
