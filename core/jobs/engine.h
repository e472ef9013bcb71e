#pragma once

#include <QObject>
#include <QProcess>
#include <QString>

#include "core/contract/messages.h"
#include "core/contract/run_directory.h"

namespace prefbench::jobs {

/// Path of prefbench-engine: $PREFBENCH_ENGINE, else beside this program, else on PATH. Error when there is none.
QString enginePath();

/// Starts `prefbench-engine train RUN` detached in a session of its own (survives this process), its output in
/// engine.log. Error when it cannot be started or is gone within a moment, with the log's last line.
void startTraining(const contract::RunDirectory& run, bool resume = false);

/// A running `prefbench-engine serve`, spoken to in JSON lines; never blocks. Lives on the thread that made it.
class EngineClient : public QObject {
    Q_OBJECT
  public:
    explicit EngineClient(QObject* parent = nullptr);
    ~EngineClient() override;

    /// Starts the engine for this model; `ready` or `failed` follows. A client serves one model.
    void start(const QString& modelFolder);
    void generate(const contract::GenerateRequest& request);
    void cancel(qint64 requestId);
    void stop();

  Q_SIGNALS:
    void ready();
    void event(const prefbench::contract::EngineEvent& event);
    /// One line for the page: engine missing, crashed (with its last words), model refused.
    void failed(const QString& message);

  private:
    void readOutput();
    void send(const files::Json& message);
    QProcess process_;
    QByteArray pending_;
    QByteArray lastError_;
    bool failed_ = false;
    bool stopping_ = false;
    qint64 nextCancelId_ = -1;
};

}  // namespace prefbench::jobs
