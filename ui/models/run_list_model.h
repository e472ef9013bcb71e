#pragma once

#include <QAbstractListModel>
#include <QList>

#include "core/contract/run_directory.h"
#include "core/project/runs.h"

namespace prefbench::models {

/// One run as the Train page lists it: the project's row and the last seen status of its directory.
struct RunRow {
    project::Run run;
    QString folder;  ///< absolute path of the run directory
    contract::RunStatus status;
};

/// "Running", "Finished"…, in the reader's words.
QString stateWord(contract::RunState state);
/// The shape that stands beside the word: a name of widgets::icon.
QString stateIcon(contract::RunState state);
/// "12 s", "2 min", "3 h"; empty when it is not known.
QString shortDuration(double seconds);
/// "about 2 min".
QString aboutDuration(double seconds);
/// Where a run stands, in one line: "120 of 500 steps, about 2 min left".
QString progressWords(const contract::RunStatus& status);

/// Runs, newest first.
class RunListModel : public QAbstractListModel {
    Q_OBJECT
  public:
    enum Role { IdRole = Qt::UserRole, NameRole, ColourRole, StateRole, ProgressRole, ShareRole };
    using QAbstractListModel::QAbstractListModel;

    /// Rows that stay keep their place and selection.
    void setRows(QList<RunRow> rows);
    void updateStatus(const QString& id, const contract::RunStatus& status);
    const QList<RunRow>& rows() const { return rows_; }
    const RunRow* find(const QString& id) const;
    QModelIndex indexOf(const QString& id) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;

  private:
    QList<RunRow> rows_;
};

}  // namespace prefbench::models
