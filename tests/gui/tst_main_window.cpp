#include <QAbstractButton>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLabel>
#include <QMenuBar>
#include <QPlainTextEdit>
#include <QSemaphore>
#include <QSet>
#include <QSignalSpy>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTest>
#include <atomic>

#include "core/project/annotators.h"
#include "tests/gui/gui_support.h"
#include "tests/support/unprivileged.h"
#include "ui/pages/main_window.h"
#include "ui/pages/overview_page.h"
#include "ui/pages/page.h"

using namespace prefbench;
using pages::MainWindow;
using pages::OverviewPage;

namespace {

bool opens(MainWindow& window, const QString& path) {
    QSignalSpy opened(&window.workbench(), &pages::Workbench::projectOpened);
    window.openProject(path);
    return opened.wait();
}

/// Every visible line of text in the window.
QString visibleText(const QWidget& window) {
    QStringList lines;
    for (const QLabel* label : window.findChildren<QLabel*>()) {
        if (label->isVisible()) {
            lines << label->text();
        }
    }
    return lines.join(u'\n');
}

void write(const QString& path, const QByteArray& content) {
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(content);
}

}  // namespace

class TestMainWindow : public QObject {
    Q_OBJECT

  private slots:
    void opensAndClosesProjects();
    void reopensTheLastProject();
    void newerFileIsReadOnlyWithABanner();
    void noButtonTakesAMenusKey();
    void closingDoesNotWaitForTheStore();
    void missingFileIsAnErrorInPlace();
    void readOnlyFolderIsAnErrorInPlace();
    void anOpenProjectSurvivesAFailedOpen();
    void importReportsBadLines();
    void exportsLabelledPairs();
    void exportWithoutLabelsSaysSo();
    void overviewSuggestsTheNextStep_data();
    void overviewSuggestsTheNextStep();
    void textSizeIsRemembered();
};

void TestMainWindow::opensAndClosesProjects() {
    GuiWorkplace place;
    MainWindow window;
    window.show();
    QVERIFY(visibleText(window).contains(QStringLiteral("Welcome")));
    QVERIFY(opens(window, place.makeProject(3)));
    QVERIFY(window.windowTitle().startsWith(QStringLiteral("test")));
    QVERIFY(QTest::qWaitFor([&] { return visibleText(window).contains(QStringLiteral("Comparisons")); }));
    window.showPage(QStringLiteral("label"));
    QCOMPARE(window.currentPage(), window.page(QStringLiteral("label")));
    window.workbench().closeProject();
    QVERIFY(!window.workbench().isOpen());
}

void TestMainWindow::reopensTheLastProject() {
    GuiWorkplace place;
    const QString path = place.makeProject(2);
    {
        MainWindow window;
        window.show();
        QVERIFY(opens(window, path));
        window.close();
    }
    MainWindow again;
    QSignalSpy opened(&again.workbench(), &pages::Workbench::projectOpened);
    again.openLast();
    QVERIFY(opened.wait());
    QCOMPARE(again.workbench().projectPath(), path);
}

void TestMainWindow::noButtonTakesAMenusKey() {
    GuiWorkplace place;
    MainWindow window;
    QSet<QKeySequence> menus;
    for (const QAction* menu : window.menuBar()->actions()) {
        menus << QKeySequence::mnemonic(menu->text());
    }
    QCOMPARE(menus.size(), window.menuBar()->actions().size());
    for (const QWidget* page : window.findChildren<pages::Page*>()) {
        QStringList texts;
        for (const QAbstractButton* button : page->findChildren<QAbstractButton*>()) {
            texts << button->text();
        }
        for (const QLabel* label : page->findChildren<QLabel*>()) {
            texts << (label->buddy() ? label->text() : QString());
        }
        for (const QString& text : std::as_const(texts)) {
            QVERIFY2(!menus.contains(QKeySequence::mnemonic(text)), qPrintable(text));
        }
    }
}

