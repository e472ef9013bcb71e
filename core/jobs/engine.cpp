#include "core/jobs/engine.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QFileInfo>
#include <QStandardPaths>
#include <QThread>
#include <QTimer>

#include "core/files/error.h"

namespace prefbench::jobs {

namespace {

constexpr auto engineName = "prefbench-engine";
constexpr int startMilliseconds = 3000;
constexpr qsizetype errorTail = 8192;
constexpr qsizetype longestLine = qsizetype{64} * 1024 * 1024;

QString pathOf(const std::filesystem::path& path) {
    return QString::fromStdString(path.string());
}

std::string text(const QString& string) {
    return string.toStdString();
}

QString lastLine(const QByteArray& bytes) {
    const QList<QByteArray> lines = bytes.split('\n');
    for (auto line = lines.crbegin(); line != lines.crend(); ++line) {
        const QByteArray words = line->trimmed();
        if (!words.isEmpty()) {
            return QString::fromUtf8(words.left(500));
        }
    }
    return {};
}

QByteArray bytesFrom(const QString& path, qint64 offset) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        return {};
    }
    file.seek(std::max(offset, file.size() - errorTail));
    return file.readAll();
}

/// A child of init that nobody has collected yet still has its pid, so the state in /proc decides.
bool isAlive(qint64 pid) {
    QFile stat(QStringLiteral("/proc/%1/stat").arg(pid));
    if (!stat.open(QIODevice::ReadOnly)) {
        return false;
    }
    const QByteArray line = stat.readAll();
    const qsizetype afterName = line.lastIndexOf(") ");
    return afterName >= 0 && !QByteArrayLiteral("ZXx").contains(line.mid(afterName + 2, 1));
}

/// The engine has the run in hand (or had: a tiny run may be over already) and reports through the run directory.
bool isTaken(const contract::RunDirectory& run, const contract::RunStatus& before) {
    try {
        if (contract::RunLock::isHeld(run)) {
            return true;
        }
        const contract::RunStatus now = contract::readStatus(run);
        return contract::isFinal(now.state) && (now.state != before.state || now.heartbeat != before.heartbeat);
    } catch (const std::exception&) {
        return false;
    }
}

contract::RunStatus statusOrQueued(const contract::RunDirectory& run) {
    try {
        return contract::readStatus(run);
    } catch (const std::exception&) {
        return {};
    }
}

/// A run that never came to life says why in its own directory, where every later reader looks.
[[noreturn]] void refuse(const contract::RunDirectory& run, const QString& message) {
    try {
        contract::RunStatus status = contract::readStatus(run);
        if (status.state == contract::RunState::Queued) {
            status.state = contract::RunState::Failed;
            status.message = text(message);
            status.heartbeat = static_cast<double>(QDateTime::currentMSecsSinceEpoch()) / 1000;
            contract::writeStatus(run, status);
        }
    } catch (const std::exception&) {
        // The directory cannot be written either; the thrown line tells the caller all there is to know.
    }
    throw Error(text(message));
}

QString engineOrRefuse(const contract::RunDirectory& run) {
    try {
        return enginePath();
    } catch (const Error& error) {
        refuse(run, QString::fromUtf8(error.what()));
    }
}

}  // namespace

QString enginePath() {
    const QString chosen = qEnvironmentVariable("PREFBENCH_ENGINE");
    if (!chosen.isEmpty()) {
        if (!QFileInfo(chosen).isExecutable() || QFileInfo(chosen).isDir()) {
            throw Error("PREFBENCH_ENGINE names " + text(chosen) + ", which is not a program");
        }
        return QFileInfo(chosen).absoluteFilePath();
    }
    const QString folder = QCoreApplication::applicationDirPath();
    for (const QStringList& folders : {QStringList{folder}, QStringList{}}) {
        const QString found = QStandardPaths::findExecutable(QString::fromLatin1(engineName), folders);
        if (!found.isEmpty()) {
            return QFileInfo(found).absoluteFilePath();
        }
    }
    throw Error("prefbench-engine is missing: it is neither in " + text(folder) +
                " nor on PATH; install it or name it in PREFBENCH_ENGINE");
}

void startTraining(const contract::RunDirectory& run, bool resume) {
    const QString folder = QFileInfo(pathOf(run.path)).absoluteFilePath();
    const contract::RunStatus before = statusOrQueued(run);
    const QString log = pathOf(run.log());
    const qint64 logStart = QFileInfo(log).size();

    QProcess process;
    process.setProgram(engineOrRefuse(run));
    process.setArguments(QStringList{QStringLiteral("train"), folder} +
                         (resume ? QStringList{QStringLiteral("--resume")} : QStringList{}));
    process.setWorkingDirectory(folder);
    process.setStandardInputFile(QProcess::nullDevice());
    process.setStandardOutputFile(log, QIODevice::Append);
    process.setStandardErrorFile(log, QIODevice::Append);
    qint64 pid = 0;
    // startDetached gives the process a session of its own and init as its parent.
    if (!process.startDetached(&pid)) {
        refuse(run, QStringLiteral("%1 cannot be started: %2").arg(process.program(), process.errorString()));
    }

    QElapsedTimer clock;
    clock.start();
    while (clock.elapsed() < startMilliseconds) {
        const bool alive = isAlive(pid);
        if (isTaken(run, before)) {
            return;
        }
        if (!alive) {
            const QString words = lastLine(bytesFrom(log, logStart));
            refuse(run, words.isEmpty() ? QStringLiteral("%1 ended at once without a word").arg(process.program())
                                        : QStringLiteral("%1 ended at once: %2").arg(engineName, words));
        }
        QThread::msleep(10);
    }
}

