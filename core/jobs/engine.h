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
/// engine.log, its working directory the run's (a session manager with KillUserProcesses=yes may still end it at
/// logout; the run then resumes from its last checkpoint). Returns as soon as the engine holds the run's lock or is
/// done with it, at the latest after three seconds: call it off the window's thread. Error when it cannot be started or
/// is gone without having taken the run, with the log's last line; a queued run then reads as failed with that line.
void startTraining(const contract::RunDirectory& run, bool resume = false);

/// A running `prefbench-engine serve`, spoken to in JSON lines; no call waits for the engine, except that the
/// destructor gives it a second to end. Lives on the thread that made it. The engine ends by itself when this process
/// dies, since its standard input ends.
class EngineClient : public QObject {
    Q_OBJECT
  public:
    explicit EngineClient(QObject* parent = nullptr);
    ~EngineClient() override;

    /// Starts the engine for this model; `ready` or `failed` follows. A client serves one model.
    void start(const QString& modelFolder);
    /// What is sent before `ready` waits in the engine's input.
    void generate(const contract::GenerateRequest& request);
    void cancel(qint64 requestId);
    /// Ends the engine in its own time; no `failed` follows.
    void stop();

  Q_SIGNALS:
    void ready();
    /// What the engine says about a request: tokens, results, its end.
    void event(const prefbench::contract::EngineEvent& event);
    /// One line for the page, once: engine missing, crashed (with its last words), model refused. Nothing follows it.
    void failed(const QString& message);

  private:
    void readOutput();
    void readErrors();
    void take(const QByteArray& line);
    void processEnded();
    void fail(const QString& message);
    void send(const files::OrderedJson& message);
    QString lastWords() const;

    QProcess process_;
    QByteArray pending_;
    QByteArray errors_;  ///< tail of the engine's standard error
    bool ready_ = false;
    bool failed_ = false;
    bool stopping_ = false;
    qint64 nextCancelId_ = -1;
};

}  // namespace prefbench::jobs
