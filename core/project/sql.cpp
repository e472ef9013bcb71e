#include "core/project/sql.h"

#include <QDateTime>
#include <unordered_map>

#include "core/project/lock_holder.h"
#include "core/project/utf8.h"

namespace prefbench::project::sql {

namespace {

// SQLite's primary result codes (the low byte of an extended one).
enum ResultCode {
    Busy = 5,
    ReadOnly = 8,
    InputOutput = 10,
    Corrupt = 11,
    Full = 13,
    CannotOpen = 14,
    NotADatabase = 26
};

QString lockedReason(const QString& path) {
    const QString holder = lockHolder(path);
    return QStringLiteral("locked: %1 is writing to the project and did not finish within 5 s; try again when it has")
        .arg(holder.isEmpty() ? QStringLiteral("another process") : holder);
}

QString reason(const Project& project, const QSqlError& error) {
    const QString detail = error.databaseText().simplified();
    switch (error.nativeErrorCode().toInt() & 0xff) {
        case Busy:
            return lockedReason(project.path());
        case ReadOnly:
            return QStringLiteral("cannot be written: the file or its folder is read-only");
        case InputOutput:
            return QStringLiteral("the disk reported an error (%1); nothing was changed").arg(detail);
        case Corrupt:
            return QStringLiteral("the file is damaged (%1); work on a backup copy").arg(detail);
        case Full:
            return QStringLiteral("the disk is full; nothing was changed. Free some space and try again");
        case CannotOpen:
            return QStringLiteral("cannot be opened or its folder cannot be written (%1)").arg(detail);
        case NotADatabase:
            return QStringLiteral("not a Prefbench project");
        default:
            return detail.isEmpty() ? error.driverText().simplified() : detail;
    }
}

const auto keptName = QStringLiteral("statements");
using Statements = std::unordered_map<QString, QSqlQuery>;

Statements* keptStatements(Project& project) {
    return static_cast<Statements*>(project.kept(keptName).get());
}

/// Taken out while it is in use, so that a row's handler may run the same statement.
QSqlQuery prepared(Project& project, const QString& statement) {
    if (Statements* kept = keptStatements(project)) {
        if (auto found = kept->extract(statement)) {
            return std::move(found.mapped());
        }
    }
    QSqlQuery query(project.database());
    query.setForwardOnly(true);
    if (!query.prepare(statement)) {
        fail(project, query.lastError());
    }
    return query;
}

}  // namespace

void fail(const Project& project, const QSqlError& error) {
    throw Error(toUtf8(project.path() + QStringLiteral(": ") + reason(project, error)));
}

void run(Project& project, const QString& statement, const QVariantList& values,
         const std::function<void(const QSqlQuery&)>& onRow) {
    QSqlQuery query = prepared(project, statement);
    for (qsizetype i = 0; i < values.size(); ++i) {
        query.bindValue(int(i), values[i]);
    }
    if (!query.exec()) {
        fail(project, query.lastError());
    }
    while (query.isSelect() && query.next()) {
        if (onRow) {
            onRow(query);
        }
    }
    if (query.lastError().isValid()) {
        fail(project, query.lastError());
    }
    if (const auto kept = keptStatements(project); kept && !values.isEmpty()) {
        query.finish();
        kept->insert_or_assign(statement, std::move(query));
    }
}

void beginKeeping(Project& project) {
    project.kept(keptName) = std::make_shared<Statements>();
}

void endKeeping(Project& project) {
    project.kept(keptName).reset();
}

QVariant scalar(Project& project, const QString& statement, const QVariantList& values) {
    QVariant value;
    run(project, statement, values, [&value](const QSqlQuery& row) {
        if (!value.isValid()) {
            value = row.value(0);
        }
    });
    return value;
}

QVariant bytes(const QString& text) {
    // A null array would be bound as NULL.
    return text.isEmpty() ? QByteArray("") : text.toUtf8();
}

QString text(const QVariant& bytes) {
    const QByteArray array = bytes.toByteArray();
    return fromUtf8(std::string_view(array.constData(), size_t(array.size())));
}

QVariant optional(const QString& id) {
    return id.isEmpty() ? QVariant(QMetaType(QMetaType::QString)) : QVariant(id);
}

QString now() {
    return QDateTime::currentDateTimeUtc().toString(Qt::ISODateWithMs);
}

}  // namespace prefbench::project::sql
