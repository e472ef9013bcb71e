#pragma once

#include <QWidget>
#include <span>

#include "core/contract/metrics.h"
#include "ui/charts/run_data.h"

class QAction;
class QSlider;
class QStackedLayout;
class QTableView;
class QToolButton;

namespace prefbench::charts {

class MetricTable;
class RunPlot;

/// The four charts of learning (loss, with the ln 2 line where it begins there, rewards of chosen and rejected, margin,
/// accuracy), training as lines and evaluation as markers joined by a thin line; axes linked in x, zoom and pan. The
/// same code draws the page and `prefbench-cli plot`. T shows the numbers as a table instead.
class RunCharts : public QWidget {
    Q_OBJECT
  public:
    explicit RunCharts(QWidget* parent = nullptr);
    ~RunCharts() override;
    void clear();
    /// What the records were trained by, as run.json names it; dpo until then.
    void setMethod(const QString& method);
    /// Another run's records, or the same run's anew: a zoom the person chose stays until `clear`.
    void setRecords(const QList<contract::MetricRecord>& records);
    void addRecords(std::span<const contract::MetricRecord> records);
    /// 0 = raw, towards 1 = smoother: exponential moving average, drawn over a faint raw line.
    void setSmoothing(double weight);
    /// Proposed as the file's name when the person saves the charts.
    void setRunName(const QString& name) { runName_ = name; }
    /// Writes PNG, or by suffix PDF or CSV (the numbers; `size` unused); Error with the file and the reason when it
    /// cannot be written, the old file then stands.
    void save(const QString& file, QSize size);
    /// Points held in the named curve ("loss/train", "rewards/margins/eval"…), 0 for a name there is none of.
    int pointCount(const QString& curve) const;

    RunPlot* plot() const { return plot_; }
    const RunData& data() const { return data_; }
    bool showsTable() const;
    void showTable(bool table);

  Q_SIGNALS:
    /// The person saved the charts under this name, or tried: one line why it could not be.
    void saved(const QString& file);
    void saveFailed(const QString& message);
    /// The person moved the slider.
    void smoothingChanged(double weight);

  private:
    void buildBar();
    void chooseFile();

    RunData data_;
    RunPlot* plot_;
    MetricTable* model_;
    QTableView* table_;
    QWidget* bar_;
    QStackedLayout* stack_;
    QSlider* smoothing_ = nullptr;
    QToolButton* reset_ = nullptr;
    QToolButton* tableButton_ = nullptr;
    QString runName_, lastFolder_;
};

/// Draws a run directory's metrics.jsonl into `file` without a window. Needs a QApplication (any platform). Error when
/// the run has no metrics yet or the file cannot be written.
void plotRun(const QString& runFolder, const QString& file, QSize size = {1600, 1000});

}  // namespace prefbench::charts
