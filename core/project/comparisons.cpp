#include "core/project/comparisons.h"

#include "core/project/sql.h"

namespace prefbench::project {

namespace {

/// `condition` chooses comparisons c; their completions come in order, one row each.
QList<Comparison> select(Project& project, const QString& condition, const QVariantList& values, int limit = -1) {
    const QString statement =
        QStringLiteral(
            "SELECT c.id, c.prompt_id, c.origin, c.purpose, c.priority, cc.completion_id "
            "FROM (SELECT * FROM comparisons WHERE %1 ORDER BY id LIMIT %2) c "
            "JOIN comparison_completions cc ON cc.comparison_id = c.id ORDER BY c.id, cc.position")
            .arg(condition)
            .arg(limit);
    QList<Comparison> comparisons;
    sql::run(project, statement, values, [&comparisons](const QSqlQuery& row) {
        const QString id = row.value(0).toString();
        if (comparisons.isEmpty() || comparisons.last().id != id) {
            Comparison comparison;
            comparison.id = id;
            comparison.promptId = row.value(1).toString();
            comparison.origin = row.value(2).toString();
            comparison.purpose = row.value(3).toString();
            comparison.priority = row.value(4).toDouble();
            comparisons << comparison;
        }
        comparisons.last().completionIds << row.value(5).toString();
    });
    return comparisons;
}

}  // namespace

QString Comparisons::add(Comparison comparison) {
    if (comparison.completionIds.size() < 2) {
        throw Error("a comparison needs two or more completions, not " +
                    std::to_string(comparison.completionIds.size()));
    }
    if (comparison.id.isEmpty()) {
        comparison.id = newId();
    }
    Transaction transaction(project_);
    sql::run(project_,
             QStringLiteral("INSERT INTO comparisons (id, prompt_id, size, origin, purpose, priority, created) "
                            "VALUES (?, ?, ?, ?, ?, ?, ?)"),
             {comparison.id, comparison.promptId, comparison.completionIds.size(),
              comparison.origin.isNull() ? QString("") : comparison.origin, comparison.purpose, comparison.priority,
              sql::now()});
    for (qsizetype position = 0; position < comparison.completionIds.size(); ++position) {
        sql::run(project_,
                 QStringLiteral("INSERT INTO comparison_completions (comparison_id, position, completion_id) "
                                "VALUES (?, ?, ?)"),
                 {comparison.id, position, comparison.completionIds[position]});
    }
    transaction.commit();
    return comparison.id;
}

std::optional<Comparison> Comparisons::find(const QString& id) {
    const QList<Comparison> found = select(project_, QStringLiteral("id = ?"), {id});
    return found.isEmpty() ? std::nullopt : std::optional(found.first());
}

qint64 Comparisons::count() {
    return sql::scalar(project_, QStringLiteral("SELECT count(*) FROM comparisons")).toLongLong();
}

qint64 Comparisons::countToLabel() {
    return sql::scalar(project_,
                       QStringLiteral("SELECT count(*) FROM comparisons WHERE purpose = 'training' AND size = 2"))
        .toLongLong();
}

QList<Comparison> Comparisons::page(const QString& afterId, int limit) {
    return select(project_, QStringLiteral("id > ?"), {afterId.isNull() ? QString("") : afterId}, limit);
}

QList<Comparison> Comparisons::ofPrompt(const QString& promptId) {
    return select(project_, QStringLiteral("prompt_id = ?"), {promptId});
}

}  // namespace prefbench::project
