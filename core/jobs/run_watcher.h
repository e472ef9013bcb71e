#pragma once

#include <QFileSystemWatcher>
#include <QFutureWatcher>
#include <QList>
#include <QObject>
#include <QTimer>
#include <memory>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"

namespace prefbench::jobs {

/// Follows one run directory: reads status.json and what metrics.jsonl grew by, on a timer with a file watch beside it
/// (inotify is blind on NFS). Reading happens in a worker thread; signals arrive on the watcher's thread. A final state
/// is announced after every record written before it. Watching goes on after it, as a run may be resumed.
class RunWatcher : public QObject {
    Q_OBJECT
  public:
    explicit RunWatcher(contract::RunDirectory run, QObject* parent = nullptr);
    ~RunWatcher() override;
    const contract::RunDirectory& run() const { return run_; }
    const QList<contract::MetricRecord>& records() const { return records_; }
    const contract::RunStatus& status() const { return status_; }

  Q_SIGNALS:
    void recordsAdded(const QList<prefbench::contract::MetricRecord>& added);
    /// Earlier records were dropped (resume): read records() anew.
    void recordsReset();
    void statusChanged(const prefbench::contract::RunStatus& status);

  private:
    struct Reading;
    void poll();
    void take(Reading& reading);
    void watchFiles();

    contract::RunDirectory run_;
    std::shared_ptr<contract::MetricsReader> reader_;
    QList<contract::MetricRecord> records_;
    contract::RunStatus status_;
    std::string statusLine_;  ///< status_ as written: what "changed" is judged by
    QTimer timer_;
    QTimer soon_;  ///< gathers bursts of file changes into one reading
    QFileSystemWatcher files_;
    QFutureWatcher<std::shared_ptr<Reading>> reading_;
    bool busy_ = false;  ///< from the start of a reading until its result is taken
};

}  // namespace prefbench::jobs
