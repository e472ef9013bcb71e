#pragma once

#include <QList>
#include <QString>
#include <optional>

#include "core/project/project.h"

namespace prefbench::project {

/// What an annotator answered. `score` −3…3: positive when the comparison's first completion is better, 0 = tie.
enum class Outcome { Score, BothBad, Skip, Withdrawn };

enum class JudgementKind { Label, Repeat, Gold, Audit, Adjudication };

struct Judgement {
    QString id{}, comparisonId{}, annotatorId{};
    JudgementKind kind = JudgementKind::Label;
    Outcome outcome = Outcome::Score;
    int screen = 0;  ///< as seen: positive = left better; stored beside score
    int score = 0;   ///< screen if the first completion was on the left, else −screen
    bool firstOnLeft = true;
    double activeSeconds = 0;
    QString rationale{};
    QString supersedes{};  ///< judgement that this one replaces (also withdrawn: the one undone)
    QString created{};     ///< ISO 8601, UTC
};

/// A current judgement with what it takes to train or export: DESIGN §4 "Current".
struct LabelledPair {
    QString comparisonId{}, promptId{}, judgementId{}, annotatorId{};
    QString firstId{}, secondId{};  ///< completions
    int score = 0;                  ///< 0 = tie
};

class Judgements {
  public:
    explicit Judgements(Project& project) : project_(project) {}
    /// Appends (never updates) and returns the id; a judgement whose id is stored already is not stored again. `score`
    /// is derived from screen and firstOnLeft. One transaction of its own unless one is open.
    QString append(Judgement judgement);
    std::optional<Judgement> find(const QString& id);
    /// Current label of this annotator on this comparison; nullopt when none or withdrawn.
    std::optional<Judgement> current(const QString& comparisonId, const QString& annotatorId);
    /// Current labels (outcome Score, ties included) of two-way training comparisons, by comparison id.
    QList<LabelledPair> labelledPairs(const QString& afterComparisonId = {}, int limit = 1000);
    /// Comparisons with a current answer of any outcome by this annotator.
    qint64 countAnswered(const QString& annotatorId);
    /// Current labels by outcome over all annotators: decided (score ≠ 0), ties, both bad, skipped.
    struct Counts {
        qint64 decided = 0, ties = 0, bothBad = 0, skipped = 0;
        qint64 total() const { return decided + ties + bothBad + skipped; }
    };
    Counts counts();
    /// The annotator's latest current answer: what undo would withdraw.
    std::optional<Judgement> latest(const QString& annotatorId);

  private:
    Project& project_;
};

}  // namespace prefbench::project
