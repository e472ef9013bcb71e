#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "core/contract/run_directory.h"

namespace prefbench::training {

/// Keeps a run's status.json: who runs it, and a heartbeat once a second from a thread of its own, so that a long step
/// does not look like a dead run. Safe to use from any thread.
class StatusWriter {
  public:
    /// Fills in this process's host, boot, pid and start time; the first `publish` or heartbeat writes them.
    StatusWriter(contract::RunDirectory run, contract::RunStatus status);
    ~StatusWriter();
    StatusWriter(const StatusWriter&) = delete;
    StatusWriter& operator=(const StatusWriter&) = delete;

    /// Changes what the next heartbeat writes.
    void note(const std::function<void(contract::RunStatus&)>& change);
    /// Changes it and writes it now; Error when it cannot be written.
    void publish(const std::function<void(contract::RunStatus&)>& change);
    contract::RunStatus status() const;

  private:
    void beat();
    void write();

    contract::RunDirectory run_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    contract::RunStatus status_;
    bool ending_ = false;
    std::thread thread_;
};

/// Seconds since the epoch.
double now();

/// "process 4711 on mill, running since 2025-03-01 10:22:05", as well as the status of a run tells.
std::string describeHolder(const contract::RunStatus& status);

}  // namespace prefbench::training
