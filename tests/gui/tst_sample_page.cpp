#include <QComboBox>
#include <QLabel>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>

#include "core/project/completions.h"
#include "tests/workbench/scratch_project.h"
#include "ui/pages/model_picker.h"
#include "ui/pages/sample/preview.h"
#include "ui/pages/sample_page.h"

using namespace prefbench;

namespace {

constexpr int patience = 30000;  // ms: for a machine that is busy with other things

struct Window {
    explicit Window(const QString& project) : page(workbench) {
        QObject::connect(&workbench, &pages::Workbench::projectOpened, &page, [this] { page.projectOpened(); });
        QObject::connect(&workbench, &pages::Workbench::projectClosed, &page, [this] { page.projectClosed(); });
        QObject::connect(&workbench, &pages::Workbench::changed, &page, [this] { page.projectChanged(); });
        page.resize(1100, 700);
        page.show();
        workbench.openProject(project);
    }
    ~Window() { workbench.closeProject(); }
    QPushButton* button(const QString& start) const {
        for (QPushButton* button : page.findChildren<QPushButton*>()) {
            if (button->isVisible() && button->text().remove(QLatin1Char('&')).startsWith(start)) {
                return button;
            }
        }
        return nullptr;
    }
    pages::Workbench workbench;
    pages::SamplePage page;
};

}  // namespace

class TestSamplePage : public QObject {
    Q_OBJECT
  private slots:
    void initTestCase();
    void buttonSaysHowManyAnswers();
    void noPromptsIsSaid();
    void brokenModelFolderIsSaidInPlace();
    void goodFolderJoinsTheModels();
    void missingEngineIsOneLine();
    void previewKeepsCardsReadable();
    void samplesWithTheRealEngine();
};

void TestSamplePage::initTestCase() {
    QCoreApplication::setOrganizationName(QStringLiteral("prefbench-test"));
    QCoreApplication::setApplicationName(QStringLiteral("tst_sample_page"));
}

