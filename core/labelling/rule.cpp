#include "core/labelling/rule.h"

#include "core/labelling/keyed_hash.h"
#include "core/labelling/label_queue.h"
#include "core/labelling/label_session.h"
#include "core/labelling/starter_rule.h"
#include "core/project/annotators.h"
#include "core/project/utf8.h"

namespace prefbench::labelling {

using project::Comparison;
using project::Comparisons;
using project::Completion;
using project::Completions;
using project::Judgement;
using project::Judgements;
using project::Project;

namespace {

/// By length in characters: the crudest rule there is, to see what a length bias does to a model.
class LengthRule : public Rule {
  public:
    explicit LengthRule(double sign) : sign_(sign) {}
    double score(const QString&, const QString& answer) const override {
        return sign_ * double(answer.toUcs4().size());
    }

  private:
    double sign_;
};

/// What the rule answers: 2 (first better), −2, or 0 for a tie; flipped with probability `noise`. The draw is keyed by
/// the texts, so that the same seed flips the same comparisons in every copy of a project.
int answerOf(const Rule& rule, const QString& prompt, const QString& first, const QString& second, double noise,
             quint64 seed) {
    const double difference = rule.score(prompt, first) - rule.score(prompt, second);
    const int score = difference > 0 ? 2 : difference < 0 ? -2 : 0;
    const double draw = keyedUniform({QStringLiteral("noise"), QString::number(seed), prompt, first, second});
    return draw < noise ? -score : score;
}

QHash<QString, Completion> answersOf(const QList<Comparison>& comparisons, Project& project) {
    QList<QString> ids;
    for (const Comparison& comparison : comparisons) {
        ids << comparison.completionIds;
    }
    return Completions(project).byIds(ids);
}

}  // namespace

std::unique_ptr<Rule> Rule::byName(const QString& name) {
    if (name == "starter") {
        return std::make_unique<StarterRule>();
    }
    if (name == "longer" || name == "shorter") {
        return std::make_unique<LengthRule>(name == "longer" ? 1 : -1);
    }
    throw Error(project::toUtf8(
        QStringLiteral("there is no rule \"%1\"; the rules are: %2").arg(name, names().join(QStringLiteral(", ")))));
}

QStringList Rule::names() {
    return {QStringLiteral("starter"), QStringLiteral("longer"), QStringLiteral("shorter")};
}

qint64 labelByRule(Project& project, const Rule& rule, const QString& annotator, double noise, quint64 seed) {
    if (!(noise >= 0 && noise <= 1)) {
        throw Error("noise is a probability from 0 to 1, not " + std::to_string(noise));
    }
    const QString annotatorId = project::Annotators(project).ensure(annotator, project::AnnotatorKind::Rule);
    Judgements judgements(project);
    project::Prompts prompts(project);
    qint64 answered = 0;
    QString after;
    for (;;) {
        const QList<Comparison> page = Comparisons(project).page(after);
        if (page.isEmpty()) {
            break;
        }
        after = page.last().id;
        // One transaction a page: fast, and another process can write in between.
        project::Transaction transaction(project);
        const QHash<QString, Completion> answers = answersOf(page, project);
        for (const Comparison& comparison : page) {
            if (comparison.completionIds.size() != 2 || judgements.current(comparison.id, annotatorId)) {
                continue;
            }
            Judgement judgement;
            judgement.comparisonId = comparison.id;
            judgement.annotatorId = annotatorId;
            judgement.firstOnLeft = firstOnLeft(comparison.id, annotatorId);
            const int score =
                answerOf(rule, prompts.find(comparison.promptId)->text(), answers[comparison.completionIds[0]].text,
                         answers[comparison.completionIds[1]].text, noise, seed);
            judgement.screen = judgement.firstOnLeft ? score : -score;
            judgements.append(judgement);
            ++answered;
        }
        transaction.commit();
    }
    LabelQueue::forget(project, annotatorId);
    return answered;
}

}  // namespace prefbench::labelling
