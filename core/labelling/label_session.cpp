#include "core/labelling/label_session.h"

#include "core/labelling/keyed_hash.h"
#include "core/labelling/label_queue.h"

namespace prefbench::labelling {

using project::Comparison;
using project::Comparisons;
using project::Completion;
using project::Completions;
using project::Judgement;
using project::Judgements;
using project::Outcome;

bool firstOnLeft(const QString& comparisonId, const QString& annotatorId) {
    return keyedHash({QStringLiteral("side"), comparisonId, annotatorId}) & 1;
}

LabelSession::LabelSession(project::Project& project, QString annotatorId)
    : project_(project), annotatorId_(std::move(annotatorId)), queue_(LabelQueue::of(project, annotatorId_)) {}

std::optional<Question> LabelSession::next(const QString& exceptId) {
    const QString id = queue_->first(project_, exceptId);
    const std::optional<Comparison> comparison = id.isEmpty() ? std::nullopt : Comparisons(project_).find(id);
    return comparison ? std::optional(question(*comparison)) : std::nullopt;
}

Question LabelSession::question(const Comparison& comparison) {
    const QHash<QString, Completion> completions = Completions(project_).byIds(comparison.completionIds);
    if (comparison.completionIds.size() != 2 || completions.size() != 2) {
        throw Error("comparison " + comparison.id.toStdString() + " does not have two answers to show side by side");
    }
    Question question;
    question.comparison = comparison;
    question.prompt = project::Prompts(project_).find(comparison.promptId).value();
    question.firstOnLeft = firstOnLeft(comparison.id, annotatorId_);
    question.left = completions[comparison.completionIds[question.firstOnLeft ? 0 : 1]];
    question.right = completions[comparison.completionIds[question.firstOnLeft ? 1 : 0]];
    return question;
}

QString LabelSession::answer(const Question& question, const Answer& answer) {
    Judgement judgement;
    judgement.id = answer.id;
    judgement.comparisonId = question.comparison.id;
    judgement.annotatorId = annotatorId_;
    judgement.outcome = answer.outcome;
    judgement.screen = answer.screen;
    judgement.firstOnLeft = question.firstOnLeft;
    judgement.activeSeconds = answer.activeSeconds;
    judgement.rationale = answer.rationale;
    const QString id = Judgements(project_).append(judgement);
    queue_->answered(question.comparison.id);
    return id;
}

std::optional<Question> LabelSession::undo() {
    Judgements judgements(project_);
    const std::optional<Judgement> latest = judgements.latest(annotatorId_);
    if (!latest) {
        return std::nullopt;
    }
    const Comparison comparison = Comparisons(project_).find(latest->comparisonId).value();
    Question reopened = question(comparison);
    reopened.firstOnLeft = latest->firstOnLeft;
    reopened.previous = latest;
    Judgement withdrawal;
    withdrawal.comparisonId = latest->comparisonId;
    withdrawal.annotatorId = annotatorId_;
    withdrawal.outcome = Outcome::Withdrawn;
    withdrawal.firstOnLeft = latest->firstOnLeft;
    withdrawal.supersedes = latest->id;
    judgements.append(withdrawal);
    queue_->reopened(comparison);
    return reopened;
}

LabelSession::Progress LabelSession::progress() {
    queue_->refresh(project_);
    return {queue_->total() - queue_->unanswered(), queue_->total()};
}

}  // namespace prefbench::labelling
