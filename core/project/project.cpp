#include "core/project/project.h"

#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QMutex>
#include <QRandomGenerator>
#include <QtEndian>
#include <atomic>

#include "core/project/schema.h"
#include "core/project/settings.h"
#include "core/project/sql.h"
#include "core/project/utf8.h"

namespace prefbench::project {

namespace {

constexpr int busyTimeoutMilliseconds = 5000;

[[noreturn]] void fail(const QString& path, const QString& reason) {
    throw Error(toUtf8(path + ": " + reason));
}

/// What the first page of a SQLite file says without opening it: https://www.sqlite.org/fileformat2.html, 1.3.
struct Header {
    bool isProject = false;
    int version = 0;
};

Header readHeader(const QString& path) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        fail(path, "cannot be read: " + file.errorString());
    }
    const QByteArray bytes = file.read(100);
    Header header;
    if (bytes.size() == 100 && bytes.startsWith(QByteArrayView("SQLite format 3\0", 16))) {
        header.version = qFromBigEndian<qint32>(bytes.constData() + 60);
        header.isProject = qFromBigEndian<qint32>(bytes.constData() + 68) == applicationId;
    }
    return header;
}

/// The rollback journal is made beside the file, so both must be writable.
void requireWritable(const QFileInfo& file) {
    if (!QFileInfo(file.absolutePath()).isWritable()) {
        fail(file.absoluteFilePath(),
             "cannot be written: its folder is read-only. Copy the project to a folder that "
             "you can write");
    }
    if (!file.isWritable()) {
        fail(file.absoluteFilePath(), "cannot be written: the file is read-only");
    }
}

/// Sets a pragma and checks that the connection took it.
void setPragma(Project& project, const QString& name, const QString& value, const QString& readBack) {
    sql::run(project, QStringLiteral("PRAGMA %1 = %2").arg(name, value));
    const QString found = sql::scalar(project, "PRAGMA " + name).toString();
    if (found.compare(readBack, Qt::CaseInsensitive) != 0) {
        fail(project.path(), QStringLiteral("SQLite's %1 is %2, should be %3").arg(name, found, readBack));
    }
}

}  // namespace

Project::Project(const QString& path) : path_(path) {
    static std::atomic<quint64> counter = 0;
    connectionName_ = QStringLiteral("prefbench-project-%1").arg(++counter);
}

Project::~Project() {
    kept_.clear();
    database_.close();
    database_ = QSqlDatabase();
    if (QSqlDatabase::contains(connectionName_)) {
        QSqlDatabase::removeDatabase(connectionName_);
    }
}

void Project::connect(bool readOnly) {
    readOnly_ = readOnly;
    database_ = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), connectionName_);
    if (!database_.isValid()) {
        fail(path_, "Qt's SQLite driver (QSQLITE) is not installed");
    }
    database_.setDatabaseName(path_);
    database_.setConnectOptions(QStringLiteral("QSQLITE_BUSY_TIMEOUT=%1%2")
                                    .arg(busyTimeoutMilliseconds)
                                    .arg(readOnly ? ";QSQLITE_OPEN_READONLY" : ""));
    if (!database_.open()) {
        sql::fail(*this, database_.lastError());
    }
    const QString timeout = QString::number(busyTimeoutMilliseconds);
    setPragma(*this, "busy_timeout", timeout, timeout);
    setPragma(*this, "foreign_keys", "ON", "1");
    setPragma(*this, "synchronous", "EXTRA", "3");
    // A project may come by mail: nothing in its schema may call functions with side effects.
    setPragma(*this, "trusted_schema", "OFF", "0");
    if (!readOnly) {
        setPragma(*this, "journal_mode", "TRUNCATE", "truncate");
    }
}

void Project::checkIntegrity() {
    const QString verdict = sql::scalar(*this, QStringLiteral("PRAGMA quick_check(1)")).toString();
    if (verdict != "ok") {
        fail(path_, QStringLiteral("the file is damaged (%1); work on a backup copy").arg(verdict.simplified()));
    }
}

std::unique_ptr<Project> Project::create(const QString& path) {
    const QFileInfo file(path);
    const QString absolute = file.absoluteFilePath();
    if (file.exists()) {
        fail(absolute, "there is a file of that name already");
    }
    const QFileInfo folder(file.absolutePath());
    if (!folder.isDir()) {
        fail(absolute, "the folder " + folder.filePath() + " does not exist");
    }
    if (!folder.isWritable()) {
        fail(absolute, "cannot be created: its folder is read-only");
    }
    // Made under another name first: a crash in between leaves no half-made project.
    const QString temporary = absolute + ".creating";
    const auto removeTemporary = [&temporary] {
        QFile::remove(temporary);
        QFile::remove(temporary + "-journal");
    };
    removeTemporary();
    {
        std::unique_ptr<Project> project(new Project(temporary));
        project->connect(false);
        sql::run(*project, QStringLiteral("PRAGMA application_id = %1").arg(applicationId));
        migrate(*project);
        Settings(*project).set("project_id", newId());
    }
    const bool renamed = QFile::rename(temporary, absolute);
    removeTemporary();
    if (!renamed) {
        fail(absolute, "cannot be created");
    }
    return open(absolute);
}

