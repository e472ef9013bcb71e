#include "core/labelling/label_session.h"

#include <set>

#include "core/labelling/label_queue.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;
using namespace prefbench::labelling;

namespace {

/// Answers everything; the comparisons in the order in which they came.
QStringList answerAll(Project& project, const QString& annotator) {
    LabelSession session(project, annotator);
    QStringList order;
    while (const std::optional<Question> question = session.next()) {
        session.answer(*question, {.screen = 1});
        order << question->comparison.id;
    }
    return order;
}

}  // namespace

class TestLabelSession : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void servesEveryComparisonOnce();
    void priorityGoesFirst();
    void ordersDifferByAnnotatorAndStay();
    void prefetchSkipsWhatIsOnScreen();
    void sidesAreBalancedAndStable();
    void answerIsStoredWithItsSide();
    void undoReopensWithTheAnswer();
    void undoAcrossSessions();
    void newComparisonsJoin();
    void answersGivenElsewhereAreNotAskedAgain();
    void withdrawalsElsewhereAreAskedAgain();
    void readsFewRowsAnAnswer();
    void countsWhatIsServed();
    void theSameAnswerTriedTwiceIsStoredOnce();
};

void TestLabelSession::servesEveryComparisonOnce() {
    TemporaryProject project;
    const QStringList ids = project.addComparisons(40);
    const QString annotator = project.annotator();
    QCOMPARE(LabelSession(*project, annotator).progress().total, 40);
    const QStringList order = answerAll(*project, annotator);
    QCOMPARE(order.size(), 40);
    QCOMPARE(QSet<QString>(order.begin(), order.end()), QSet<QString>(ids.begin(), ids.end()));
    LabelSession session(*project, annotator);
    QVERIFY(!session.next());
    QCOMPARE(session.progress().answered, 40);
    QCOMPARE(LabelSession(*project, project.annotator("other")).progress().answered, 0);
}

void TestLabelSession::priorityGoesFirst() {
    TemporaryProject project;
    project.addComparisons(10);
    const QString prompt = project.addPrompt("urgent");
    const QString middle = project.addComparison(prompt, "a", "b", 1);
    const QString urgent = project.addComparison(prompt, "c", "d", 2.5);
    const QString late = project.addComparison(prompt, "e", "f", -1);
    const QStringList order = answerAll(*project, project.annotator());
    QCOMPARE(order.first(), urgent);
    QCOMPARE(order[1], middle);
    QCOMPARE(order.last(), late);
}

void TestLabelSession::ordersDifferByAnnotatorAndStay() {
    TemporaryProject project;
    project.addComparisons(30);
    const QString ann = project.annotator("Ann"), bob = project.annotator("Bob");
    const auto firstFive = [&](const QString& annotator) {
        QStringList ids;
        LabelSession session(*project, annotator);
        for (int i = 0; i < 5; ++i) {
            const Question question = *session.next();
            session.answer(question, {.outcome = Outcome::Skip});
            ids << question.comparison.id;
        }
        return ids;
    };
    const QString next = LabelSession(*project, ann).next()->comparison.id;
    project.reopen();
    QCOMPARE(LabelSession(*project, ann).next()->comparison.id, next);
    QVERIFY(firstFive(ann) != firstFive(bob));
}

void TestLabelSession::prefetchSkipsWhatIsOnScreen() {
    TemporaryProject project;
    project.addComparisons(2);
    LabelSession session(*project, project.annotator());
    const Question first = *session.next();
    const Question second = *session.next(first.comparison.id);
    QVERIFY(first.comparison.id != second.comparison.id);
    QCOMPARE(session.next()->comparison.id, first.comparison.id);
    session.answer(first, {.screen = 1});
    QVERIFY(!session.next(second.comparison.id));
    QCOMPARE(session.next()->comparison.id, second.comparison.id);
}

