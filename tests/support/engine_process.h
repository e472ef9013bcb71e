#pragma once

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <vector>

#include "core/files/json.h"

/// How a process of prefbench-engine ended and what it wrote.
struct EngineOutput {
    int status = -1;  ///< -1: it crashed or did not end
    QByteArray standardOutput, standardError;
};

/// What a command of prefbench-engine did with its input.
struct EngineOutcome {
    int status = -1;  ///< -1: it crashed or did not end
    std::vector<prefbench::files::Json> lines;
    QByteArray standardError;

    /// The error in the line of output with this index.
    QString error(std::size_t line) const { return QString::fromStdString(lines.at(line).value("error", "")); }
};

inline QString engineProgram() {
    return QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-engine");
}

inline EngineOutput engineOutput(const QStringList& arguments, const QByteArray& input = {}, int patienceMs = 120000) {
    QProcess process;
    process.start(engineProgram(), arguments);
    process.write(input);
    process.closeWriteChannel();
    EngineOutput output;
    if (process.waitForFinished(patienceMs) && process.exitStatus() == QProcess::NormalExit) {
        output.status = process.exitCode();
    }
    output.standardOutput = process.readAllStandardOutput();
    output.standardError = process.readAllStandardError();
    return output;
}

inline EngineOutcome runEngine(const QStringList& arguments, const QByteArray& input = {}) {
    const EngineOutput output = engineOutput(arguments, input);
    EngineOutcome outcome{output.status, {}, output.standardError};
    for (const QByteArray& line : output.standardOutput.split('\n')) {
        if (!line.isEmpty()) {
            outcome.lines.push_back(prefbench::files::Json::parse(line.toStdString(), nullptr, false));
        }
    }
    return outcome;
}

/// Each of them a line of input.
inline QByteArray jsonLines(const std::vector<prefbench::files::OrderedJson>& values) {
    std::string text;
    for (const prefbench::files::OrderedJson& value : values) {
        text += prefbench::files::toLine(value) + '\n';
    }
    return QByteArray::fromStdString(text);
}
