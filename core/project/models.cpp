#include "core/project/models.h"

#include <QFile>

#include "core/files/model_folder.h"
#include "core/project/sql.h"

namespace prefbench::project {

namespace {

const QString columns =
    QStringLiteral("id, CAST(name AS BLOB), CAST(folder AS BLOB), weights_hash, tokenizer_hash, run_id");

Model fromRow(const QSqlQuery& row) {
    Model model;
    model.id = row.value(0).toString();
    model.name = sql::text(row.value(1));
    model.folder = sql::text(row.value(2));
    model.weightsHash = row.value(3).toString();
    model.tokenizerHash = row.value(4).toString();
    model.runId = row.value(5).toString();
    return model;
}

}  // namespace

QString Models::ensure(const QString& folder, const QString& name, const QString& runId) {
    const std::filesystem::path absolute(QFile::encodeName(project_.absolutePath(folder)).toStdString());
    const files::ModelFolder model = files::openModelFolder(absolute);
    const QString weightsHash = QString::fromStdString(files::weightsHash(model));
    const QString tokenizerHash = QString::fromStdString(files::tokenizerHash(model.tokenizer));
    const QVariant stored = sql::bytes(project_.storedPath(folder));

    Transaction transaction(project_);
    QString id = sql::scalar(project_,
                             QStringLiteral("SELECT id FROM models WHERE folder = CAST(? AS TEXT) AND weights_hash = ? "
                                            "AND tokenizer_hash = ?"),
                             {stored, weightsHash, tokenizerHash})
                     .toString();
    if (id.isEmpty()) {
        id = newId();
        sql::run(project_,
                 QStringLiteral("INSERT INTO models (id, name, folder, weights_hash, tokenizer_hash, run_id, created) "
                                "VALUES (?, CAST(? AS TEXT), CAST(? AS TEXT), ?, ?, ?, ?)"),
                 {id, sql::bytes(name), stored, weightsHash, tokenizerHash, sql::optional(runId), sql::now()});
    }
    transaction.commit();
    return id;
}

std::optional<Model> Models::find(const QString& id) {
    std::optional<Model> found;
    sql::run(project_, "SELECT " + columns + " FROM models WHERE id = ?", {id},
             [&found](const QSqlQuery& row) { found = fromRow(row); });
    return found;
}

QList<Model> Models::all() {
    QList<Model> models;
    sql::run(project_, "SELECT " + columns + " FROM models ORDER BY id", {},
             [&models](const QSqlQuery& row) { models << fromRow(row); });
    return models;
}

}  // namespace prefbench::project
