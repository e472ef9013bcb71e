#include "core/workbench/store.h"

#include <QCoreApplication>
#include <QEventLoop>

namespace prefbench::workbench {

Store::Store(QObject* parent) : QObject(parent), worker_(new QObject) {
    worker_->moveToThread(&thread_);
    connect(&thread_, &QThread::finished, worker_, &QObject::deleteLater);
    connect(&thread_, &QThread::finished, this, &Store::closed);
    thread_.setObjectName(QStringLiteral("store"));
    thread_.start();
}

Store::~Store() {
    if (!closing_) {
        close();
    }
    thread_.wait();
}

void Store::close() {
    closing_ = true;
    postToWorker([this] {
        project_.reset();
        thread_.quit();
    });
}

void Store::open(const QString& path, bool create) {
    postToWorker([this, path, create] {
        try {
            auto project = create ? project::Project::create(path) : project::Project::open(path);
            project_ = std::move(project);
            Q_EMIT opened(project_->path(), project_->isReadOnly(), project_->isNewer());
        } catch (const std::exception& error) {
            Q_EMIT openFailed(QString::fromUtf8(error.what()));
        }
    });
}

void Store::post(std::function<void(project::Project*)> job) {
    postToWorker([this, job = std::move(job)] { job(project_.get()); });
}

void Store::postToWorker(std::function<void()> job) {
    QMetaObject::invokeMethod(worker_, std::move(job), Qt::QueuedConnection);
}

void openAndWait(Store& store, const QString& path) {
    QEventLoop loop;
    QString problem;
    QObject context;
    QObject::connect(&store, &Store::opened, &context, [&] { loop.quit(); });
    QObject::connect(&store, &Store::openFailed, &context, [&](const QString& message) {
        problem = message;
        loop.exit(1);
    });
    store.open(path);
    if (loop.exec() != 0) {
        throw Error(problem.toStdString());
    }
}

}  // namespace prefbench::workbench
