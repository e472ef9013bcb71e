#include "core/labelling/rule.h"

#include <cmath>

#include "core/labelling/label_session.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;
using namespace prefbench::labelling;

namespace {

void addPairs(TemporaryProject& project, int number) {
    Transaction transaction(*project);
    for (int i = 0; i < number; ++i) {
        const QString prompt = project.addPrompt(QString::number(i));
        i % 2 ? project.addComparison(prompt, "long answer", "short") : project.addComparison(prompt, "abc", "abcd");
    }
    transaction.commit();
}

/// Whether the longer answer won, by prompt text.
QMap<QString, bool> longerWon(Project& project) {
    QMap<QString, bool> won;
    for (const LabelledPair& pair : Judgements(project).labelledPairs({}, 100000)) {
        const QString prompt = Prompts(project).find(pair.promptId)->text();
        won[prompt] = (pair.score > 0) == (prompt.toInt() % 2 == 1);
    }
    return won;
}

}  // namespace

class TestRule : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void namesAreKnown();
    void answersEverythingOnce();
    void equalScoresAreTies();
    void noiseFlipsItsShare();
    void noiseIsTheSameForTheSameSeed();
    void refusesImpossibleNoise();
    void doesNotTakeAPersonsName();
};

void TestRule::namesAreKnown() {
    for (const QString& name : Rule::names()) {
        QVERIFY(Rule::byName(name));
    }
    const QString message = errorOf([] { Rule::byName("nice"); });
    QVERIFY2(message.contains("\"nice\"") && message.contains("starter, longer, shorter"), qPrintable(message));
}

void TestRule::answersEverythingOnce() {
    TemporaryProject project;
    addPairs(project, 2100);  // more than two pages
    const auto rule = Rule::byName("longer");
    QCOMPARE(labelByRule(*project, *rule, "rule", 0, 0), 2100);
    QCOMPARE(labelByRule(*project, *rule, "rule", 0, 0), 0);
    const QMap<QString, bool> won = longerWon(*project);
    QCOMPARE(won.size(), 2100);
    QVERIFY(!won.values().contains(false));

    const Annotator annotator = Annotators(*project).all().first();
    QCOMPARE(annotator.name, "rule");
    QVERIFY(annotator.kind == AnnotatorKind::Rule);
    QCOMPARE(LabelSession(*project, annotator.id).progress().answered, 2100);
    int left = 0;
    for (const LabelledPair& pair : Judgements(*project).labelledPairs({}, 100000)) {
        const Judgement judgement = *Judgements(*project).find(pair.judgementId);
        left += judgement.firstOnLeft;
        QCOMPARE(judgement.firstOnLeft, firstOnLeft(pair.comparisonId, annotator.id));
    }
    QVERIFY(left > 800 && left < 1300);
}

void TestRule::equalScoresAreTies() {
    TemporaryProject project;
    project.addComparison(project.addPrompt("p"), "same", "size");
    labelByRule(*project, *Rule::byName("shorter"), "rule", 1, 0);
    QCOMPARE(Judgements(*project).counts().ties, 1);
}

void TestRule::noiseFlipsItsShare() {
    TemporaryProject project;
    const int number = 2000;
    addPairs(project, number);
    labelByRule(*project, *Rule::byName("longer"), "rule", 0.1, 5);
    const int flipped = longerWon(*project).values().count(false);
    // Five standard deviations: 5 · √(2000 · 0.1 · 0.9) = 67.
    QVERIFY2(std::abs(flipped - number / 10) < 67, qPrintable(QString::number(flipped)));
}

void TestRule::noiseIsTheSameForTheSameSeed() {
    const auto label = [](quint64 seed) {
        TemporaryProject project;
        addPairs(project, 200);
        labelByRule(*project, *Rule::byName("longer"), "rule", 0.3, seed);
        return longerWon(*project);
    };
    const QMap<QString, bool> once = label(1);
    QCOMPARE(label(1), once);
    QVERIFY(label(2) != once);
}

void TestRule::refusesImpossibleNoise() {
    TemporaryProject project;
    for (const double noise : {-0.1, 1.5, std::nan("")}) {
        QVERIFY(errorOf([&] { labelByRule(*project, *Rule::byName("longer"), "rule", noise, 0); }).contains("0 to 1"));
    }
}

void TestRule::doesNotTakeAPersonsName() {
    TemporaryProject project;
    project.annotator("Ann");
    QVERIFY(errorOf([&] { labelByRule(*project, *Rule::byName("longer"), "Ann", 0, 0); }).contains("of kind human"));
}

QTEST_GUILESS_MAIN(TestRule)
#include "tst_rule.moc"
