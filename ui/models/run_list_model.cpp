#include "ui/models/run_list_model.h"

#include <QCoreApplication>
#include <QLocale>
#include <algorithm>
#include <cmath>

namespace prefbench::models {

using contract::RunState;

QString stateWord(RunState state) {
    switch (state) {
        case RunState::Queued:
            return RunListModel::tr("Waiting");
        case RunState::Preparing:
            return RunListModel::tr("Preparing");
        case RunState::Running:
            return RunListModel::tr("Running");
        case RunState::Paused:
            return RunListModel::tr("Paused");
        case RunState::Finished:
            return RunListModel::tr("Finished");
        case RunState::Failed:
            return RunListModel::tr("Failed");
        case RunState::Stopped:
            return RunListModel::tr("Stopped");
        case RunState::Interrupted:
            return RunListModel::tr("Interrupted");
    }
    return {};
}

QString stateIcon(RunState state) {
    switch (state) {
        case RunState::Queued:
        case RunState::Preparing:
            return QStringLiteral("refresh");
        case RunState::Running:
            return QStringLiteral("play");
        case RunState::Paused:
            return QStringLiteral("pause");
        case RunState::Finished:
            return QStringLiteral("check");
        case RunState::Failed:
            return QStringLiteral("close");
        case RunState::Stopped:
            return QStringLiteral("stop");
        case RunState::Interrupted:
            return QStringLiteral("warning");
    }
    return {};
}

QString shortDuration(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0) {
        return {};
    }
    const auto rounded = [](double value) {
        return QLocale().toString(std::max(1, static_cast<int>(std::lround(value))));
    };
    if (seconds < 90) {
        return RunListModel::tr("%1 s").arg(rounded(seconds));
    }
    if (seconds < 90 * 60) {
        return RunListModel::tr("%1 min").arg(rounded(seconds / 60));
    }
    if (seconds < 48 * 3600) {
        return RunListModel::tr("%1 h").arg(rounded(seconds / 3600));
    }
    return RunListModel::tr("%1 days").arg(rounded(seconds / 86400));
}

QString aboutDuration(double seconds) {
    const QString duration = shortDuration(seconds);
    return duration.isEmpty() ? QString() : RunListModel::tr("about %1").arg(duration);
}

QString progressWords(const contract::RunStatus& status) {
    const QLocale locale;
    const QString step = locale.toString(static_cast<qlonglong>(status.step));
    const QString total = locale.toString(static_cast<qlonglong>(status.totalSteps));
    const QString done = status.totalSteps > 0 ? RunListModel::tr("%1 of %2 steps").arg(step, total) : QString();
    switch (status.state) {
        case RunState::Queued:
            return RunListModel::tr("Not started yet");
        case RunState::Preparing:
            return status.message.empty() ? RunListModel::tr("Reading the model and the pairs")
                                          : QString::fromStdString(status.message);
        case RunState::Running: {
            const QString left = status.etaSeconds > 0 ? aboutDuration(status.etaSeconds) : QString();
            return left.isEmpty() ? done : RunListModel::tr("%1, %2 left").arg(done, left);
        }
        case RunState::Finished:
            return RunListModel::tr("%1 steps").arg(step);
        case RunState::Failed:
            return QString::fromStdString(status.message);
        case RunState::Paused:
        case RunState::Stopped:
        case RunState::Interrupted:
            return done;
    }
    return {};
}

void RunListModel::setRows(QList<RunRow> rows) {
    std::reverse(rows.begin(), rows.end());
    const auto sameIds = [](const RunRow& a, const RunRow& b) { return a.run.id == b.run.id; };
    if (std::equal(rows.begin(), rows.end(), rows_.begin(), rows_.end(), sameIds)) {
        rows_ = std::move(rows);
        if (!rows_.isEmpty()) {
            Q_EMIT dataChanged(index(0), index(static_cast<int>(rows_.size()) - 1));
        }
        return;
    }
    // New runs come in at the top; anything else (another project, a merge) begins anew.
    const qsizetype fresh = rows.size() - rows_.size();
    if (fresh > 0 && !rows_.isEmpty() &&
        std::equal(rows.begin() + fresh, rows.end(), rows_.begin(), rows_.end(), sameIds)) {
        beginInsertRows({}, 0, static_cast<int>(fresh) - 1);
        rows_ = std::move(rows);
        endInsertRows();
        return;
    }
    beginResetModel();
    rows_ = std::move(rows);
    endResetModel();
}

void RunListModel::updateStatus(const QString& id, const contract::RunStatus& status) {
    const QModelIndex changed = indexOf(id);
    if (changed.isValid()) {
        rows_[changed.row()].status = status;
        Q_EMIT dataChanged(changed, changed);
    }
}

const RunRow* RunListModel::find(const QString& id) const {
    const QModelIndex found = indexOf(id);
    return found.isValid() ? &rows_[found.row()] : nullptr;
}

QModelIndex RunListModel::indexOf(const QString& id) const {
    for (int row = 0; row < rows_.size(); ++row) {
        if (rows_[row].run.id == id) {
            return index(row);
        }
    }
    return {};
}

int RunListModel::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

QVariant RunListModel::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rows_.size()) {
        return {};
    }
    const RunRow& row = rows_[index.row()];
    switch (role) {
        case IdRole:
            return row.run.id;
        case NameRole:
            return row.run.name;
        case ColourRole:
            return row.run.colour;
        case StateRole:
            return static_cast<int>(row.status.state);
        case ProgressRole:
            if (row.status.state == RunState::Running && row.status.etaSeconds > 0) {
                // One line of a narrow list.
                const QLocale locale;
                return tr("%1 of %2 · %3 left")
                    .arg(locale.toString(static_cast<qlonglong>(row.status.step)),
                         locale.toString(static_cast<qlonglong>(row.status.totalSteps)),
                         aboutDuration(row.status.etaSeconds));
            }
            return progressWords(row.status);
        case Qt::ToolTipRole:
            return progressWords(row.status);
        case ShareRole:
            return row.status.totalSteps > 0
                       ? static_cast<double>(row.status.step) / static_cast<double>(row.status.totalSteps)
                       : 0.0;
        case Qt::DisplayRole:
        case Qt::AccessibleTextRole:
            return tr("%1, %2, %3").arg(row.run.name, stateWord(row.status.state), progressWords(row.status));
        default:
            return {};
    }
}

}  // namespace prefbench::models
