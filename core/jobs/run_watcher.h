#pragma once

#include <QFileSystemWatcher>
#include <QList>
#include <QObject>
#include <QTimer>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"

namespace prefbench::jobs {

/// Follows one run directory: reads status.json and what metrics.jsonl grew by, on a timer with a file watch beside it
/// (inotify is blind on NFS). Reading happens in a worker thread; signals arrive on the watcher's thread.
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
    void take(const Reading& reading);
    contract::RunDirectory run_;
    std::shared_ptr<contract::MetricsReader> reader_;
    QList<contract::MetricRecord> records_;
    contract::RunStatus status_;
    QTimer timer_;
    QFileSystemWatcher files_;
    bool busy_ = false;
};

}  // namespace prefbench::jobs
