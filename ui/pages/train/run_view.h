#pragma once

#include <QPointer>
#include <QWidget>
#include <memory>

#include "core/jobs/run_watcher.h"
#include "ui/models/run_list_model.h"

class QPushButton;
class QTabWidget;

namespace prefbench::charts {
class RunCharts;
}
namespace prefbench::widgets {
class Label;
class NoticeBar;
}  // namespace prefbench::widgets

namespace prefbench::pages {

class FileView;
class Headline;
class SamplesView;

/// One run: what it is doing, the buttons that steer it, its numbers, charts, samples, specification and log.
class RunView : public QWidget {
    Q_OBJECT
  public:
    explicit RunView(QWidget* parent = nullptr);

    /// Shows this run as the watcher reports it; the watcher must stay until another run is set or `clear`.
    void setRun(const models::RunRow& row, jobs::RunWatcher* watcher);
    void clear();
    /// Why what was asked of this run could not be done; stands until the run goes on.
    void showProblem(const QString& problem);
    /// Of the line with the run's name, so that what stands beside it can keep level.
    static int headerHeight(const QWidget* widget);
    QString runId() const { return row_.run.id; }
    charts::RunCharts* chartsWidget() const { return charts_; }
    const Headline* headline() const { return headline_; }

  Q_SIGNALS:
    /// Go on from the last checkpoint (or from the start, when a run never began).
    void resumeRequested(const QString& runId);
    /// Its model is wanted on the Sample page.
    void modelRequested(const QString& runId);
    /// The charts or their numbers were written to this file.
    void chartsSaved(const QString& file);

  private:
    void buildHeader();
    void buildTabs();
    void drawAnew();
    void drawRecords();
    void takeStatus(const contract::RunStatus& status);
    void present();
    /// What stands in the notice: a word on the run's state, which goes when that changes, or on something the person
    /// did, which stays until they dismiss it.
    enum class Notice { OfState, Own };
    void present(Notice kind, const QString& problem);
    void post(contract::RequestKind kind);

    models::RunRow row_;
    QPointer<jobs::RunWatcher> watcher_;
    std::unique_ptr<QObject> link_;
    qsizetype drawn_ = 0;     ///< of the watcher's records
    bool evaluated_ = false;  ///< an evaluation has been drawn since the samples were read
    qint64 awaited_ = 0;
    Notice shownNotice_ = Notice::OfState;
    widgets::Label* name_;
    widgets::Label* state_;
    widgets::Label* detail_;
    QPushButton* pause_;
    QPushButton* checkpoint_;
    QPushButton* stop_;
    QPushButton* resume_;
    QPushButton* use_;
    widgets::NoticeBar* notice_;
    Headline* headline_;
    QTabWidget* tabs_;
    charts::RunCharts* charts_;
    SamplesView* samples_;
    FileView* spec_;
    FileView* log_;
};

}  // namespace prefbench::pages
