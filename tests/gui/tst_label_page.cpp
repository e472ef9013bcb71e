#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QScrollBar>
#include <QSemaphore>
#include <QSignalSpy>
#include <QSqlQuery>
#include <QTest>

#include "core/project/annotators.h"
#include "tests/gui/gui_support.h"
#include "ui/pages/label_page.h"
#include "ui/widgets/compared_texts.h"
#include "ui/widgets/key_hint.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/reading_text.h"

using namespace prefbench;
using pages::LabelPage;
using pages::Workbench;
using widgets::AnswerCommand;

namespace {

/// The page in a window of its own on an open project, with a clock that the test moves.
class Bench {
  public:
    explicit Bench(const QString& path) : page(workbench, nullptr, [this] { return milliseconds; }) {
        QObject::connect(&workbench, &Workbench::projectOpened, &page, [this] { page.projectOpened(); });
        QObject::connect(&workbench, &Workbench::projectClosed, &page, [this] { page.projectClosed(); });
        page.resize(1000, 700);
        page.show();
        page.activateWindow();
        workbench.openProject(path);
    }
    ~Bench() { workbench.closeProject(); }

    bool become(LabelPage::State state) {
        return QTest::qWaitFor([&] { return page.state() == state; });
    }
    /// Types the annotator's name and waits for the first question.
    bool start() {
        if (!QTest::qWaitForWindowActive(&page) || !become(LabelPage::State::NeedsName)) {
            return false;
        }
        auto* edit = page.findChild<QLineEdit*>(QStringLiteral("annotatorName"));
        edit->setText(QStringLiteral("Ada"));
        QTest::keyClick(edit, Qt::Key_Return);
        if (!become(LabelPage::State::Asking)) {
            return false;
        }
        page.activated();
        return true;
    }
    void press(Qt::Key key) {
        QWidget* focus = QApplication::focusWidget();
        QTest::keyClick(focus ? focus : &page, key);
    }
    bool settle() {
        return QTest::qWaitFor([&] { return !page.isSaving(); });
    }
    QString asked() const { return page.question() ? page.question()->comparison.id : QString(); }

    /// Runs on the store's thread and waits.
    template <class Job>
    void onStore(Job job) {
        bool done = false;
        workbench.store().run([&](project::Project& project) { job(project); }, &page, [&] { done = true; });
        QVERIFY(QTest::qWaitFor([&] { return done; }));
    }
    void execute(const char* statement) {
        onStore(
            [&](project::Project& project) { QVERIFY(QSqlQuery(project.database()).exec(QLatin1String(statement))); });
    }
    qint64 judgements() {
        qint64 count = -1;
        onStore([&](project::Project& project) {
            QSqlQuery query(QStringLiteral("SELECT count(*) FROM judgements"), project.database());
            count = query.next() ? query.value(0).toLongLong() : -1;
        });
        return count;
    }
    QString visibleText() const {
        QStringList texts;
        for (const QLabel* label : page.findChildren<QLabel*>()) {
            if (label->isVisible()) {
                texts << label->text();
            }
        }
        return texts.join(u'\n');
    }
    static QPushButton* buttonOf(const QWidget* parent) {
        for (QPushButton* button : parent->findChildren<QPushButton*>()) {
            if (button->isVisible()) {
                return button;
            }
        }
        return nullptr;
    }
    std::optional<project::Judgement> current(const QString& comparison) {
        std::optional<project::Judgement> found;
        onStore([&](project::Project& project) {
            const QString annotator =
                project::Annotators(project).ensure(QStringLiteral("Ada"), project::AnnotatorKind::Human);
            found = project::Judgements(project).current(comparison, annotator);
        });
        return found;
    }

    qint64 milliseconds = 0;
    Workbench workbench;
    LabelPage page;
};

}  // namespace

class TestLabelPage : public QObject {
    Q_OBJECT

