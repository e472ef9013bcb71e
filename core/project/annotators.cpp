#include "core/project/annotators.h"

#include "core/project/sql.h"
#include "core/project/utf8.h"

namespace prefbench::project {

namespace {

const QString columns = QStringLiteral("id, CAST(name AS BLOB), kind");

QString toString(AnnotatorKind kind) {
    switch (kind) {
        case AnnotatorKind::Rule:
            return QStringLiteral("rule");
        case AnnotatorKind::Model:
            return QStringLiteral("model");
        case AnnotatorKind::Human:
            break;
    }
    return QStringLiteral("human");
}

AnnotatorKind kindFromString(const QString& name) {
    return name == "rule" ? AnnotatorKind::Rule : name == "model" ? AnnotatorKind::Model : AnnotatorKind::Human;
}

Annotator fromRow(const QSqlQuery& row) {
    return {row.value(0).toString(), sql::text(row.value(1)), kindFromString(row.value(2).toString())};
}

}  // namespace

QString Annotators::ensure(const QString& name, AnnotatorKind kind) {
    std::optional<Annotator> found;
    const auto lookUp = [this, &found, &name] {
        sql::run(project_, "SELECT " + columns + " FROM annotators WHERE name = CAST(? AS TEXT)", {sql::bytes(name)},
                 [&found](const QSqlQuery& row) { found = fromRow(row); });
    };
    // Looked up first, so that a known annotator needs no write.
    lookUp();
    if (!found) {
        if (name.isEmpty()) {
            throw Error("an annotator needs a name");
        }
        Transaction transaction(project_);
        lookUp();
        if (!found) {
            found = Annotator{newId(), name, kind};
            sql::run(
                project_,
                QStringLiteral("INSERT INTO annotators (id, name, kind, created) VALUES (?, CAST(? AS TEXT), ?, ?)"),
                {found->id, sql::bytes(name), toString(kind), sql::now()});
        }
        transaction.commit();
    }
    if (found->kind != kind) {
        throw Error(toUtf8(QStringLiteral("annotator \"%1\" is of kind %2, not %3: choose another name")
                               .arg(name, toString(found->kind), toString(kind))));
    }
    return found->id;
}

std::optional<Annotator> Annotators::find(const QString& id) {
    std::optional<Annotator> found;
    sql::run(project_, "SELECT " + columns + " FROM annotators WHERE id = ?", {id},
             [&found](const QSqlQuery& row) { found = fromRow(row); });
    return found;
}

QList<Annotator> Annotators::all() {
    QList<Annotator> annotators;
    sql::run(project_, "SELECT " + columns + " FROM annotators ORDER BY id", {},
             [&annotators](const QSqlQuery& row) { annotators << fromRow(row); });
    return annotators;
}

}  // namespace prefbench::project
