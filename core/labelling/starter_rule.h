#pragma once

#include <QByteArray>
#include <QString>
#include <memory>

#include "core/labelling/rule.h"

namespace prefbench::labelling {

/// What the rule "starter" sees in one review.
struct ReviewFindings {
    int sentences = 0;
    int warm = 0, cold = 0;  ///< sentences that praise, sentences that blame
    int repetitions = 0;     ///< sentences said before
    int contradictions = 0;  ///< sentences that turn an earlier judgement round or name another fact
    bool trailsOff = false;  ///< the last sentence has no end
    int broken = 0;          ///< sentences the grammar could not have written

    int flaws() const { return repetitions + contradictions + (trailsOff ? 1 : 0); }
    /// (warm − cold) / (warm + cold), or 0 where nothing is judged: −1…1.
    double mood() const;
    double score() const { return mood() - 0.5 * flaws() - 0.5 * broken; }
};

/// The rule that labels the starter project: a good review is warm, whole and free of flaws.
///
///     score = mood − ½ · flaws − ½ · broken sentences
///
/// Mood is the share of praise among the sentences that judge, from −1 (all blame) to 1 (all praise). Flaws are: a
/// sentence that was said before; a contradiction (music that was lovely is now shrill, or the two sisters of the
/// prompt are now three brothers); an answer that trails off. A sentence is broken when it matches no sentence of the
/// starter grammar (resources/starter/grammar.json) word for word. A repeated sentence counts as a repetition and for
/// nothing else; an empty answer trails off and is broken. Length plays no part.
///
/// Immutable once made; `score` and `examine` may be called from several threads.
class StarterRule : public Rule {
  public:
    /// The grammar that is built into the program.
    StarterRule();
    /// Error naming `what` when `grammar` is not a review grammar.
    StarterRule(const QByteArray& grammar, const QString& what);
    ~StarterRule() override;

    double score(const QString& prompt, const QString& answer) const override;
    ReviewFindings examine(const QString& prompt, const QString& answer) const;

  private:
    class Grammar;
    std::unique_ptr<const Grammar> grammar_;
};

}  // namespace prefbench::labelling