void TestMainWindow::closingDoesNotWaitForTheStore() {
    GuiWorkplace place;
    const QString path = place.makeProject(2);
    MainWindow window;
    window.openProject(path);
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench().isOpen(), 30000);
    QSemaphore begin, busy;
    std::atomic<bool> ended = false, heard = false;
    window.workbench().store().run(
        [&](project::Project&) {
            begin.release();
            busy.tryAcquire(1, 3000);
            ended = true;
        },
        &window, [&] { heard = true; });
    begin.acquire();
    window.workbench().closeProject();
    QVERIFY(!ended);
    busy.release();
    window.openProject(path);
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench().isOpen() && ended, 30000);
    QVERIFY(!heard);
}

void TestMainWindow::newerFileIsReadOnlyWithABanner() {
    GuiWorkplace place;
    const QString path = place.makeProject(2);
    {
        const auto project = project::Project::open(path);
        QVERIFY(QSqlQuery(project->database()).exec(QStringLiteral("PRAGMA user_version = 9999")));
    }
    MainWindow window;
    window.show();
    QVERIFY(opens(window, path));
    QVERIFY(window.workbench().isReadOnly());
    QVERIFY2(window.noticeText().contains(QStringLiteral("newer")), qPrintable(window.noticeText()));
}

void TestMainWindow::missingFileIsAnErrorInPlace() {
    GuiWorkplace place;
    MainWindow window;
    window.show();
    QSignalSpy failed(&window.workbench(), &pages::Workbench::openFailed);
    window.openProject(place.file(QStringLiteral("gone.prefbench")));
    QVERIFY(failed.wait());
    QVERIFY2(visibleText(window).contains(QStringLiteral("gone.prefbench")), qPrintable(visibleText(window)));
    QVERIFY(!window.workbench().isOpen());
}

void TestMainWindow::readOnlyFolderIsAnErrorInPlace() {
    GuiWorkplace place;
    const QString path = place.makeProject(2);
    const QString folder = QFileInfo(path).path();
    const auto enter =
        QFile::ReadOwner | QFile::ExeOwner | QFile::ReadGroup | QFile::ExeGroup | QFile::ReadOther | QFile::ExeOther;
    QVERIFY(QFile::setPermissions(folder, enter));
    {
        Unprivileged unprivileged;
        MainWindow window;
        window.show();
        QSignalSpy failed(&window.workbench(), &pages::Workbench::openFailed);
        window.openProject(path);
        QVERIFY(failed.wait());
        const QString text = visibleText(window);
        QVERIFY2(text.contains(path) && text.contains(QStringLiteral("folder is read-only. Copy the project")),
                 qPrintable(text));
        QVERIFY(!window.workbench().isOpen());
    }
    QVERIFY(QFile::setPermissions(folder, enter | QFile::WriteOwner));
}

void TestMainWindow::anOpenProjectSurvivesAFailedOpen() {
    GuiWorkplace place;
    const QString path = place.makeProject(2);
    write(place.file(QStringLiteral("text.prefbench")), "not a project at all, only some text");
    MainWindow window;
    window.show();
    QVERIFY(opens(window, path));
    QSignalSpy failed(&window.workbench(), &pages::Workbench::openFailed);
    window.openProject(place.file(QStringLiteral("text.prefbench")));
    QVERIFY(failed.wait());
    QCOMPARE(window.workbench().projectPath(), path);
    QVERIFY2(window.noticeText().contains(QStringLiteral("text.prefbench")), qPrintable(window.noticeText()));
}

void TestMainWindow::importReportsBadLines() {
    GuiWorkplace place;
    write(place.file(QStringLiteral("prompts.jsonl")), "{\"prompt\": \"One\"}\n{broken\n{\"prompt\": \"Two\"}\n");
    MainWindow window;
    window.show();
    QVERIFY(opens(window, place.makeProject(0)));
    window.importFrom(place.file(QStringLiteral("prompts.jsonl")));
    QVERIFY(QTest::qWaitFor([&] { return !window.noticeText().isEmpty(); }));
    const auto* details = window.findChild<QPlainTextEdit*>();
    QVERIFY(details);
    bool named = false;
    for (const auto* text : window.findChildren<QPlainTextEdit*>()) {
        named = named || text->toPlainText().startsWith(QStringLiteral("Line 2"));
    }
    QVERIFY(named);
    qint64 prompts = -1;
    window.workbench().store().run([](project::Project& project) { return project::Prompts(project).count(); }, &window,
                                   [&](qint64 count) { prompts = count; });
    QTRY_COMPARE(prompts, 2);
}

