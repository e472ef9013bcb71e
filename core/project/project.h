#pragma once

#include <QHash>
#include <QSqlDatabase>
#include <QString>
#include <memory>

#include "core/files/error.h"

namespace prefbench::project {

/// One open project file (NAME.prefbench) on one connection; docs/project-file.md. Use it on the thread that opened it
/// only. The table families' classes (Prompts, Completions, Comparisons, Judgements, Annotators, Models, Runs,
/// Settings) are views over a Project and hold nothing but a reference to it. Every failing statement throws Error with
/// SQLite's reason and the file.
class Project {
  public:
    enum class Mode { ReadWrite, ReadOnly };

    /// A new empty project with the newest schema. Error when the file exists or the folder cannot be written.
    static std::unique_ptr<Project> create(const QString& path);
    /// Opens and, in ReadWrite, migrates (one transaction a version). A file from a newer version opens read-only and
    /// `isNewer()` is true. Errors: not there, not a Prefbench project, damaged (quick_check), folder read-only.
    static std::unique_ptr<Project> open(const QString& path, Mode mode = Mode::ReadWrite);
    ~Project();
    Project(const Project&) = delete;
    Project& operator=(const Project&) = delete;

    QString path() const { return path_; }
    /// Absolute path of NAME.data, created on first use.
    QString dataFolder() const;
    /// `path` relative to the project file's folder where it lies below it, else absolute: how paths are stored.
    QString storedPath(const QString& path) const;
    QString absolutePath(const QString& stored) const;
    bool isReadOnly() const { return readOnly_; }
    bool isNewer() const { return newer_; }
    /// Why the file cannot be written, as one line for people; empty when it can.
    QString readOnlyReason() const;

    QSqlDatabase& database() { return database_; }

    /// A place, by name, for what its user wants to keep between calls on this connection and can make again (an order,
    /// a queue). Empty at first; gone with the project.
    std::shared_ptr<void>& kept(const QString& name) { return kept_[name]; }

  private:
    friend class Transaction;
    explicit Project(const QString& path);
    void connect(bool readOnly);
    void checkIntegrity();
    /// Takes back what a process that died had half written, which a read-only connection may not do.
    static void recover(const QString& path);

    QString path_;
    QString connectionName_;
    QSqlDatabase database_;
    bool readOnly_ = false;
    bool newer_ = false;
    QHash<QString, std::shared_ptr<void>> kept_;
    bool inTransaction_ = false;
    bool transactionSpoilt_ = false;  ///< an inner Transaction ended without commit
};

/// BEGIN IMMEDIATE … COMMIT around a scope; rolled back unless `commit()` was called. Nested use joins the outer one,
/// which then cannot be committed if the inner one was not. Once the outermost `commit()` has returned, the rows are on
/// the disk. Error when the project is read-only or locked by another process.
class Transaction {
  public:
    explicit Transaction(Project& project);
    ~Transaction();
    void commit();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

  private:
    Project& project_;
    bool outermost_ = false;
    bool done_ = false;
};

/// Time-ordered UUID (RFC 9562, version 7), lower case with hyphens; ids made later in one process compare greater.
QString newId();

}  // namespace prefbench::project
