#include "core/project/completions.h"

#include <nlohmann/json.hpp>

#include "core/project/sql.h"

namespace prefbench::project {

namespace {

const QString columns = QStringLiteral(
    "id, prompt_id, generation_id, CAST(text AS BLOB), token_ids, log_probability, finish_reason, origin, parent_id, "
    "demonstration");

QVariant idsToJson(const QList<qint64>& ids) {
    if (ids.isEmpty()) {
        return sql::optional({});
    }
    return QString::fromStdString(nlohmann::json(std::vector<qint64>(ids.begin(), ids.end())).dump());
}

QList<qint64> idsFromJson(const QVariant& text) {
    QList<qint64> ids;
    const auto array = nlohmann::json::parse(text.toString().toStdString(), nullptr, false);
    if (array.is_array()) {
        for (const auto& id : array) {
            ids << id.get<qint64>();
        }
    }
    return ids;
}

Completion fromRow(const QSqlQuery& row) {
    Completion completion;
    completion.id = row.value(0).toString();
    completion.promptId = row.value(1).toString();
    completion.generationId = row.value(2).toString();
    completion.text = sql::text(row.value(3));
    completion.tokenIds = idsFromJson(row.value(4));
    if (!row.isNull(5)) {
        completion.logProbability = row.value(5).toDouble();
    }
    completion.finishReason = row.value(6).toString();
    completion.origin = row.value(7).toString();
    completion.parentId = row.value(8).toString();
    completion.demonstration = row.value(9).toBool();
    return completion;
}

QList<Completion> select(Project& project, const QString& condition, const QVariantList& values) {
    QList<Completion> completions;
    sql::run(project, "SELECT " + columns + " FROM completions WHERE " + condition + " ORDER BY id", values,
             [&completions](const QSqlQuery& row) { completions << fromRow(row); });
    return completions;
}

}  // namespace

QString Completions::addGeneration(const QString& modelId, const QByteArray& settings, quint64 seed) {
    const QString id = newId();
    Transaction transaction(project_);
    sql::run(project_,
             QStringLiteral("INSERT INTO generations (id, model_id, settings, seed, created) "
                            "VALUES (?, ?, CAST(? AS TEXT), ?, ?)"),
             {id, sql::optional(modelId), settings.isNull() ? QByteArray("{}") : settings, qint64(seed), sql::now()});
    transaction.commit();
    return id;
}

QString Completions::add(Completion completion) {
    if (completion.id.isEmpty()) {
        completion.id = newId();
    }
    const QVariant logProbability =
        completion.logProbability ? QVariant(*completion.logProbability) : QVariant(QMetaType(QMetaType::Double));
    Transaction transaction(project_);
    sql::run(project_,
             QStringLiteral("INSERT INTO completions (id, prompt_id, generation_id, text, token_ids, log_probability, "
                            "finish_reason, origin, parent_id, demonstration, created) "
                            "VALUES (?, ?, ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?, ?)"),
             {completion.id, completion.promptId, sql::optional(completion.generationId), sql::bytes(completion.text),
              idsToJson(completion.tokenIds), logProbability, sql::optional(completion.finishReason), completion.origin,
              sql::optional(completion.parentId), int(completion.demonstration), sql::now()});
    transaction.commit();
    return completion.id;
}

std::optional<Completion> Completions::find(const QString& id) {
    const QList<Completion> found = select(project_, QStringLiteral("id = ?"), {id});
    return found.isEmpty() ? std::nullopt : std::optional(found.first());
}

QList<Completion> Completions::ofPrompt(const QString& promptId) {
    return select(project_, QStringLiteral("prompt_id = ?"), {promptId});
}

QList<Completion> Completions::ofGeneration(const QString& generationId) {
    return select(project_, QStringLiteral("generation_id = ?"), {generationId});
}

qint64 Completions::count() {
    return sql::scalar(project_, QStringLiteral("SELECT count(*) FROM completions")).toLongLong();
}

QHash<QString, Completion> Completions::byIds(const QList<QString>& ids) {
    constexpr qsizetype chunk = 500;  // below SQLite's limit of bound values
    QHash<QString, Completion> found;
    found.reserve(ids.size());
    for (qsizetype start = 0; start < ids.size(); start += chunk) {
        const QList<QString> part = ids.mid(start, chunk);
        const QVariantList values(part.begin(), part.end());
        const QString marks = QString("?,").repeated(part.size()).chopped(1);
        for (const Completion& completion : select(project_, "id IN (" + marks + ")", values)) {
            found.insert(completion.id, completion);
        }
    }
    return found;
}

}  // namespace prefbench::project
