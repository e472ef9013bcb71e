#pragma once

#include <QObject>
#include <QPointer>
#include <QThread>
#include <functional>
#include <memory>

#include "core/project/project.h"

namespace prefbench::workbench {

/// The window's way to a project: one thread owns the connection, jobs run on it in order, values come back. Nothing in
/// the window ever waits for it.
class Store : public QObject {
    Q_OBJECT
  public:
    explicit Store(QObject* parent = nullptr);
    /// Finishes the jobs already given, then closes the project.
    ~Store() override;
    /// The same without waiting for it: no job given so far is heard of any more, and `closed` follows. The last call.
    void close();

    /// Opens (or creates) the project on the store's thread; `opened` or `openFailed` follows.
    void open(const QString& path, bool create = false);

    /// Runs `job` on the store's thread and then `done` with its value in this object's thread, unless `context` (an
    /// object of this thread) is gone by then. An Error (or any exception) goes to `failed` as one line instead. Once
    /// the store is being destroyed jobs still run, but nobody hears of them.
    template <class Job, class Done>
    void run(Job job, QObject* context, Done done, std::function<void(QString)> failed = {});

  Q_SIGNALS:
    void opened(const QString& path, bool readOnly, bool newer);
    void openFailed(const QString& message);
    void closed();
    /// A job's failure that had no handler of its own.
    void failed(const QString& message);

  private:
    void post(std::function<void(project::Project*)> job);
    void postToWorker(std::function<void()> job);

    QThread thread_;
    bool closing_ = false;
    QObject* worker_ = nullptr;                  ///< lives on thread_
    std::unique_ptr<project::Project> project_;  ///< touched on thread_ only
};

/// Opens an existing project in `store` and waits for it, running an event loop: for the command line and tests. Error
/// as Project::open's.
void openAndWait(Store& store, const QString& path);

template <class Job, class Done>
void Store::run(Job job, QObject* context, Done done, std::function<void(QString)> onFailed) {
    QPointer<QObject> target(context);
    post([this, job = std::move(job), target, done = std::move(done),
          onFailed = std::move(onFailed)](project::Project* project) mutable {
        // Posted to the store itself, whose destructor waits for this thread; whether `context` is still there is
        // looked at in its own thread only.
        const auto deliver = [this, target](auto function) {
            QMetaObject::invokeMethod(
                this,
                [this, target, function = std::move(function)]() mutable {
                    if (target && !closing_) {
                        function();
                    }
                },
                Qt::QueuedConnection);
        };
        try {
            if (!project) {
                throw Error("no project is open");
            }
            if constexpr (std::is_void_v<std::invoke_result_t<Job, project::Project&>>) {
                job(*project);
                deliver(std::move(done));
            } else {
                deliver([done = std::move(done), value = job(*project)]() mutable { done(std::move(value)); });
            }
        } catch (const std::exception& error) {
            const QString message = QString::fromUtf8(error.what());
            if (onFailed) {
                deliver([onFailed, message] { onFailed(message); });
            } else {
                Q_EMIT failed(message);
            }
        }
    });
}

}  // namespace prefbench::workbench
