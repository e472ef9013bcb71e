#include "core/project/prompts.h"

#include <QCryptographicHash>
#include <QStringList>
#include <nlohmann/json.hpp>

#include "core/project/sql.h"
#include "core/project/utf8.h"

namespace prefbench::project {

namespace {

const QString columns = QStringLiteral("id, CAST(messages AS BLOB), split, CAST(source AS BLOB)");

Prompt fromRow(const QSqlQuery& row) {
    Prompt prompt;
    prompt.id = row.value(0).toString();
    prompt.messages = row.value(1).toByteArray();
    prompt.split = row.value(2).toString() == "test" ? Split::Test : Split::Train;
    prompt.source = sql::text(row.value(3));
    return prompt;
}

/// One spelling for equal messages, so that their hashes are equal.
QByteArray normalized(const QByteArray& messages) {
    const auto value = nlohmann::ordered_json::parse(messages.begin(), messages.end(), nullptr, false);
    if (!value.is_string() && !value.is_array()) {
        throw Error("a prompt is a string or a list of messages, not: " + messages.left(80).toStdString());
    }
    return QByteArray::fromStdString(value.dump());
}

}  // namespace

const char* toString(Split split) {
    return split == Split::Test ? "test" : "train";
}

contract::Passage Prompt::passage() const {
    auto value = files::OrderedJson::parse(messages.begin(), messages.end(), nullptr, false);
    return value.is_string() ? contract::Passage(value.get<std::string>())
                             : contract::Passage::ofMessages(std::move(value));
}

QList<Prompt::Turn> Prompt::turns() const {
    const auto value = nlohmann::json::parse(messages.begin(), messages.end(), nullptr, false);
    if (value.is_string()) {
        return {{QString(), fromUtf8(value.get_ref<const std::string&>())}};
    }
    QList<Turn> turns;
    for (const auto& message : value) {
        if (message.is_object() && message.contains("content") && message["content"].is_string()) {
            turns << Turn{fromUtf8(message.value("role", std::string("user"))),
                          fromUtf8(message["content"].get_ref<const std::string&>())};
        }
    }
    return turns;
}

QString Prompt::text() const {
    QStringList parts;
    for (const Turn& turn : turns()) {
        parts << (turn.role.isEmpty() ? turn.text : turn.role + ": " + turn.text);
    }
    return parts.join("\n\n");
}

QByteArray Prompt::plainMessages(const QString& text) {
    return QByteArray::fromStdString(nlohmann::json(toUtf8(text)).dump());
}

QString Prompts::add(const QByteArray& messages, Split split, const QString& source, bool* added) {
    const QByteArray stored = normalized(messages);
    const QString hash = QString::fromLatin1(QCryptographicHash::hash(stored, QCryptographicHash::Sha256).toHex());
    Transaction transaction(project_);
    QString id =
        sql::scalar(project_, QStringLiteral("SELECT id FROM prompts WHERE content_hash = ?"), {hash}).toString();
    const bool isNew = id.isEmpty();
    if (isNew) {
        id = newId();
        sql::run(project_,
                 QStringLiteral("INSERT INTO prompts (id, messages, content_hash, split, source, created) "
                                "VALUES (?, CAST(? AS TEXT), ?, ?, CAST(? AS TEXT), ?)"),
                 {id, stored, hash, QString::fromLatin1(toString(split)), sql::bytes(source), sql::now()});
    }
    transaction.commit();
    if (added) {
        *added = isNew;
    }
    return id;
}

std::optional<Prompt> Prompts::find(const QString& id) {
    std::optional<Prompt> found;
    sql::run(project_, "SELECT " + columns + " FROM prompts WHERE id = ?", {id},
             [&found](const QSqlQuery& row) { found = fromRow(row); });
    return found;
}

qint64 Prompts::count(std::optional<Split> split) {
    if (!split) {
        return sql::scalar(project_, QStringLiteral("SELECT count(*) FROM prompts")).toLongLong();
    }
    return sql::scalar(project_, QStringLiteral("SELECT count(*) FROM prompts WHERE split = ?"),
                       {QString::fromLatin1(toString(*split))})
        .toLongLong();
}

QList<Prompt> Prompts::page(std::optional<Split> split, const QString& afterId, int limit) {
    QString statement = "SELECT " + columns + " FROM prompts WHERE id > ?";
    QVariantList values{afterId.isNull() ? QString("") : afterId};
    if (split) {
        statement += " AND split = ?";
        values << QString::fromLatin1(toString(*split));
    }
    values << limit;
    QList<Prompt> prompts;
    sql::run(project_, statement + " ORDER BY id LIMIT ?", values,
             [&prompts](const QSqlQuery& row) { prompts << fromRow(row); });
    return prompts;
}

std::optional<Prompt> Prompts::at(std::optional<Split> split, qint64 place) {
    QString statement = "SELECT " + columns + " FROM prompts";
    QVariantList values;
    if (split) {
        statement += " WHERE split = ?";
        values << QString::fromLatin1(toString(*split));
    }
    values << place;
    std::optional<Prompt> found;
    sql::run(project_, statement + " ORDER BY id LIMIT 1 OFFSET ?", values,
             [&found](const QSqlQuery& row) { found = fromRow(row); });
    return found;
}

}  // namespace prefbench::project
