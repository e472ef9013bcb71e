#include "core/project/runs.h"

#include "core/project/sql.h"

namespace prefbench::project {

namespace {

const QString columns = QStringLiteral(
    "id, CAST(name AS BLOB), method, CAST(folder AS BLOB), model_id, created, state, step, total_steps, colour");

Run fromRow(const QSqlQuery& row) {
    Run run;
    run.id = row.value(0).toString();
    run.name = sql::text(row.value(1));
    run.method = row.value(2).toString();
    run.folder = sql::text(row.value(3));
    run.modelId = row.value(4).toString();
    run.created = row.value(5).toString();
    run.state = row.value(6).toString();
    run.step = row.value(7).toLongLong();
    run.totalSteps = row.value(8).toLongLong();
    run.colour = row.value(9).toInt();
    return run;
}

}  // namespace

void Runs::add(const Run& run) {
    Transaction transaction(project_);
    const int colour = sql::scalar(project_, QStringLiteral("SELECT ifnull(max(colour) + 1, 0) FROM runs")).toInt();
    sql::run(project_,
             QStringLiteral("INSERT INTO runs (id, name, method, folder, model_id, created, state, step, total_steps, "
                            "colour) VALUES (?, CAST(? AS TEXT), ?, CAST(? AS TEXT), ?, ?, ?, ?, ?, ?)"),
             {run.id.isEmpty() ? newId() : run.id, sql::bytes(run.name), run.method,
              sql::bytes(project_.storedPath(run.folder)), sql::optional(run.modelId), sql::now(),
              run.state.isEmpty() ? QStringLiteral("queued") : run.state, run.step, run.totalSteps, colour});
    transaction.commit();
}

std::optional<Run> Runs::find(const QString& id) {
    std::optional<Run> found;
    sql::run(project_, "SELECT " + columns + " FROM runs WHERE id = ?", {id},
             [&found](const QSqlQuery& row) { found = fromRow(row); });
    return found;
}

QList<Run> Runs::all() {
    QList<Run> runs;
    sql::run(project_, "SELECT " + columns + " FROM runs ORDER BY created, id", {},
             [&runs](const QSqlQuery& row) { runs << fromRow(row); });
    return runs;
}

void Runs::updateProgress(const QString& id, const QString& state, qint64 step, qint64 totalSteps) {
    Transaction transaction(project_);
    sql::run(project_, QStringLiteral("UPDATE runs SET state = ?, step = ?, total_steps = ? WHERE id = ?"),
             {state, step, totalSteps, id});
    transaction.commit();
}

}  // namespace prefbench::project