void TestLabelSession::sidesAreBalancedAndStable() {
    const QString annotator = newId();
    int left = 0, agree = 0;
    const int number = 4000;
    for (int i = 0; i < number; ++i) {
        const QString comparison = newId();
        const bool first = firstOnLeft(comparison, annotator);
        left += first;
        agree += first == firstOnLeft(comparison, QStringLiteral("another"));
    }
    // Six standard deviations of a fair coin: 6 · √4000 / 2 = 190.
    QVERIFY2(std::abs(left - number / 2) < 190, qPrintable(QString::number(left)));
    QVERIFY2(std::abs(agree - number / 2) < 190, qPrintable(QString::number(agree)));
    // A coin of a comparison must not change from version to version.
    QCOMPARE(firstOnLeft("0192f0c1-0000-7000-8000-000000000001", "0192f0c1-0000-7000-8000-0000000000aa"), false);
    QCOMPARE(firstOnLeft("0192f0c1-0000-7000-8000-000000000002", "0192f0c1-0000-7000-8000-0000000000aa"), true);
}

void TestLabelSession::answerIsStoredWithItsSide() {
    TemporaryProject project;
    project.addComparisons(20);
    const QString annotator = project.annotator();
    LabelSession session(*project, annotator);
    std::set<bool> seen;
    while (const std::optional<Question> question = session.next()) {
        const QString id = session.answer(*question, {.screen = 3, .activeSeconds = 2.5, .rationale = "warm"});
        const Judgement stored = *Judgements(*project).find(id);
        QCOMPARE(stored.firstOnLeft, question->firstOnLeft);
        QCOMPARE(stored.score, question->firstOnLeft ? 3 : -3);
        QCOMPARE(stored.activeSeconds, 2.5);
        QCOMPARE(stored.rationale, "warm");
        QCOMPARE(question->left.id, question->comparison.completionIds[question->firstOnLeft ? 0 : 1]);
        QCOMPARE(question->prompt.id, question->comparison.promptId);
        seen.insert(question->firstOnLeft);
    }
    QCOMPARE(seen.size(), 2u);
}

void TestLabelSession::undoReopensWithTheAnswer() {
    TemporaryProject project;
    project.addComparisons(3);
    const QString annotator = project.annotator();
    LabelSession session(*project, annotator);
    QVERIFY(!session.undo());
    const Question first = *session.next();
    session.answer(first, {.screen = 1});
    const Question second = *session.next();
    session.answer(second, {.screen = -3});
    QCOMPARE(session.progress().answered, 2);

    const Question reopened = *session.undo();
    QCOMPARE(reopened.comparison.id, second.comparison.id);
    QCOMPARE(reopened.left.id, second.left.id);
    QCOMPARE(reopened.previous->screen, -3);
    QCOMPARE(session.progress().answered, 1);
    QCOMPARE(session.undo()->comparison.id, first.comparison.id);
    QVERIFY(!session.undo());
    QCOMPARE(session.progress().answered, 0);
    QVERIFY(Judgements(*project).labelledPairs().isEmpty());

    session.answer(reopened, {.screen = 2});
    QCOMPARE(Judgements(*project).current(second.comparison.id, annotator)->screen, 2);
    QCOMPARE(answerAll(*project, annotator).size(), 2);
}

void TestLabelSession::undoAcrossSessions() {
    TemporaryProject project;
    project.addComparisons(2);
    const QString annotator = project.annotator();
    const Question question = *LabelSession(*project, annotator).next();
    LabelSession(*project, annotator).answer(question, {.outcome = Outcome::BothBad});
    project.reopen();
    const Question reopened = *LabelSession(*project, annotator).undo();
    QCOMPARE(reopened.comparison.id, question.comparison.id);
    QVERIFY(reopened.previous->outcome == Outcome::BothBad);
    QCOMPARE(LabelSession(*project, annotator).progress().answered, 0);
}

void TestLabelSession::newComparisonsJoin() {
    TemporaryProject project;
    project.addComparisons(1);
    const QString annotator = project.annotator();
    QCOMPARE(answerAll(*project, annotator).size(), 1);
    project.addComparison(project.addPrompt("added here"), "a", "b");
    const auto other = Project::open(project.path());
    const QString prompt = Prompts(*other).add("\"added there\"", Split::Train, "");
    Comparison comparison{.promptId = prompt};
    for (const char* text : {"a", "b"}) {
        Completion completion{.promptId = prompt, .text = text};
        comparison.completionIds << Completions(*other).add(completion);
    }
    Comparisons(*other).add(comparison);
    QCOMPARE(LabelSession(*project, annotator).progress().total, 3);
    QCOMPARE(answerAll(*project, annotator).size(), 2);
}