EngineClient::EngineClient(QObject* parent) : QObject(parent) {
    connect(&process_, &QProcess::readyReadStandardOutput, this, &EngineClient::readOutput);
    connect(&process_, &QProcess::readyReadStandardError, this, &EngineClient::readErrors);
    connect(&process_, &QProcess::finished, this, &EngineClient::processEnded);
    connect(&process_, &QProcess::errorOccurred, this, [this](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) {
            fail(QStringLiteral("%1 cannot be started: %2").arg(process_.program(), process_.errorString()));
        }
    });
}

EngineClient::~EngineClient() {
    process_.disconnect(this);
    if (process_.state() == QProcess::NotRunning) {
        return;
    }
    process_.closeWriteChannel();
    if (process_.waitForFinished(300)) {
        return;
    }
    process_.terminate();
    if (!process_.waitForFinished(700)) {
        process_.kill();
        process_.waitForFinished(1000);
    }
}

void EngineClient::start(const QString& modelFolder) {
    try {
        process_.setProgram(enginePath());
    } catch (const Error& error) {
        const QString message = QString::fromUtf8(error.what());
        // Callers connect and call start in either order; the answer always comes from the event loop.
        QMetaObject::invokeMethod(
            this, [this, message] { fail(message); }, Qt::QueuedConnection);
        return;
    }
    process_.setArguments({QStringLiteral("serve"), QStringLiteral("--model"), modelFolder});
    process_.start();
}

void EngineClient::generate(const contract::GenerateRequest& request) {
    send(contract::toJson(request));
}

void EngineClient::cancel(qint64 requestId) {
    send({{"id", nextCancelId_--}, {"op", "cancel"}, {"target", requestId}});
}

void EngineClient::stop() {
    stopping_ = true;
    if (process_.state() == QProcess::NotRunning) {
        return;
    }
    process_.closeWriteChannel();
    QTimer::singleShot(1000, &process_, &QProcess::terminate);
    QTimer::singleShot(3000, &process_, &QProcess::kill);
}

void EngineClient::send(const files::OrderedJson& message) {
    if (failed_ || stopping_) {
        return;
    }
    process_.write(QByteArray::fromStdString(files::toLine(message)) + '\n');
}

void EngineClient::readOutput() {
    pending_ += process_.readAllStandardOutput();
    qsizetype start = 0;
    for (qsizetype end; (end = pending_.indexOf('\n', start)) >= 0; start = end + 1) {
        if (failed_ || stopping_) {
            break;
        }
        const QByteArray line = pending_.mid(start, end - start).trimmed();
        if (!line.isEmpty()) {
            take(line);
        }
    }
    pending_.remove(0, start);
    if (pending_.size() > longestLine) {
        fail(QStringLiteral("prefbench-engine sent a line longer than 64 MiB"));
    }
}

void EngineClient::readErrors() {
    errors_ += process_.readAllStandardError();
    errors_ = errors_.right(errorTail);
}

void EngineClient::take(const QByteArray& line) {
    contract::EngineEvent received;
    try {
        received = contract::eventFromJson(files::parseJson(line.toStdString(), "prefbench-engine's answer"));
    } catch (const std::exception&) {
        fail(QStringLiteral("prefbench-engine sent a line that is not of its protocol: %1")
                 .arg(QString::fromUtf8(line.left(120))));
        return;
    }
    using Kind = contract::EngineEvent::Kind;
    if (!ready_ && received.kind == Kind::Ready) {
        ready_ = true;
        Q_EMIT ready();
    } else if (!ready_ && received.kind == Kind::Error) {
        fail(QString::fromStdString(received.text));
    } else if (received.id > 0) {
        Q_EMIT event(received);
    }
}

void EngineClient::processEnded() {
    readErrors();
    readOutput();
    if (stopping_ || failed_) {
        return;
    }
    const QString words = lastWords();
    const QString end = process_.exitStatus() == QProcess::CrashExit
                            ? QStringLiteral("prefbench-engine crashed (signal %1)").arg(process_.exitCode())
                            : QStringLiteral("prefbench-engine ended with status %1").arg(process_.exitCode());
    fail(words.isEmpty() ? end : end + QStringLiteral(": ") + words);
}

void EngineClient::fail(const QString& message) {
    if (failed_ || stopping_) {
        return;
    }
    failed_ = true;
    if (process_.state() != QProcess::NotRunning) {
        process_.kill();
    }
    Q_EMIT failed(message);
}

QString EngineClient::lastWords() const {
    return lastLine(errors_);
}

}  // namespace prefbench::jobs
