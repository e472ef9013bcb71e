#pragma once

#include <QString>
#include <memory>
#include <optional>

#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/judgements.h"
#include "core/project/prompts.h"

namespace prefbench::labelling {

/// Everything the Label page shows for one comparison; sides already decided.
struct Question {
    project::Comparison comparison;
    project::Prompt prompt;
    project::Completion left, right;
    bool firstOnLeft = true;
    std::optional<project::Judgement> previous;  ///< after undo: the answer that was withdrawn
};

struct Answer {
    project::Outcome outcome = project::Outcome::Score;
    int screen = 0;  ///< −3…3, positive = left better
    double activeSeconds = 0;
    QString rationale{};
    QString id{};  ///< of the judgement; given, the same answer tried twice is stored once
};

class LabelQueue;

/// One annotator's way through the two-way training comparisons that have no current answer of theirs: by priority,
/// then in an order drawn from (project, annotator), so that two annotators do not march in step. Used on the project's
/// thread. Cheap to make: what is still to answer is kept with the project, read once and brought up to date.
class LabelSession {
  public:
    LabelSession(project::Project& project, QString annotatorId);

    /// The next unanswered comparison other than `exceptId` (the one on screen, when prefetching); nullopt when all are
    /// answered.
    std::optional<Question> next(const QString& exceptId = {});
    /// Stores the answer durably; returns the judgement's id once COMMIT has returned.
    QString answer(const Question& question, const Answer& answer);
    /// Withdraws this annotator's latest answer and returns its question with `previous` set; nullopt when there is
    /// none.
    std::optional<Question> undo();

    struct Progress {
        qint64 answered = 0, total = 0;
    };
    Progress progress();

  private:
    Question question(const project::Comparison& comparison);
    project::Project& project_;
    QString annotatorId_;
    std::shared_ptr<LabelQueue> queue_;
};

/// True when the comparison's first completion stands on the left for this annotator: a fair coin keyed by both ids.
bool firstOnLeft(const QString& comparisonId, const QString& annotatorId);

}  // namespace prefbench::labelling