  private slots:
    void everyKeyStoresItsAnswerOnTheRightSide();
    void nextIsPaintedAtOnceAndTheNextAnswerWaitsForSaved();
    void undoReopensWithTheAnswerShown();
    void undoOfTheLastAnswerAfterAllIsDone();
    void keysAreInertWhileTypingTheReason();
    void aHeldKeyIsOneAnswer();
    void keysOfOtherLayoutsCountByPlace();
    void clockCountsActiveSecondsOnly();
    void aFailedSaveOffersTheAnswerAgain();
    void aFullDiskIsSaidAndNothingIsLost();
    void savedThoughTheFollowingQuestionIsUnreadable();
    void savedThoughTheNextQuestionIsUnreadable();
    void anUndoThatFailsAfterTheLastAnswerIsSaid();
    void statesOfEmptyAndDone();
    void onlyEvaluationIsNothingToAsk();
    void annotatorIsRememberedPerProject();
    void markupIsShownAsText();
    void conversationsSayWhoSpeaks();
    void nothingTellsTheOrigin();
};

void TestLabelPage::everyKeyStoresItsAnswerOnTheRightSide() {
    GuiWorkplace place;
    Bench bench(place.makeProject(11));
    QVERIFY(bench.start());
    const struct {
        Qt::Key key;
        project::Outcome outcome;
        int screen;
    } answers[] = {{Qt::Key_1, project::Outcome::Score, 3},      {Qt::Key_2, project::Outcome::Score, 2},
                   {Qt::Key_3, project::Outcome::Score, 1},      {Qt::Key_4, project::Outcome::Score, 0},
                   {Qt::Key_5, project::Outcome::Score, -1},     {Qt::Key_6, project::Outcome::Score, -2},
                   {Qt::Key_7, project::Outcome::Score, -3},     {Qt::Key_Left, project::Outcome::Score, 2},
                   {Qt::Key_Right, project::Outcome::Score, -2}, {Qt::Key_B, project::Outcome::BothBad, 0},
                   {Qt::Key_S, project::Outcome::Skip, 0}};
    for (const auto& answer : answers) {
        QVERIFY(bench.page.question().has_value());
        const labelling::Question question = *bench.page.question();
        auto* texts = bench.page.findChild<widgets::ComparedTexts*>();
        QCOMPARE(texts->left()->toPlainText(), question.left.text);
        QCOMPARE(texts->right()->toPlainText(), question.right.text);
        QCOMPARE(question.left.id, question.comparison.completionIds[question.firstOnLeft ? 0 : 1]);
        bench.milliseconds += 2500;
        bench.press(answer.key);
        QVERIFY(bench.settle());
        const auto stored = bench.current(question.comparison.id);
        QVERIFY(stored.has_value());
        QCOMPARE(stored->outcome, answer.outcome);
        QCOMPARE(stored->screen, answer.screen);
        QCOMPARE(stored->score, question.firstOnLeft ? answer.screen : -answer.screen);
        QCOMPARE(stored->activeSeconds, 2.5);
    }
    QVERIFY(bench.become(LabelPage::State::AllDone));
}

void TestLabelPage::nextIsPaintedAtOnceAndTheNextAnswerWaitsForSaved() {
    GuiWorkplace place;
    Bench bench(place.makeProject(4));
    QVERIFY(bench.start());
    QSignalSpy saving(&bench.workbench, &Workbench::savingChanged);
    QSemaphore started, proceed;
    bench.workbench.store().run(
        [&](project::Project&) {
            started.release();
            proceed.acquire();
        },
        &bench.page, [] {});
    started.acquire();
    const QString first = bench.asked();
    bench.press(Qt::Key_1);
    // The disk has not answered, yet the next question is on screen and what was chosen leaves its trace.
    const QString second = bench.asked();
    QVERIFY(!second.isEmpty());
    QVERIFY(second != first);
    QVERIFY(bench.page.isSaving());
    QCOMPARE(saving.last().first().toBool(), true);
    auto* bar = bench.page.findChild<widgets::AnswerBar*>();
    QVERIFY(bar->button({AnswerCommand::Kind::Score, 3})->isFlashing());
    bench.press(Qt::Key_7);
    QCOMPARE(bench.asked(), second);
    proceed.release();
    QVERIFY(bench.settle());
    QCOMPARE(saving.last().first().toBool(), false);
    QCOMPARE(bench.asked(), second);
    QVERIFY(!bench.current(second).has_value());
    QCOMPARE(bench.current(first)->screen, 3);
    bench.press(Qt::Key_7);
    QVERIFY(bench.settle());
    QCOMPARE(bench.current(second)->screen, -3);
}

