#include <QRandomGenerator>

#include "core/project/sql.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;

class TestJudgements : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void scoreFollowsTheSides();
    void areAppendOnly();
    void laterSupersedesEarlier();
    void withdrawnCountsAsNone();
    void otherKindsAreNotLabels();
    void supersedesItsOwnKeyOnly();
    void refusesWhatCannotBe();
    void countsAndLatest();
    void labelledPairsPageByComparison();
    void currentTableAgreesWithTheDefinition();
};

void TestJudgements::scoreFollowsTheSides() {
    TemporaryProject project;
    const QStringList ids = project.addComparisons(2);
    Judgements judgements(*project);
    const QString annotator = project.annotator();
    const QString left = judgements.append({.comparisonId = ids[0], .annotatorId = annotator, .screen = 3});
    const QString right =
        judgements.append({.comparisonId = ids[1], .annotatorId = annotator, .screen = 3, .firstOnLeft = false});
    QCOMPARE(judgements.find(left)->score, 3);
    QCOMPARE(judgements.find(right)->score, -3);
    QCOMPARE(judgements.find(right)->screen, 3);
    QVERIFY(!judgements.find(right)->created.isEmpty());
}

void TestJudgements::areAppendOnly() {
    TemporaryProject project;
    const QString comparison = project.addComparisons(1).first();
    Judgements judgements(*project);
    const QString id = judgements.append({.comparisonId = comparison, .annotatorId = project.annotator(), .screen = 1});
    const auto refused = [&](const QString& statement) {
        return errorOf([&] { sql::run(*project, statement); }).contains("append-only");
    };
    QVERIFY(refused("UPDATE judgements SET screen = 2, score = 2"));
    QVERIFY(refused("DELETE FROM judgements"));
    QVERIFY(refused("INSERT OR REPLACE INTO judgements SELECT * FROM judgements"));
    QVERIFY(
        refused("REPLACE INTO judgements (id, comparison_id, annotator_id, kind, outcome, screen, score, "
                "first_on_left, active_seconds, rationale, created) SELECT id, comparison_id, annotator_id, kind, "
                "outcome, 2, 2, 1, 0, '', '' FROM judgements"));
    QCOMPARE(judgements.find(id)->score, 1);
}

void TestJudgements::laterSupersedesEarlier() {
    TemporaryProject project;
    const QString comparison = project.addComparisons(1).first();
    const QString annotator = project.annotator();
    Judgements judgements(*project);
    const QString first = judgements.append({.comparisonId = comparison, .annotatorId = annotator, .screen = 1});
    // As if the clock had been set back: the id is smaller, the order of appending counts.
    Judgement later{.comparisonId = comparison, .annotatorId = annotator, .screen = -2};
    later.id = QStringLiteral("00000000-0000-7000-8000-000000000001");
    judgements.append(later);
    QCOMPARE(judgements.find(later.id)->supersedes, first);
    QCOMPARE(judgements.current(comparison, annotator)->score, -2);
    QCOMPARE(judgements.labelledPairs().size(), 1);

    const QString other = project.annotator("other");
    QVERIFY(!judgements.current(comparison, other));
    judgements.append({.comparisonId = comparison, .annotatorId = other, .screen = 3});
    QCOMPARE(judgements.current(comparison, annotator)->score, -2);
    QCOMPARE(judgements.labelledPairs().size(), 2);
}

void TestJudgements::withdrawnCountsAsNone() {
    TemporaryProject project;
    const QString comparison = project.addComparisons(1).first();
    const QString annotator = project.annotator();
    Judgements judgements(*project);
    judgements.append({.comparisonId = comparison, .annotatorId = annotator, .screen = 1});
    judgements.append({.comparisonId = comparison, .annotatorId = annotator, .screen = 2});
    judgements.append({.comparisonId = comparison, .annotatorId = annotator, .outcome = Outcome::Withdrawn});
    QVERIFY(!judgements.current(comparison, annotator));  // and not the first one again
    QVERIFY(!judgements.latest(annotator));
    QVERIFY(judgements.labelledPairs().isEmpty());
    QCOMPARE(judgements.countAnswered(annotator), 0);
    judgements.append({.comparisonId = comparison, .annotatorId = annotator, .screen = 3});
    QCOMPARE(judgements.current(comparison, annotator)->score, 3);
}

