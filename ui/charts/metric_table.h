#pragma once

#include <QAbstractTableModel>

#include "ui/charts/run_data.h"

namespace prefbench::charts {

/// The charts' numbers as a table: one row a record, for reading without seeing and for copying.
class MetricTable : public QAbstractTableModel {
    Q_OBJECT
  public:
    /// `data` outlives the model; call `sync` after it grew, `reset` after it began anew.
    explicit MetricTable(const RunData& data, QObject* parent = nullptr);
    void sync();
    void reset();

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    const RunData& data_;
    int rows_ = 0;
};

/// The same table as comma-separated values with metrics.jsonl's names, numbers in full precision, empty where a record
/// has no such value.
QByteArray toCsv(const RunData& data);

}  // namespace prefbench::charts
