#include "core/jobs/prompt_reader.h"

#include "core/files/error.h"
#include "core/jobs/engine.h"

namespace prefbench::jobs {

namespace {

const QByteArray kLinePrefix = "line 1: ";
const QByteArray kProgramPrefix = "prefbench-engine: ";

QString withoutPrefixes(QByteArray message) {
    for (const QByteArray& prefix : {kProgramPrefix, kLinePrefix}) {
        if (message.startsWith(prefix)) {
            message.remove(0, prefix.size());
        }
    }
    return QString::fromUtf8(message);
}

/// Error with what the engine said instead.
contract::Rendering renderingOf(QProcess& process) {
    const QByteArray answer = process.readAllStandardOutput().trimmed();
    const QByteArray words = process.readAllStandardError().trimmed();
    if (process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0) {
        return contract::renderingFromJson(files::parseOrderedJson(answer.toStdString(), "prefbench-engine's answer"));
    }
    if (words.isEmpty()) {
        throw Error("prefbench-engine ended without an answer");
    }
    throw Error(withoutPrefixes(words.mid(words.lastIndexOf('\n') + 1)).toStdString());
}

}  // namespace

PromptReader::PromptReader(QObject* parent) : QObject(parent) {}

PromptReader::~PromptReader() {
    stop();
}

void PromptReader::stop() {
    if (QProcess* leaving = process_) {
        process_.clear();
        leaving->disconnect(this);
        // Not waited for: it deletes itself when it has ended.
        leaving->setParent(nullptr);
        connect(leaving, &QProcess::finished, leaving, &QObject::deleteLater);
        if (leaving->state() == QProcess::NotRunning) {
            leaving->deleteLater();
        }
        leaving->kill();
    }
}

void PromptReader::read(const QString& modelFolder, const contract::Passage& prompt) {
    stop();
    auto* process = new QProcess(this);
    process_ = process;
    QString program;
    try {
        program = enginePath();
    } catch (const Error& error) {
        // The answer always comes from the event loop.
        QMetaObject::invokeMethod(
            process,
            [this, process, message = QString::fromUtf8(error.what())] {
                process->deleteLater();
                Q_EMIT failed(message);
            },
            Qt::QueuedConnection);
        return;
    }
    connect(process, &QProcess::finished, this, [this, process] { take(*process); });
    connect(process, &QProcess::errorOccurred, this, [this, process, program](QProcess::ProcessError error) {
        if (error == QProcess::FailedToStart) {
            process->deleteLater();
            process_.clear();
            Q_EMIT failed(program + QStringLiteral(": ") + process->errorString());
        }
    });
    files::OrderedJson line = contract::promptToJson(prompt);
    line["add_generation_prompt"] = true;
    process->start(program,
                   {QStringLiteral("render"), QStringLiteral("--tokens"), QStringLiteral("--model"), modelFolder});
    process->write(QByteArray::fromStdString(files::toLine(line)) + '\n');
    process->closeWriteChannel();
}

void PromptReader::take(QProcess& process) {
    process.deleteLater();
    process_.clear();
    try {
        Q_EMIT finished(renderingOf(process));
    } catch (const std::exception& error) {
        Q_EMIT failed(QString::fromUtf8(error.what()));
    }
}

}  // namespace prefbench::jobs
