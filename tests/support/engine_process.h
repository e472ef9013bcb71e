#pragma once

#include <QByteArray>
#include <QProcess>
#include <QString>
#include <QStringList>
#include <vector>

#include "core/files/json.h"

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

inline EngineOutcome runEngine(const QStringList& arguments, const QByteArray& input = {}) {
    constexpr int patience = 120000;  // ms
    QProcess process;
    process.start(engineProgram(), arguments);
    process.write(input);
    process.closeWriteChannel();
    EngineOutcome outcome;
    if (process.waitForFinished(patience) && process.exitStatus() == QProcess::NormalExit) {
        outcome.status = process.exitCode();
    }
    outcome.standardError = process.readAllStandardError();
    for (const QByteArray& line : process.readAllStandardOutput().split('\n')) {
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