void TestJudgements::otherKindsAreNotLabels() {
    TemporaryProject project;
    const QString comparison = project.addComparisons(1).first();
    const QString annotator = project.annotator();
    Judgements judgements(*project);
    for (const JudgementKind kind : {JudgementKind::Repeat, JudgementKind::Gold, JudgementKind::Audit}) {
        judgements.append({.comparisonId = comparison, .annotatorId = annotator, .kind = kind, .screen = 1});
    }
    QVERIFY(!judgements.current(comparison, annotator));
    QVERIFY(judgements.labelledPairs().isEmpty());
    QCOMPARE(judgements.counts().total(), 0);

    const QString label = judgements.append({.comparisonId = comparison, .annotatorId = annotator, .screen = 2});
    judgements.append(
        {.comparisonId = comparison, .annotatorId = annotator, .kind = JudgementKind::Repeat, .screen = -2});
    QCOMPARE(judgements.current(comparison, annotator)->id, label);
    QCOMPARE(judgements.labelledPairs().size(), 1);

    // An adjudication feeds training too, beside the label.
    judgements.append({.comparisonId = comparison,
                       .annotatorId = project.annotator("judge"),
                       .kind = JudgementKind::Adjudication,
                       .screen = -1});
    QCOMPARE(judgements.labelledPairs().size(), 2);
    QCOMPARE(judgements.counts().decided, 1);
}

void TestJudgements::supersedesItsOwnKeyOnly() {
    TemporaryProject project;
    const QStringList comparisons = project.addComparisons(2);
    const QString annotator = project.annotator();
    Judgements judgements(*project);
    const QString first = judgements.append({.comparisonId = comparisons[0], .annotatorId = annotator, .screen = 1});
    Judgement wrong{.comparisonId = comparisons[1], .annotatorId = annotator, .screen = 1, .supersedes = first};
    QVERIFY(errorOf([&] { judgements.append(wrong); }).contains("same comparison, annotator"));
    wrong.comparisonId = comparisons[0];
    wrong.kind = JudgementKind::Repeat;
    QVERIFY(errorOf([&] { judgements.append(wrong); }).contains("same comparison, annotator"));
    QCOMPARE(judgements.current(comparisons[0], annotator)->id, first);
}

void TestJudgements::refusesWhatCannotBe() {
    TemporaryProject project;
    const QString comparison = project.addComparisons(1).first();
    Judgements judgements(*project);
    const QString annotator = project.annotator();
    QVERIFY(errorOf([&] {
                judgements.append({.comparisonId = comparison, .annotatorId = annotator, .screen = 4});
            }).contains("-3 to 3, not 4"));
    QVERIFY(errorOf([&] {
                judgements.append({.comparisonId = "nowhere", .annotatorId = annotator});
            }).contains("FOREIGN KEY"));

    const QString prompt = project.addPrompt("three answers");
    Comparison three{.promptId = prompt};
    three.completionIds = {project.addCompletion(prompt, "a"), project.addCompletion(prompt, "b"),
                           project.addCompletion(prompt, "c")};
    const QString ranking = Comparisons(*project).add(three);
    QVERIFY(errorOf([&] {
                judgements.append({.comparisonId = ranking, .annotatorId = annotator, .screen = 1});
            }).contains("two completions"));
    judgements.append({.comparisonId = ranking, .annotatorId = annotator, .outcome = Outcome::Skip});
}

void TestJudgements::countsAndLatest() {
    TemporaryProject project;
    const QStringList ids = project.addComparisons(5);
    const QString annotator = project.annotator();
    Judgements judgements(*project);
    judgements.append({.comparisonId = ids[0], .annotatorId = annotator, .screen = 2});
    judgements.append({.comparisonId = ids[1], .annotatorId = annotator, .screen = 0});
    judgements.append({.comparisonId = ids[2], .annotatorId = annotator, .outcome = Outcome::BothBad});
    const QString skip =
        judgements.append({.comparisonId = ids[3], .annotatorId = annotator, .outcome = Outcome::Skip});
    QCOMPARE(judgements.latest(annotator)->id, skip);
    const Judgements::Counts counts = judgements.counts();
    QCOMPARE(counts.decided, 1);
    QCOMPARE(counts.ties, 1);
    QCOMPARE(counts.bothBad, 1);
    QCOMPARE(counts.skipped, 1);
    QCOMPARE(counts.total(), 4);
    QCOMPARE(judgements.countAnswered(annotator), 4);
    QCOMPARE(judgements.labelledPairs().size(), 2);  // ties are labels, both bad and skip are not
    // Undo walks backwards.
    judgements.append({.comparisonId = ids[3], .annotatorId = annotator, .outcome = Outcome::Withdrawn});
    QCOMPARE(judgements.latest(annotator)->comparisonId, ids[2]);
}