void TestMainWindow::exportsLabelledPairs() {
    GuiWorkplace place;
    const QString path = place.makeProject(1);
    {
        const auto project = project::Project::open(path);
        project::Judgement judgement;
        judgement.comparisonId = project::Comparisons(*project).page().first().id;
        judgement.annotatorId =
            project::Annotators(*project).ensure(QStringLiteral("Ada"), project::AnnotatorKind::Human);
        judgement.screen = -2;
        project::Judgements(*project).append(judgement);
    }
    MainWindow window;
    window.show();
    QVERIFY(opens(window, path));
    const QString file = place.file(QStringLiteral("pairs.jsonl"));
    window.exportPairsTo(file);
    QVERIFY(QTest::qWaitFor([&] { return QFile::exists(file) && !window.noticeText().isEmpty(); }));
    QFile written(file);
    QVERIFY(written.open(QIODevice::ReadOnly));
    const QJsonObject row = QJsonDocument::fromJson(written.readLine()).object();
    QCOMPARE(row.value(QStringLiteral("chosen")).toString(), QStringLiteral("Answer B of 0"));
    QCOMPARE(row.value(QStringLiteral("rejected")).toString(), QStringLiteral("Answer A of 0"));
}

void TestMainWindow::exportWithoutLabelsSaysSo() {
    GuiWorkplace place;
    MainWindow window;
    window.show();
    QVERIFY(opens(window, place.makeProject(1)));
    window.exportPairsTo(place.file(QStringLiteral("pairs.jsonl")));
    QVERIFY(QTest::qWaitFor([&] { return !window.noticeText().isEmpty(); }));
    QVERIFY(!QFile::exists(place.file(QStringLiteral("pairs.jsonl"))));
}

void TestMainWindow::overviewSuggestsTheNextStep_data() {
    QTest::addColumn<qint64>("prompts");
    QTest::addColumn<qint64>("comparisons");
    QTest::addColumn<qint64>("decided");
    QTest::addColumn<qint64>("runs");
    QTest::addColumn<QString>("page");
    QTest::newRow("nothing") << 0LL << 0LL << 0LL << 0LL << "import";
    QTest::newRow("prompts") << 500LL << 0LL << 0LL << 0LL << "sample";
    QTest::newRow("comparisons") << 500LL << 200LL << 5LL << 0LL << "label";
    QTest::newRow("labels") << 500LL << 200LL << 40LL << 0LL << "train";
    QTest::newRow("all of few labelled") << 500LL << 10LL << 10LL << 0LL << "train";
    QTest::newRow("a run") << 500LL << 200LL << 40LL << 1LL << "label";
    QTest::newRow("everything") << 500LL << 200LL << 200LL << 1LL << "train";
}

void TestMainWindow::overviewSuggestsTheNextStep() {
    QFETCH(qint64, prompts);
    QFETCH(qint64, comparisons);
    QFETCH(qint64, decided);
    QFETCH(qint64, runs);
    OverviewPage::Figures figures;
    figures.prompts = prompts;
    figures.comparisons = figures.toLabel = comparisons;
    figures.labels.decided = decided;
    figures.runs = figures.runsFinished = runs;
    QTEST(OverviewPage::nextStep(figures).page, "page");
}

void TestMainWindow::textSizeIsRemembered() {
    GuiWorkplace place;
    {
        MainWindow window;
        window.workbench().setTextScale(1.5);
    }
    MainWindow again;
    QCOMPARE(again.workbench().textScale(), 1.5);
}

QTEST_MAIN(TestMainWindow)
#include "tst_main_window.moc"