void TestLabelSession::answersGivenElsewhereAreNotAskedAgain() {
    TemporaryProject project;
    project.addComparisons(10);
    const QString annotator = project.annotator();
    LabelSession session(*project, annotator);
    const QString first = session.next()->comparison.id;
    const auto other = Project::open(project.path());
    answerAll(*other, annotator);
    QVERIFY(!session.next());
    QCOMPARE(session.progress().answered, 10);
    QCOMPARE(Judgements(*project).current(first, annotator)->screen, 1);
}

void TestLabelSession::withdrawalsElsewhereAreAskedAgain() {
    TemporaryProject project;
    project.addComparisons(3);
    const QString annotator = project.annotator();
    answerAll(*project, annotator);
    const auto other = Project::open(project.path());
    const QString undone = LabelSession(*other, annotator).undo()->comparison.id;
    QCOMPARE(LabelSession(*project, annotator).next()->comparison.id, undone);
}

void TestLabelSession::readsFewRowsAnAnswer() {
    // The queue is read once: a later session on the same connection finds it, whatever its size.
    TemporaryProject project;
    project.addComparisons(50);
    const QString annotator = project.annotator();
    const LabelQueue* queue = LabelQueue::of(*project, annotator).get();
    const Question question = *LabelSession(*project, annotator).next();
    LabelSession(*project, annotator).answer(question, {.screen = 1});
    QCOMPARE(LabelQueue::of(*project, annotator).get(), queue);
    QCOMPARE(queue->unanswered(), 49);
    QCOMPARE(queue->total(), 50);
}

void TestLabelSession::countsWhatIsServed() {
    TemporaryProject project;
    const QStringList ids = project.addComparisons(5);
    const auto add = [&](const QString& purpose, int size) {
        Comparison comparison{.promptId = project.addPrompt(purpose + QString::number(size)), .purpose = purpose};
        for (int i = 0; i < size; ++i) {
            comparison.completionIds << project.addCompletion(comparison.promptId, QString::number(i));
        }
        return Comparisons(*project).add(comparison);
    };
    const QString evaluation = add("evaluation", 2);
    add("training", 3);
    const QString annotator = project.annotator();
    LabelSession session(*project, annotator);
    QCOMPARE(session.progress().total, 5);
    QCOMPARE(Comparisons(*project).countToLabel(), 5);
    const QStringList served = answerAll(*project, annotator);
    QCOMPARE(QSet<QString>(served.begin(), served.end()), QSet<QString>(ids.begin(), ids.end()));
    QCOMPARE(session.progress().answered, 5);

    // An answer to another comparison, come from elsewhere, neither counts nor, taken back, adds to what is asked.
    Judgements(*project).append({.comparisonId = evaluation, .annotatorId = annotator, .screen = 1});
    QCOMPARE(session.undo()->comparison.id, evaluation);
    QCOMPARE(session.progress().answered, 5);
    QCOMPARE(session.progress().total, 5);
    QVERIFY(!session.next());
}

void TestLabelSession::theSameAnswerTriedTwiceIsStoredOnce() {
    TemporaryProject project;
    project.addComparisons(2);
    const QString annotator = project.annotator();
    LabelSession session(*project, annotator);
    const Question question = *session.next();
    const Answer answer{.screen = 2, .id = newId()};
    QCOMPARE(session.answer(question, answer), answer.id);
    QCOMPARE(session.answer(question, answer), answer.id);
    QCOMPARE(Judgements(*project).counts().total(), 1);
    QCOMPARE(Judgements(*project).current(question.comparison.id, annotator)->supersedes, QString());
    QCOMPARE(session.progress().answered, 1);
}

QTEST_GUILESS_MAIN(TestLabelSession)
#include "tst_label_session.moc"