void TestJudgements::labelledPairsPageByComparison() {
    TemporaryProject project;
    QStringList ids = project.addComparisons(10);
    std::sort(ids.begin(), ids.end());
    Judgements judgements(*project);
    const QStringList annotators{project.annotator("a"), project.annotator("b"), project.annotator("c")};
    for (const QString& id : ids) {
        for (const QString& annotator : annotators) {
            judgements.append({.comparisonId = id, .annotatorId = annotator, .screen = 1});
        }
    }
    Comparison evaluation = *Comparisons(*project).find(ids[0]);
    evaluation.id.clear();
    evaluation.purpose = QStringLiteral("evaluation");
    judgements.append(
        {.comparisonId = Comparisons(*project).add(evaluation), .annotatorId = annotators[0], .screen = 1});

    QList<LabelledPair> all;
    for (;;) {
        const QList<LabelledPair> page = judgements.labelledPairs(all.isEmpty() ? "" : all.last().comparisonId, 4);
        if (page.isEmpty()) {
            break;
        }
        QVERIFY(page.size() <= 12);
        all << page;
    }
    QCOMPARE(all.size(), 30);
    for (int i = 0; i < 30; ++i) {
        QCOMPARE(all[i].comparisonId, ids[i / 3]);
    }
    const Comparison comparison = *Comparisons(*project).find(all[0].comparisonId);
    QCOMPARE(all[0].firstId, comparison.completionIds[0]);
    QCOMPARE(all[0].secondId, comparison.completionIds[1]);
    QCOMPARE(all[0].promptId, comparison.promptId);
}

void TestJudgements::currentTableAgreesWithTheDefinition() {
    TemporaryProject project;
    const QStringList ids = project.addComparisons(8);
    const QStringList annotators{project.annotator("a"), project.annotator("b")};
    Judgements judgements(*project);
    QRandomGenerator random(7);
    Transaction transaction(*project);
    for (int i = 0; i < 600; ++i) {
        Judgement judgement{.comparisonId = ids[random.bounded(8)], .annotatorId = annotators[random.bounded(2)]};
        judgement.kind = JudgementKind(random.bounded(5));
        judgement.outcome = Outcome(random.bounded(4));
        judgement.screen = random.bounded(7) - 3;
        judgement.firstOnLeft = random.bounded(2);
        judgements.append(judgement);
    }
    transaction.commit();
    const QString definition = QStringLiteral(
        "SELECT group_concat(id) FROM (SELECT j.id, j.outcome FROM judgements j WHERE j.kind IN ('label', "
        "'adjudication') AND NOT EXISTS (SELECT 1 FROM judgements s WHERE s.supersedes = j.id) AND NOT EXISTS "
        "(SELECT 1 FROM judgements k WHERE k.comparison_id = j.comparison_id AND k.annotator_id = j.annotator_id AND "
        "k.attribute_id IS j.attribute_id AND k.kind = j.kind AND k.id > j.id AND NOT EXISTS (SELECT 1 FROM judgements "
        "s WHERE s.supersedes = k.id)) ORDER BY j.id) WHERE outcome <> 'withdrawn'");
    const QString kept = QStringLiteral(
        "SELECT group_concat(judgement_id) FROM (SELECT judgement_id FROM current_judgements ORDER BY judgement_id)");
    QVERIFY(!sql::scalar(*project, kept).toString().isEmpty());
    QCOMPARE(sql::scalar(*project, kept).toString(), sql::scalar(*project, definition).toString());
}

QTEST_GUILESS_MAIN(TestJudgements)
#include "tst_judgements.moc"