void Project::recover(const QString& path) {
    const QFileInfo journal(path + "-journal");
    if (journal.size() == 0 || !journal.isWritable() || !QFileInfo(path).isWritable()) {
        return;
    }
    Project writer(path);
    writer.connect(false);
    schemaVersion(writer);
}

std::unique_ptr<Project> Project::open(const QString& path, Mode mode) {
    const QFileInfo file(path);
    const QString absolute = file.absoluteFilePath();
    if (!file.exists()) {
        fail(absolute, "there is no such file");
    }
    if (file.isDir() || !readHeader(absolute).isProject) {
        fail(absolute, "not a Prefbench project");
    }
    recover(absolute);
    const Header header = readHeader(absolute);
    std::unique_ptr<Project> project(new Project(absolute));
    project->newer_ = header.version > newestVersion();
    const bool readOnly = mode == Mode::ReadOnly || project->newer_;
    if (!readOnly) {
        requireWritable(file);
    }
    project->connect(readOnly);
    project->checkIntegrity();
    if (!readOnly) {
        migrate(*project);
    } else if (header.version < newestVersion()) {
        fail(absolute, "made by an older version of Prefbench: open it once for writing to bring it up to date");
    }
    return project;
}

QString Project::readOnlyReason() const {
    if (newer_) {
        return QStringLiteral("%1 was made by a newer version of Prefbench and is open for reading only").arg(path_);
    }
    return readOnly_ ? QStringLiteral("%1 is open for reading only").arg(path_) : QString();
}

QString Project::dataFolder() const {
    const QFileInfo file(path_);
    const QString folder = file.absolutePath() + '/' + file.completeBaseName() + ".data";
    if (!readOnly_ && !QDir().mkpath(folder)) {
        fail(folder, "the folder cannot be created");
    }
    return folder;
}

QString Project::storedPath(const QString& path) const {
    const QDir folder = QFileInfo(path_).absoluteDir();
    const QString absolute = QDir::cleanPath(folder.absoluteFilePath(path));
    const QString relative = folder.relativeFilePath(absolute);
    return relative == ".." || relative.startsWith("../") ? absolute : relative;
}

QString Project::absolutePath(const QString& stored) const {
    return QDir::cleanPath(QFileInfo(path_).absoluteDir().absoluteFilePath(stored));
}

Transaction::Transaction(Project& project) : project_(project) {
    if (project_.inTransaction_) {
        return;
    }
    if (project_.isReadOnly()) {
        throw Error(toUtf8(project_.readOnlyReason()));
    }
    sql::run(project_, QStringLiteral("BEGIN IMMEDIATE"));
    outermost_ = true;
    project_.inTransaction_ = true;
    project_.transactionSpoilt_ = false;
    sql::beginKeeping(project_);
}

Transaction::~Transaction() {
    if (done_) {
        return;
    }
    if (!outermost_) {
        project_.transactionSpoilt_ = true;
        return;
    }
    project_.inTransaction_ = false;
    sql::endKeeping(project_);
    try {
        sql::run(project_, QStringLiteral("ROLLBACK"));
    } catch (const Error&) {
        // SQLite has rolled back by itself (disk full, I/O error).
    }
}

void Transaction::commit() {
    if (outermost_) {
        if (project_.transactionSpoilt_) {
            fail(project_.path(), "a part of the change failed; nothing was changed");
        }
        sql::endKeeping(project_);
        sql::run(project_, QStringLiteral("COMMIT"));
        project_.inTransaction_ = false;
    }
    done_ = true;
}

QString newId() {
    static QMutex mutex;
    static quint64 lastMilliseconds = 0;
    static quint64 counter = 0;  // 12 bits: RFC 9562, 6.2, method 1
    QMutexLocker lock(&mutex);
    QRandomGenerator* random = QRandomGenerator::system();
    const quint64 now = quint64(QDateTime::currentMSecsSinceEpoch());
    if (now > lastMilliseconds) {
        lastMilliseconds = now;
        counter = random->bounded(0x800);
    } else if (++counter > 0xfff) {
        ++lastMilliseconds;
        counter = random->bounded(0x800);
    }
    const quint64 high = lastMilliseconds << 16 | 0x7000 | counter;
    const quint64 low = (random->generate64() >> 2) | (quint64(1) << 63);
    const QString digits = QStringLiteral("%1%2").arg(high, 16, 16, QChar('0')).arg(low, 16, 16, QChar('0'));
    return QStringList{digits.mid(0, 8), digits.mid(8, 4), digits.mid(12, 4), digits.mid(16, 4), digits.mid(20)}.join(
        '-');
}

}  // namespace prefbench::project
