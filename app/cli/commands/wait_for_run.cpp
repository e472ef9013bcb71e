#include "app/cli/commands/wait_for_run.h"

#include <QEventLoop>
#include <QTimer>
#include <cstdio>

#include "core/files/error.h"
#include "core/jobs/run_watcher.h"

namespace prefbench::cli {

namespace {

bool isOver(const contract::RunStatus& status) {
    return contract::isFinal(status.state) || status.state == contract::RunState::Interrupted;
}

/// "  loss 0.612" for the newest record of this split that has the metric.
QString newest(const QList<contract::MetricRecord>& records, const char* split, const char* metric,
               const QString& label) {
    for (auto record = records.crbegin(); record != records.crend(); ++record) {
        const auto value = record->values.find(metric);
        if (record->split == split && value != record->values.end()) {
            return QStringLiteral("  %1 %2").arg(label).arg(value->second, 0, 'f', 3);
        }
    }
    return {};
}

QString lineOf(const jobs::RunWatcher& watcher) {
    const contract::RunStatus& status = watcher.status();
    QString line = QStringLiteral("train     %1").arg(QLatin1String(contract::toString(status.state)));
    if (status.state != contract::RunState::Running) {
        return status.message.empty() ? line : line + QStringLiteral(": ") + QString::fromStdString(status.message);
    }
    const auto& records = watcher.records();
    line += QStringLiteral("  step %1/%2").arg(status.step).arg(status.totalSteps);
    line += newest(records, "train", "loss", QStringLiteral("loss"));
    line += newest(records, "train", "rewards/margins", QStringLiteral("margin"));
    line += newest(records, "eval", "rewards/accuracies", QStringLiteral("held-out accuracy"));
    if (status.etaSeconds > 0) {
        line += QStringLiteral("  %1 s left").arg(status.etaSeconds, 0, 'f', 0);
    }
    return line;
}

}  // namespace

contract::RunStatus waitForRun(const contract::RunDirectory& run) {
    jobs::RunWatcher watcher(run);
    QEventLoop loop;
    QTimer everySecond;
    QObject::connect(&everySecond, &QTimer::timeout, &loop,
                     [&] { std::fprintf(stderr, "%s\n", qUtf8Printable(lineOf(watcher))); });
    QObject::connect(&watcher, &jobs::RunWatcher::statusChanged, &loop, [&](const contract::RunStatus& status) {
        if (isOver(status)) {
            loop.quit();
        }
    });
    everySecond.start(1000);
    loop.exec();
    std::fprintf(stderr, "%s\n", qUtf8Printable(lineOf(watcher)));
    return watcher.status();
}

void requireFinished(const contract::RunDirectory& run, const contract::RunStatus& status) {
    if (status.state == contract::RunState::Finished) {
        return;
    }
    if (status.state == contract::RunState::Failed) {
        throw Error("training failed: " + status.message);
    }
    throw Error("training was " + std::string(contract::toString(status.state)) + " at step " +
                std::to_string(status.step) + "; see " + run.log().string());
}

}  // namespace prefbench::cli
