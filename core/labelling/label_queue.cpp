#include "core/labelling/label_queue.h"

#include "core/labelling/keyed_hash.h"
#include "core/project/settings.h"
#include "core/project/sql.h"

namespace prefbench::labelling {

using project::Project;
namespace sql = project::sql;

namespace {

QString keptName(const QString& annotatorId) {
    return QStringLiteral("label queue of ") + annotatorId;
}

/// Changes when another connection has committed.
qint64 dataVersion(Project& project) {
    return sql::scalar(project, QStringLiteral("PRAGMA data_version")).toLongLong();
}

}  // namespace

std::shared_ptr<LabelQueue> LabelQueue::of(Project& project, const QString& annotatorId) {
    std::shared_ptr<void>& kept = project.kept(keptName(annotatorId));
    if (!kept) {
        kept = std::shared_ptr<LabelQueue>(new LabelQueue(project, annotatorId));
    }
    return std::static_pointer_cast<LabelQueue>(kept);
}

void LabelQueue::forget(Project& project, const QString& annotatorId) {
    project.kept(keptName(annotatorId)).reset();
}

LabelQueue::LabelQueue(Project& project, const QString& annotatorId)
    : annotatorId_(annotatorId), projectId_(project::Settings(project).value(QStringLiteral("project_id"))) {
    readAll(project);
}

void LabelQueue::readAll(Project& project) {
    dataVersion_ = dataVersion(project);
    entries_.clear();
    byId_.clear();
    total_ = 0;
    lastRow_ = 0;
    refresh(project);
}

void LabelQueue::refresh(Project& project) {
    const qint64 lastRow =
        sql::scalar(project, QStringLiteral("SELECT ifnull(max(rowid), 0) FROM comparisons")).toLongLong();
    if (lastRow <= lastRow_) {
        return;
    }
    // One reading gives each new comparison and whether this annotator has answered it.
    sql::run(project,
             QStringLiteral("SELECT c.id, c.priority, k.judgement_id IS NOT NULL FROM comparisons c "
                            "LEFT JOIN current_judgements k ON k.comparison_id = c.id AND k.annotator_id = ? "
                            "AND k.attribute_id = '' AND k.kind = 'label' "
                            "WHERE c.rowid > ? AND c.rowid <= ? AND c.purpose = 'training' AND c.size = 2"),
             {annotatorId_, lastRow_, lastRow}, [this](const QSqlQuery& row) {
                 ++total_;
                 if (!row.value(2).toBool()) {
                     insert(row.value(0).toString(), row.value(1).toDouble());
                 }
             });
    lastRow_ = lastRow;
}

QString LabelQueue::first(Project& project, const QString& exceptId) {
    refresh(project);
    for (int reading = 0; reading < 2; ++reading) {
        for (auto entry = entries_.begin(); entry != entries_.end();) {
            const QString id = entry->id;
            ++entry;
            if (id == exceptId) {
                continue;
            }
            if (!isAnswered(project, id)) {
                return id;
            }
            erase(id);
        }
        // Nothing left that we know of; another process may have taken an answer back.
        if (dataVersion(project) == dataVersion_) {
            break;
        }
        readAll(project);
    }
    return {};
}

void LabelQueue::answered(const QString& comparisonId) {
    erase(comparisonId);
}

void LabelQueue::reopened(const project::Comparison& comparison) {
    // Answers to other comparisons (evaluation, brought by a merge) can be taken back too, but are not asked here.
    const bool asked = comparison.purpose == QLatin1String("training") && comparison.completionIds.size() == 2;
    if (asked && !byId_.contains(comparison.id)) {
        insert(comparison.id, comparison.priority);
    }
}

bool LabelQueue::isAnswered(Project& project, const QString& comparisonId) const {
    return sql::scalar(project,
                       QStringLiteral("SELECT 1 FROM current_judgements WHERE comparison_id = ? AND annotator_id = ? "
                                      "AND attribute_id = '' AND kind = 'label'"),
                       {comparisonId, annotatorId_})
        .isValid();
}

void LabelQueue::insert(const QString& id, double priority) {
    byId_.insert(id, entries_.insert({priority, keyedHash({projectId_, annotatorId_, id}), id}).first);
}

void LabelQueue::erase(const QString& id) {
    if (const auto found = byId_.constFind(id); found != byId_.constEnd()) {
        entries_.erase(found.value());
        byId_.erase(found);
    }
}

}  // namespace prefbench::labelling
