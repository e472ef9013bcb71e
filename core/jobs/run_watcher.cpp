#include "core/jobs/run_watcher.h"

#include <QPromise>
#include <QThreadPool>
#include <optional>
#include <utility>

namespace prefbench::jobs {

namespace {

constexpr int pollMilliseconds = 250;
constexpr int gatherMilliseconds = 60;

}  // namespace

/// All of it is made, and unmade, beside the window: a long run's records take a while to copy and to free.
struct RunWatcher::Reading {
    std::optional<contract::RunStatus> status;
    bool restarted = false;
    QList<contract::MetricRecord> records;  ///< added ones, or all of them when restarted
};

namespace {

template <class Value>
void freeAside(Value value) {
    QThreadPool::globalInstance()->start([held = std::make_shared<Value>(std::move(value))] {});
}

}  // namespace

RunWatcher::RunWatcher(contract::RunDirectory run, QObject* parent)
    : QObject(parent), run_(std::move(run)), reader_(std::make_shared<contract::MetricsReader>(run_.metrics())) {
    connect(&reading_, &QFutureWatcherBase::finished, this, [this] {
        busy_ = false;
        if (reading_.future().resultCount() > 0) {
            take(*reading_.result());
        }
    });
    connect(&timer_, &QTimer::timeout, this, &RunWatcher::poll);
    connect(&soon_, &QTimer::timeout, this, &RunWatcher::poll);
    const auto changed = [this] {
        if (!soon_.isActive()) {
            soon_.start();
        }
    };
    connect(&files_, &QFileSystemWatcher::fileChanged, this, changed);
    connect(&files_, &QFileSystemWatcher::directoryChanged, this, changed);
    soon_.setSingleShot(true);
    soon_.setInterval(gatherMilliseconds);
    timer_.start(pollMilliseconds);
    poll();
}

RunWatcher::~RunWatcher() {
    freeAside(reading_.future());
    reading_.setFuture({});
    freeAside(std::move(records_));
    freeAside(std::move(reader_));
}

void RunWatcher::poll() {
    // Not reading_.isRunning(): a reading that is done but not yet delivered would be dropped, records and all.
    if (busy_) {
        return;
    }
    busy_ = true;
    auto promise = std::make_shared<QPromise<std::shared_ptr<Reading>>>();
    reading_.setFuture(promise->future());
    promise->start();
    // The task owns all it touches, so it may outlive the watcher.
    QThreadPool::globalInstance()->start([promise, reader = reader_, run = run_] {
        auto reading = std::make_shared<Reading>();
        try {
            // Status first: what it calls final then has all its records in the file already.
            reading->status = contract::readStatus(run);
        } catch (const std::exception&) {
            // Not written yet, or the folder is gone: the last known state stands.
        }
        try {
            const contract::MetricsReader::Update update = reader->read();
            const auto& records = update.restarted ? reader->records() : update.added;
            reading->restarted = update.restarted;
            reading->records = QList<contract::MetricRecord>(records.begin(), records.end());
        } catch (const std::exception&) {
            // The next reading tries again.
        }
        promise->addResult(std::move(reading));
        promise->finish();
    });
}

void RunWatcher::take(Reading& reading) {
    watchFiles();
    if (reading.restarted) {
        freeAside(std::exchange(records_, std::move(reading.records)));
        Q_EMIT recordsReset();
    } else if (!reading.records.isEmpty()) {
        const QList<contract::MetricRecord> added = std::move(reading.records);
        if (records_.isEmpty()) {
            records_ = added;  // += would copy them one by one
        } else {
            records_ += added;
        }
        Q_EMIT recordsAdded(added);
    }
    if (!reading.status) {
        return;
    }
    std::string line = files::toLine(contract::toJson(*reading.status));
    if (line != statusLine_) {
        statusLine_ = std::move(line);
        status_ = *reading.status;
        Q_EMIT statusChanged(status_);
    }
}

void RunWatcher::watchFiles() {
    for (const auto& path : {run_.path, run_.metrics()}) {
        const QString name = QString::fromStdString(path.string());
        if (!files_.files().contains(name) && !files_.directories().contains(name)) {
            files_.addPath(name);
        }
    }
}

}  // namespace prefbench::jobs
