#pragma once

#include <QSqlError>
#include <QSqlQuery>
#include <QVariant>
#include <functional>

#include "core/project/project.h"

/// How this folder speaks SQL. Every function runs its statement to the end and closes it: an open SELECT would block
/// every commit. Within a Transaction a closed statement is kept for its next use, so that many rows cost one parsing.
/// Failures are Errors with the file and SQLite's reason.
///
/// Free text is bound as bytes under CAST(? AS TEXT) and read as CAST(column AS BLOB): SQLite's UTF-16 interface takes
/// a leading U+FEFF or U+FFFE for a byte-order mark and replaces U+FFFE and U+FFFF.
namespace prefbench::project::sql {

/// One statement; each row of its result goes to `onRow`.
void run(Project& project, const QString& statement, const QVariantList& values = {},
         const std::function<void(const QSqlQuery&)>& onRow = {});
/// First column of the first row; invalid where there is no row.
QVariant scalar(Project& project, const QString& statement, const QVariantList& values = {});

/// Free text for CAST(? AS TEXT).
QVariant bytes(const QString& text);
/// Free text read as CAST(column AS BLOB).
QString text(const QVariant& bytes);
/// An identifier that may be missing: NULL when empty.
QVariant optional(const QString& id);
/// Now, ISO 8601, UTC, milliseconds.
QString now();

/// From the beginning of the outermost Transaction to just before its end: statements are kept in between.
void beginKeeping(Project& project);
void endKeeping(Project& project);

/// Throws the Error for a failure: names the file and, for the common ones (locked, disk full, read-only, damaged),
/// what to do.
[[noreturn]] void fail(const Project& project, const QSqlError& error);

}  // namespace prefbench::project::sql