void TestLabelPage::undoReopensWithTheAnswerShown() {
    GuiWorkplace place;
    Bench bench(place.makeProject(3));
    QVERIFY(bench.start());
    const QString first = bench.asked();
    bench.press(Qt::Key_2);
    QVERIFY(bench.settle());
    const QString second = bench.asked();
    bench.press(Qt::Key_U);
    QVERIFY(bench.settle());
    QCOMPARE(bench.asked(), first);
    auto* bar = bench.page.findChild<widgets::AnswerBar*>();
    QVERIFY(bar->button({AnswerCommand::Kind::Score, 2})->isMarked());
    QVERIFY(!bench.current(first).has_value());
    bench.press(Qt::Key_6);
    QVERIFY(bench.settle());
    QCOMPARE(bench.current(first)->screen, -2);
    QCOMPARE(bench.asked(), second);
    QVERIFY(!bar->button({AnswerCommand::Kind::Score, 2})->isMarked());
}

void TestLabelPage::undoOfTheLastAnswerAfterAllIsDone() {
    GuiWorkplace place;
    Bench bench(place.makeProject(1));
    QVERIFY(bench.start());
    const QString only = bench.asked();
    bench.press(Qt::Key_4);
    QVERIFY(bench.become(LabelPage::State::AllDone));
    QVERIFY(bench.settle());
    bench.press(Qt::Key_U);
    QVERIFY(bench.become(LabelPage::State::Asking));
    QCOMPARE(bench.asked(), only);
}

void TestLabelPage::keysAreInertWhileTypingTheReason() {
    GuiWorkplace place;
    Bench bench(place.makeProject(2));
    QVERIFY(bench.start());
    const QString first = bench.asked();
    bench.press(Qt::Key_R);
    QVERIFY(QApplication::focusWidget());
    QTest::keyClicks(QApplication::focusWidget(), QStringLiteral("7 bus stops, u see"));
    QCOMPARE(bench.asked(), first);
    QVERIFY(!bench.page.isSaving());
    bench.press(Qt::Key_Return);
    bench.press(Qt::Key_3);
    QVERIFY(bench.settle());
    const auto stored = bench.current(first);
    QVERIFY(stored.has_value());
    QCOMPARE(stored->screen, 1);
    QCOMPARE(stored->rationale, QStringLiteral("7 bus stops, u see"));
}

void TestLabelPage::aHeldKeyIsOneAnswer() {
    GuiWorkplace place;
    Bench bench(place.makeProject(3));
    QVERIFY(bench.start());
    const QString first = bench.asked();
    QKeyEvent repeated(QEvent::KeyPress, Qt::Key_1, Qt::NoModifier, QStringLiteral("1"), true);
    QApplication::sendEvent(QApplication::focusWidget(), &repeated);
    QCOMPARE(bench.asked(), first);
    QVERIFY(!bench.page.isSaving());
}

void TestLabelPage::keysOfOtherLayoutsCountByPlace() {
    // The key left of "ь" on a Russian keyboard is S's place; its letter is not Latin.
    const QKeyEvent cyrillic(QEvent::KeyPress, 0x042B, Qt::NoModifier, 39, 0, 0, QStringLiteral("ы"));
    QCOMPARE(widgets::answerCommand(cyrillic), (AnswerCommand{AnswerCommand::Kind::Skip, 0}));
    // The first of the digit row on a French keyboard.
    const QKeyEvent french(QEvent::KeyPress, Qt::Key_Ampersand, Qt::NoModifier, 10, 0, 0, QStringLiteral("&"));
    QCOMPARE(widgets::answerCommand(french), (AnswerCommand{AnswerCommand::Kind::Score, 3}));
    // A Latin letter is meant as it is written, wherever it stands (Dvorak's U is on the place of F).
    const QKeyEvent dvorak(QEvent::KeyPress, Qt::Key_U, Qt::NoModifier, 41, 0, 0, QStringLiteral("u"));
    QCOMPARE(widgets::answerCommand(dvorak), (AnswerCommand{AnswerCommand::Kind::Undo, 0}));
    const QKeyEvent eight(QEvent::KeyPress, Qt::Key_8, Qt::NoModifier, 17, 0, 0, QStringLiteral("8"));
    QVERIFY(!widgets::answerCommand(eight));
    const QKeyEvent withControl(QEvent::KeyPress, Qt::Key_S, Qt::ControlModifier, 39, 0, 0);
    QVERIFY(!widgets::answerCommand(withControl));
}

