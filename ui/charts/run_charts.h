#pragma once

#include <QWidget>

#include "core/contract/metrics.h"

class QCustomPlot;

namespace prefbench::charts {

/// The four charts of learning (loss with the ln 2 line, rewards of chosen and rejected, margin, accuracy), training as
/// lines and evaluation as markers joined by a thin line; axes linked in x, zoom and pan. The same code draws the page
/// and `prefbench-cli plot`.
class RunCharts : public QWidget {
    Q_OBJECT
  public:
    explicit RunCharts(QWidget* parent = nullptr);
    void clear();
    void setRecords(const QList<contract::MetricRecord>& records);
    void addRecords(const QList<contract::MetricRecord>& records);
    /// 0 = raw, towards 1 = smoother: exponential moving average, drawn over a faint raw line.
    void setSmoothing(double weight);
    /// Writes PNG (or PDF by suffix); Error when it cannot be written.
    void save(const QString& file, QSize size);
    /// Points drawn in the named curve ("loss/train", "rewards/margins/eval"…): for tests and the table view.
    int pointCount(const QString& curve) const;
};

/// Draws a run directory's metrics.jsonl into `file` without a window. Needs a QApplication (any platform).
void plotRun(const QString& runFolder, const QString& file, QSize size = {1600, 1000});

}  // namespace prefbench::charts