void TestSamplePage::buttonSaysHowManyAnswers() {
    ScratchProject project;
    project::Transaction transaction(*project);
    for (int index = 0; index < 300; ++index) {
        project.addPrompt(QStringLiteral("prompt %1").arg(index));
    }
    transaction.commit();
    Window window(project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Sample 1,200 answers"), patience);
    QVERIFY(window.button("Sample")->isEnabled());
    for (QSpinBox* box : window.page.findChildren<QSpinBox*>()) {
        if (box->value() == 4) {
            box->setValue(2);
        }
    }
    QVERIFY(window.button("Sample 600 answers"));
}

void TestSamplePage::noPromptsIsSaid() {
    ScratchProject project;
    Window window(project.path());
    QTRY_VERIFY_WITH_TIMEOUT(([&] {
                                 for (QLabel* label : window.page.findChildren<QLabel*>()) {
                                     if (label->isVisible() && label->text() == "No prompts yet") {
                                         return true;
                                     }
                                 }
                                 return false;
                             }()),
                             patience);
    QVERIFY(!window.button("Sample")->isEnabled());
}

void TestSamplePage::brokenModelFolderIsSaidInPlace() {
    ScratchProject project;
    QTemporaryDir empty;
    Window window(project.path());
    QTRY_VERIFY_WITH_TIMEOUT(!window.page.modelPicker()->modelId().isEmpty(), patience);
    const QString before = window.page.modelPicker()->modelId();
    window.page.modelPicker()->tryFolder(empty.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.page.modelPicker()->problem().contains("config.json"), patience);
    QCOMPARE(window.page.modelPicker()->modelId(), before);
    window.page.modelPicker()->tryFolder("/nonexistent/model");
    QTRY_VERIFY_WITH_TIMEOUT(window.page.modelPicker()->problem().contains("/nonexistent/model"), patience);
}

void TestSamplePage::goodFolderJoinsTheModels() {
    ScratchProject project;
    Window window(project.path());
    QTRY_VERIFY_WITH_TIMEOUT(!window.page.modelPicker()->modelId().isEmpty(), patience);
    const QString before = window.page.modelPicker()->modelId();
    window.page.modelPicker()->tryFolder(QStringLiteral(PREFBENCH_GOLDEN_DEFAULT "/models/llama"));
    QTRY_VERIFY_WITH_TIMEOUT(window.page.modelPicker()->modelId() != before, patience);
    QTRY_VERIFY_WITH_TIMEOUT(window.page.modelPicker()->modelFolder().endsWith("/llama"), patience);
    QVERIFY(window.page.modelPicker()->problem().isEmpty());
}

void TestSamplePage::missingEngineIsOneLine() {
    ScratchProject project;
    project.addPrompt("a prompt");
    qputenv("PREFBENCH_ENGINE", "/nonexistent/prefbench-engine");
    Window window(project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Sample 4") && window.button("Sample 4")->isEnabled(), patience);
    window.page.startSampling();
    QTRY_VERIFY_WITH_TIMEOUT(window.page.notice().contains("/nonexistent/prefbench-engine"), patience);
    qunsetenv("PREFBENCH_ENGINE");
    QVERIFY(!window.page.notice().contains('\n'));
    QVERIFY(!window.page.isSampling());
    QVERIFY(window.button("Sample 4")->isEnabled());
}

void TestSamplePage::previewKeepsCardsReadable() {
    pages::SamplePreview preview;
    for (int prompt = 0; prompt < 50; ++prompt) {
        preview.append(QString::number(prompt), QStringLiteral("prompt %1").arg(prompt), 1, "second ");
        preview.append(QString::number(prompt), QStringLiteral("prompt %1").arg(prompt), 0, "first ");
    }
    QCOMPARE(preview.shown(), 5);
    preview.append("0", "prompt 0", 1, "answer");
    QCOMPARE(preview.answer(0, 0), QString("first "));
    QCOMPARE(preview.answer(0, 1), QString("second answer"));
    // A prompt that found no card does not come in with the rest of its answer.
    QTest::qWait(2100);
    preview.append("30", "prompt 30", 0, "and so it ended");
    preview.append("50", "prompt 50", 0, "a beginning");
    QStringList firsts;
    for (int card = 0; card < preview.shown(); ++card) {
        firsts << preview.answer(card, 0);
    }
    QVERIFY(!firsts.contains("and so it ended"));
    QVERIFY(firsts.contains("a beginning"));
    preview.clear();
    QCOMPARE(preview.shown(), 0);
}

void TestSamplePage::samplesWithTheRealEngine() {
    if (!QFile::exists(QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-engine"))) {
        QSKIP("this build has no engine");
    }
    qputenv("PREFBENCH_ENGINE", PREFBENCH_BIN_DIR "/prefbench-engine");
    ScratchProject project;
    for (int index = 0; index < 3; ++index) {
        project.addPrompt(QStringLiteral("The film number %1 was").arg(index));
    }
    Window window(project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Sample 12") && window.button("Sample 12")->isEnabled(), patience);
    bool toldWhileSampling = false;
    connect(&window.workbench, &pages::Workbench::changed, this,
            [&] { toldWhileSampling = toldWhileSampling || window.page.isSampling(); });
    QTest::mouseClick(window.button("Sample 12"), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(window.page.notice().contains("12 answers stored"), 60000);
    QCOMPARE(project::Completions(*project).count(), 12);
    QVERIFY2(toldWhileSampling, "pairs can be labelled before the last is drawn");
    QVERIFY(!window.page.preview()->answer(0, 0).isEmpty());
    QSignalSpy requested(&window.workbench, &pages::Workbench::pageRequested);
    QTest::mouseClick(window.button("Label"), Qt::LeftButton);
    QCOMPARE(requested.value(0).value(0).toString(), QString("label"));
    qunsetenv("PREFBENCH_ENGINE");
}

QTEST_MAIN(TestSamplePage)
#include "tst_sample_page.moc"