void TestLabelPage::clockCountsActiveSecondsOnly() {
    GuiWorkplace place;
    Bench bench(place.makeProject(2));
    QVERIFY(bench.start());
    const QString first = bench.asked();
    bench.milliseconds += 5000;
    QCOMPARE(bench.page.activeSeconds(), 5.0);
    // An hour without a key: 60 s of it count.
    bench.press(Qt::Key_Shift);
    bench.milliseconds += 3'600'000;
    QCOMPARE(bench.page.activeSeconds(), 65.0);
    bench.press(Qt::Key_Shift);
    bench.milliseconds += 2000;
    QCOMPARE(bench.page.activeSeconds(), 67.0);
    // Another window has the focus.
    QEvent away(QEvent::WindowDeactivate);
    QApplication::sendEvent(&bench.page, &away);
    bench.milliseconds += 20'000;
    QCOMPARE(bench.page.activeSeconds(), 67.0);
    QEvent back(QEvent::WindowActivate);
    QApplication::sendEvent(&bench.page, &back);
    bench.milliseconds += 1000;
    QCOMPARE(bench.page.activeSeconds(), 68.0);
    bench.press(Qt::Key_1);
    QVERIFY(bench.settle());
    QCOMPARE(bench.current(first)->activeSeconds, 68.0);
    QCOMPARE(bench.page.activeSeconds(), 0.0);
}

void TestLabelPage::aFailedSaveOffersTheAnswerAgain() {
    GuiWorkplace place;
    Bench bench(place.makeProject(3));
    QVERIFY(bench.start());
    const QString first = bench.asked();
    bench.onStore(
        [](project::Project& project) { QSqlQuery(project.database()).exec(QStringLiteral("PRAGMA query_only = 1")); });
    bench.press(Qt::Key_1);
    const QString second = bench.asked();
    QVERIFY(bench.settle());
    QCOMPARE(bench.asked(), first);
    auto* notice = bench.page.findChild<widgets::NoticeBar*>();
    QVERIFY(notice->isVisible());
    QVERIFY(!notice->text().isEmpty());
    auto* bar = bench.page.findChild<widgets::AnswerBar*>();
    QVERIFY(bar->button({AnswerCommand::Kind::Score, 3})->isMarked());
    bench.onStore(
        [](project::Project& project) { QSqlQuery(project.database()).exec(QStringLiteral("PRAGMA query_only = 0")); });
    bench.press(Qt::Key_2);
    QVERIFY(bench.settle());
    QCOMPARE(bench.current(first)->screen, 2);
    QCOMPARE(bench.asked(), second);
    QVERIFY(!notice->isVisible());
}

void TestLabelPage::aFullDiskIsSaidAndNothingIsLost() {
    GuiWorkplace place;
    Bench bench(place.makeProject(3));
    QVERIFY(bench.start());
    bench.press(Qt::Key_1);
    QVERIFY(bench.settle());
    // No page more than there are: SQLite answers as on a full disk.
    bench.onStore([](project::Project& project) {
        QSqlQuery query(QStringLiteral("PRAGMA page_count"), project.database());
        QVERIFY(query.next());
        const int pages = query.value(0).toInt();
        query.finish();
        QVERIFY(query.exec(QStringLiteral("PRAGMA max_page_count = %1").arg(pages)));
    });
    const QString second = bench.asked();
    const QString reason(30000, u'x');
    bench.press(Qt::Key_R);
    bench.page.findChild<QLineEdit*>(QStringLiteral("reason"))->setMaxLength(100000);
    bench.page.findChild<QLineEdit*>(QStringLiteral("reason"))->setText(reason);
    bench.press(Qt::Key_Return);
    bench.press(Qt::Key_2);
    QVERIFY(bench.settle());
    auto* notice = bench.page.findChild<widgets::NoticeBar*>();
    QVERIFY(notice->isVisible());
    for (const char* part : {"not saved yet", "the disk is full", "test.prefbench", "before it are safe"}) {
        QVERIFY2(notice->text().contains(QLatin1String(part)), qPrintable(notice->text()));
    }
    QVERIFY(!notice->text().contains(u'\n'));
    QCOMPARE(bench.asked(), second);
    QCOMPARE(bench.judgements(), 1);
    bench.execute("PRAGMA max_page_count = 1000000");
    bench.buttonOf(notice)->click();
    QVERIFY(bench.settle());
    QCOMPARE(bench.judgements(), 2);
    QCOMPARE(bench.current(second)->screen, 2);
    QCOMPARE(bench.current(second)->rationale, reason);
}

