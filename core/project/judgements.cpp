#include "core/project/judgements.h"

#include <array>

#include "core/project/sql.h"
#include "core/project/utf8.h"

namespace prefbench::project {

namespace {

// In the order of the enumerations.
const std::array<const char*, 4> outcomeNames{"score", "both_bad", "skip", "withdrawn"};
const std::array<const char*, 5> kindNames{"label", "repeat", "gold", "audit", "adjudication"};

const QString columns = QStringLiteral(
    "id, comparison_id, annotator_id, kind, outcome, screen, score, first_on_left, active_seconds, "
    "CAST(rationale AS BLOB), supersedes, created");

// On the whole (no attribute), by way of the index that the triggers keep.
const QString currentLabel = QStringLiteral("attribute_id = '' AND kind = 'label'");

template <class Enum, std::size_t count>
Enum fromName(const std::array<const char*, count>& names, const QString& name) {
    for (std::size_t i = 0; i < count; ++i) {
        if (name == QLatin1String(names[i])) {
            return Enum(i);
        }
    }
    throw Error(toUtf8(QStringLiteral("this version cannot read judgements of the sort \"%1\"").arg(name)));
}

Judgement fromRow(const QSqlQuery& row) {
    Judgement judgement;
    judgement.id = row.value(0).toString();
    judgement.comparisonId = row.value(1).toString();
    judgement.annotatorId = row.value(2).toString();
    judgement.kind = fromName<JudgementKind>(kindNames, row.value(3).toString());
    judgement.outcome = fromName<Outcome>(outcomeNames, row.value(4).toString());
    judgement.screen = row.value(5).toInt();
    judgement.score = row.value(6).toInt();
    judgement.firstOnLeft = row.value(7).toBool();
    judgement.activeSeconds = row.value(8).toDouble();
    judgement.rationale = sql::text(row.value(9));
    judgement.supersedes = row.value(10).toString();
    judgement.created = row.value(11).toString();
    return judgement;
}

/// The unsuperseded judgement of the same key, withdrawn ones included: what a new one replaces.
QString standing(Project& project, const Judgement& judgement) {
    return sql::scalar(project,
                       QStringLiteral("SELECT id FROM judgements j WHERE comparison_id = ? AND annotator_id = ? "
                                      "AND kind = ? AND attribute_id IS NULL AND NOT EXISTS "
                                      "(SELECT 1 FROM judgements later WHERE later.supersedes = j.id) "
                                      "ORDER BY id DESC LIMIT 1"),
                       {judgement.comparisonId, judgement.annotatorId,
                        QString::fromLatin1(kindNames[std::size_t(judgement.kind)])})
        .toString();
}

}  // namespace

QString Judgements::append(Judgement judgement) {
    if (judgement.screen < -3 || judgement.screen > 3) {
        throw Error("an answer is -3 to 3, not " + std::to_string(judgement.screen));
    }
    judgement.screen = judgement.outcome == Outcome::Score ? judgement.screen : 0;
    judgement.score = judgement.firstOnLeft ? judgement.screen : -judgement.screen;
    Transaction transaction(project_);
    if (judgement.id.isEmpty()) {
        judgement.id = newId();
    } else if (find(judgement.id)) {
        transaction.commit();
        return judgement.id;
    }
    const bool feedsTraining = judgement.kind == JudgementKind::Label || judgement.kind == JudgementKind::Adjudication;
    if (judgement.supersedes.isEmpty() && feedsTraining) {
        judgement.supersedes = standing(project_, judgement);
    }
    sql::run(project_,
             QStringLiteral("INSERT INTO judgements (id, comparison_id, annotator_id, kind, outcome, screen, score, "
                            "first_on_left, active_seconds, rationale, supersedes, created) "
                            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, CAST(? AS TEXT), ?, ?)"),
             {judgement.id, judgement.comparisonId, judgement.annotatorId,
              QString::fromLatin1(kindNames[std::size_t(judgement.kind)]),
              QString::fromLatin1(outcomeNames[std::size_t(judgement.outcome)]), judgement.screen, judgement.score,
              int(judgement.firstOnLeft), judgement.activeSeconds, sql::bytes(judgement.rationale),
              sql::optional(judgement.supersedes), sql::now()});
    transaction.commit();
    return judgement.id;
}

std::optional<Judgement> Judgements::find(const QString& id) {
    std::optional<Judgement> found;
    sql::run(project_, "SELECT " + columns + " FROM judgements WHERE id = ?", {id},
             [&found](const QSqlQuery& row) { found = fromRow(row); });
    return found;
}

std::optional<Judgement> Judgements::current(const QString& comparisonId, const QString& annotatorId) {
    const QVariant id = sql::scalar(project_,
                                    "SELECT judgement_id FROM current_judgements WHERE comparison_id = ? AND "
                                    "annotator_id = ? AND " +
                                        currentLabel,
                                    {comparisonId, annotatorId});
    return id.isValid() ? find(id.toString()) : std::nullopt;
}

QList<LabelledPair> Judgements::labelledPairs(const QString& afterComparisonId, int limit) {
    // The page is cut between comparisons, never between two annotators' labels of one.
    const QString statement = QStringLiteral(
        "SELECT page.id, page.prompt_id, k.judgement_id, k.annotator_id, a.completion_id, b.completion_id, k.score "
        "FROM (SELECT c.id, c.prompt_id FROM comparisons c INDEXED BY comparisons_to_label "
        "      WHERE c.purpose = 'training' AND c.size = 2 AND c.id > ? AND EXISTS "
        "          (SELECT 1 FROM current_judgements e WHERE e.comparison_id = c.id AND e.attribute_id = '' "
        "           AND e.outcome = 'score') "
        "      ORDER BY c.id LIMIT ?) page "
        "JOIN current_judgements k ON k.comparison_id = page.id AND k.attribute_id = '' AND k.outcome = 'score' "
        "JOIN comparison_completions a ON a.comparison_id = page.id AND a.position = 0 "
        "JOIN comparison_completions b ON b.comparison_id = page.id AND b.position = 1 "
        "ORDER BY page.id, k.annotator_id, k.kind");
    QList<LabelledPair> pairs;
    sql::run(project_, statement, {afterComparisonId.isNull() ? QString("") : afterComparisonId, limit},
             [&pairs](const QSqlQuery& row) {
                 LabelledPair pair;
                 pair.comparisonId = row.value(0).toString();
                 pair.promptId = row.value(1).toString();
                 pair.judgementId = row.value(2).toString();
                 pair.annotatorId = row.value(3).toString();
                 pair.firstId = row.value(4).toString();
                 pair.secondId = row.value(5).toString();
                 pair.score = row.value(6).toInt();
                 pairs << pair;
             });
    return pairs;
}

qint64 Judgements::countAnswered(const QString& annotatorId) {
    return sql::scalar(project_, "SELECT count(*) FROM current_judgements WHERE annotator_id = ? AND " + currentLabel,
                       {annotatorId})
        .toLongLong();
}

Judgements::Counts Judgements::counts() {
    Counts counts;
    sql::run(project_,
             "SELECT outcome, score = 0, count(*) FROM current_judgements WHERE " + currentLabel + " GROUP BY 1, 2", {},
             [&counts](const QSqlQuery& row) {
                 const QString outcome = row.value(0).toString();
                 const qint64 number = row.value(2).toLongLong();
                 if (outcome == "score") {
                     (row.value(1).toBool() ? counts.ties : counts.decided) += number;
                 } else if (outcome == "both_bad") {
                     counts.bothBad += number;
                 } else if (outcome == "skip") {
                     counts.skipped += number;
                 }
             });
    return counts;
}

std::optional<Judgement> Judgements::latest(const QString& annotatorId) {
    const QVariant id = sql::scalar(
        project_, "SELECT max(judgement_id) FROM current_judgements WHERE annotator_id = ? AND " + currentLabel,
        {annotatorId});
    return id.isNull() ? std::nullopt : find(id.toString());
}

}  // namespace prefbench::project