void TestLabelPage::savedThoughTheFollowingQuestionIsUnreadable() {
    GuiWorkplace place;
    Bench bench(place.makeProject(4));
    QVERIFY(bench.start());
    QSignalSpy saving(&bench.workbench, &Workbench::savingChanged);
    const QString first = bench.asked();
    bench.execute("ALTER TABLE prompts RENAME TO hidden");
    bench.press(Qt::Key_1);
    const QString second = bench.asked();
    QVERIFY(bench.settle());
    QCOMPARE(saving.last().at(1).toString(), QString());
    QCOMPARE(bench.asked(), second);
    auto* notice = bench.page.findChild<widgets::NoticeBar*>();
    QVERIFY(notice->isVisible());
    QVERIFY2(notice->text().startsWith(QStringLiteral("Your answer is saved.")), qPrintable(notice->text()));
    QVERIFY2(notice->text().contains(QStringLiteral("prompts")), qPrintable(notice->text()));
    bench.execute("ALTER TABLE hidden RENAME TO prompts");
    QCOMPARE(bench.current(first)->screen, 3);
    auto* retry = bench.buttonOf(notice);
    QVERIFY(retry);
    retry->click();
    QTRY_VERIFY(!notice->isVisible());
    QCOMPARE(bench.asked(), second);
    bench.press(Qt::Key_7);
    QVERIFY(bench.settle());
    QCOMPARE(bench.judgements(), 2);
    QCOMPARE(bench.page.state(), LabelPage::State::Asking);
}

void TestLabelPage::savedThoughTheNextQuestionIsUnreadable() {
    GuiWorkplace place;
    Bench bench(place.makeProject(3));
    QVERIFY(bench.start());
    bench.execute("ALTER TABLE prompts RENAME TO hidden");
    bench.press(Qt::Key_1);
    QVERIFY(bench.settle());
    const QString second = bench.asked();
    bench.press(Qt::Key_2);
    QVERIFY(bench.become(LabelPage::State::Error));
    QVERIFY2(bench.visibleText().contains(QStringLiteral("Your answer is saved")), qPrintable(bench.visibleText()));
    QVERIFY2(!bench.visibleText().contains(QStringLiteral("not saved")), qPrintable(bench.visibleText()));
    bench.execute("ALTER TABLE hidden RENAME TO prompts");
    for (QPushButton* button : bench.page.findChildren<QPushButton*>()) {
        if (button->isVisible() && button->text() == QLatin1String("Try again")) {
            button->click();
            break;
        }
    }
    QVERIFY(bench.become(LabelPage::State::Asking));
    QCOMPARE(bench.current(second)->screen, 2);
    QCOMPARE(bench.judgements(), 2);
}

void TestLabelPage::anUndoThatFailsAfterTheLastAnswerIsSaid() {
    GuiWorkplace place;
    Bench bench(place.makeProject(1));
    QVERIFY(bench.start());
    const QString only = bench.asked();
    bench.press(Qt::Key_4);
    QVERIFY(bench.become(LabelPage::State::AllDone));
    QVERIFY(bench.settle());
    bench.execute("PRAGMA query_only = 1");
    bench.press(Qt::Key_U);
    QVERIFY(bench.settle());
    QVERIFY2(bench.visibleText().contains(QStringLiteral("was not taken back")), qPrintable(bench.visibleText()));
    bench.execute("PRAGMA query_only = 0");
    QVERIFY(bench.current(only).has_value());
    bench.press(Qt::Key_U);
    QVERIFY(bench.become(LabelPage::State::Asking));
}

void TestLabelPage::onlyEvaluationIsNothingToAsk() {
    GuiWorkplace place;
    const QString path = place.makeProject(3);
    QVERIFY(QSqlQuery(project::Project::open(path)->database())
                .exec(QStringLiteral("UPDATE comparisons SET purpose = 'evaluation'")));
    Bench bench(path);
    QVERIFY(bench.become(LabelPage::State::Empty));
}

void TestLabelPage::statesOfEmptyAndDone() {
    GuiWorkplace place;
    Bench bench(place.makeProject(0));
    QVERIFY(bench.become(LabelPage::State::Empty));
    QSignalSpy asked(&bench.workbench, &Workbench::pageRequested);
    for (QPushButton* button : bench.page.findChildren<QPushButton*>()) {
        if (button->isVisible()) {
            button->click();
        }
    }
    QCOMPARE(asked.size(), 1);
    QCOMPARE(asked.first().first().toString(), QStringLiteral("sample"));
}

void TestLabelPage::annotatorIsRememberedPerProject() {
    GuiWorkplace place;
    const QString path = place.makeProject(3);
    {
        Bench bench(path);
        QVERIFY(bench.start());
        bench.press(Qt::Key_1);
        QVERIFY(bench.settle());
    }
    {
        Bench again(path);
        QVERIFY(again.become(LabelPage::State::Asking));
        QVERIFY(again.page.question().has_value());
    }
    Bench other(place.makeProject(1, QStringLiteral("other.prefbench")));
    QVERIFY(other.become(LabelPage::State::NeedsName));
}

void TestLabelPage::markupIsShownAsText() {
    GuiWorkplace place;
    const QString path = place.makeProject(1);
    const QString markup = QStringLiteral("<b>bold</b> <img src=\"http://example.org/x.png\"> & <script>x</script>");
    {
        const auto project = project::Project::open(path);
        QSqlQuery query(project->database());
        query.prepare(QStringLiteral("UPDATE completions SET text = ?"));
        query.addBindValue(markup);
        QVERIFY(query.exec());
    }
    Bench bench(path);
    QVERIFY(bench.start());
    auto* texts = bench.page.findChild<widgets::ComparedTexts*>();
    QCOMPARE(texts->left()->toPlainText(), markup);
    QCOMPARE(texts->right()->toPlainText(), markup);
}

void TestLabelPage::conversationsSayWhoSpeaks() {
    GuiWorkplace place;
    const QString path = place.makeProject(1);
    {
        const auto project = project::Project::open(path);
        QSqlQuery query(project->database());
        query.prepare(QStringLiteral("UPDATE prompts SET messages = ?"));
        query.addBindValue(QStringLiteral(
            R"([{"role":"user","content":"Hi <b>there</b>"},{"role":"assistant","content":"Yes?"},{"role":"user","content":"Why?"}])"));
        QVERIFY(query.exec());
    }
    Bench bench(path);
    QVERIFY(bench.start());
    QStringList shown;
    for (const auto* text : bench.page.findChildren<widgets::ReadingText*>()) {
        shown << text->toPlainText();
    }
    QVERIFY2(shown.contains(QStringLiteral("User\nHi <b>there</b>\nAssistant\nYes?\nUser\nWhy?")),
             qPrintable(shown.join(u'|')));
    for (const auto* text : bench.page.findChildren<widgets::ReadingText*>()) {
        QCOMPARE(text->verticalScrollBar()->value(), 0);
    }
}

void TestLabelPage::nothingTellsTheOrigin() {
    GuiWorkplace place;
    Bench bench(place.makeProject(1));
    QVERIFY(bench.start());
    for (const QLabel* label : bench.page.findChildren<QLabel*>()) {
        if (label->isVisible()) {
            QVERIFY2(!label->text().contains(QStringLiteral("model"), Qt::CaseInsensitive), qPrintable(label->text()));
            QVERIFY2(!label->text().contains(QStringLiteral("sampled"), Qt::CaseInsensitive),
                     qPrintable(label->text()));
        }
    }
}

QTEST_MAIN(TestLabelPage)
#include "tst_label_page.moc"
