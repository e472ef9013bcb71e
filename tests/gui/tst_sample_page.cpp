#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTemporaryDir>
#include <QTest>
#include <QToolButton>

#include "core/project/completions.h"
#include "tests/support/chat_model.h"
#include "tests/workbench/scratch_project.h"
#include "ui/pages/model_picker.h"
#include "ui/pages/sample/model_reading.h"
#include "ui/pages/sample/preview.h"
#include "ui/pages/sample/sampling_form.h"
#include "ui/pages/sample_page.h"
#include "ui/widgets/disclosure.h"
#include "ui/widgets/token_text.h"

using namespace prefbench;

namespace {

constexpr int patience = 30000;  // ms: for a machine that is busy with other things
constexpr int enginePatience = 120000;

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
    void init();
    void buttonSaysHowManyAnswers();
    void noPromptsIsSaid();
    void brokenModelFolderIsSaidInPlace();
    void goodFolderJoinsTheModels();
    void missingEngineIsOneLine();
    void previewKeepsCardsReadable();
    void previewSaysWhoSpeaks();
    void everySettingReachesTheEngine();
    void moreSettingsStayAsTheyWereLeft();
    void stopTextsAreOneALine();
    void promptsAreShownAsTheModelReadsThem();
    void conversationsAreShownAfterTheirTemplate();
    void withoutChatTemplateItSaysWhatToDo();
    void samplesWithTheRealEngine();

  private:
    QTemporaryDir settings_;
};

namespace {

bool hasEngine() {
    return QFile::exists(QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-engine"));
}

/// The field that the label with this text (without its mnemonic) stands for.
template <class Field>
Field* field(const QWidget& page, const QString& label) {
    for (const QLabel* candidate : page.findChildren<QLabel*>()) {
        if (QString(candidate->text()).remove(QLatin1Char('&')) == label) {
            return qobject_cast<Field*>(candidate->buddy());
        }
    }
    return nullptr;
}

bool shows(const QWidget& widget, const QString& text) {
    for (const QLabel* label : widget.findChildren<QLabel*>()) {
        if (label->isVisible() && label->text().contains(text)) {
            return true;
        }
    }
    return false;
}

project::Prompt prompt(const QString& id, const QString& text) {
    return {id, project::Prompt::plainMessages(text), project::Split::Train, {}};
}

constexpr const char* kConversation =
    R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"},{"role":"user","content":"Why?"}])";

QString addConversation(ScratchProject& project) {
    return project::Prompts(*project).add(kConversation, project::Split::Train, QStringLiteral("test"));
}

}  // namespace

void TestSamplePage::initTestCase() {
    QCoreApplication::setOrganizationName(QStringLiteral("prefbench-test"));
    QCoreApplication::setApplicationName(QStringLiteral("tst_sample_page"));
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, settings_.path());
}

void TestSamplePage::init() {
    QSettings().clear();
    qputenv("PREFBENCH_ENGINE", PREFBENCH_BIN_DIR "/prefbench-engine");
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
    QVERIFY(!window.page.notice().contains('\n'));
    QVERIFY(!window.page.isSampling());
    QVERIFY(window.button("Sample 4")->isEnabled());
}

void TestSamplePage::previewKeepsCardsReadable() {
    pages::SamplePreview preview;
    for (int card = 0; card < 50; ++card) {
        preview.append(prompt(QString::number(card), QStringLiteral("prompt %1").arg(card)), 1, "second ");
        preview.append(prompt(QString::number(card), QStringLiteral("prompt %1").arg(card)), 0, "first ");
    }
    QCOMPARE(preview.shown(), 5);
    preview.append(prompt("0", "prompt 0"), 1, "answer");
    QCOMPARE(preview.answer(0, 0), QString("first "));
    QCOMPARE(preview.answer(0, 1), QString("second answer"));
    // A prompt that found no card does not come in with the rest of its answer.
    QTest::qWait(2100);
    preview.append(prompt("30", "prompt 30"), 0, "and so it ended");
    preview.append(prompt("50", "prompt 50"), 0, "a beginning");
    QStringList firsts;
    for (int card = 0; card < preview.shown(); ++card) {
        firsts << preview.answer(card, 0);
    }
    QVERIFY(!firsts.contains("and so it ended"));
    QVERIFY(firsts.contains("a beginning"));
    preview.clear();
    QCOMPARE(preview.shown(), 0);
}

void TestSamplePage::previewSaysWhoSpeaks() {
    pages::SamplePreview preview;
    preview.show();
    preview.append({QStringLiteral("1"), kConversation, project::Split::Train, {}}, 0, "Because.");
    QTRY_VERIFY_WITH_TIMEOUT(shows(preview, "Because."), patience);
    for (const char* text : {"System", "Be brief.", "User", "Assistant", "Yes?", "Why?"}) {
        QVERIFY2(shows(preview, text), text);
    }
}

void TestSamplePage::everySettingReachesTheEngine() {
    ScratchProject project;
    Window window(project.path());
    const QWidget& page = window.page;
    field<QDoubleSpinBox>(page, "Temperature")->setValue(0.7);
    field<QSpinBox>(page, "Longest answer")->setValue(40);
    field<QDoubleSpinBox>(page, "Top-p")->setValue(0.9);
    field<QSpinBox>(page, "Top-k")->setValue(20);
    field<QDoubleSpinBox>(page, "Min-p")->setValue(0.05);
    field<QDoubleSpinBox>(page, "Repetition penalty")->setValue(1.2);
    field<QSpinBox>(page, "Shortest answer")->setValue(5);
    field<QPlainTextEdit>(page, "Stop texts")->setPlainText("END\n\\n\\n");
    field<QSpinBox>(page, "Seed")->setValue(7);
    const contract::SamplingSettings found = window.page.form()->request().settings;
    contract::SamplingSettings expected;
    expected.samples = 4;
    expected.temperature = 0.7;
    expected.maxNewTokens = 40;
    expected.topP = 0.9;
    expected.topK = 20;
    expected.minP = 0.05;
    expected.repetitionPenalty = 1.2;
    expected.minNewTokens = 5;
    expected.stop = {"END", "\n\n"};
    expected.seed = 7;
    QVERIFY2(found == expected, files::toLine(contract::toJson(found)).c_str());
    contract::check(found);
    // An answer cannot be asked to be longer than the longest.
    field<QSpinBox>(page, "Longest answer")->setValue(3);
    contract::check(window.page.form()->request().settings);
}

void TestSamplePage::moreSettingsStayAsTheyWereLeft() {
    ScratchProject project;
    {
        Window window(project.path());
        QVERIFY(!field<QSpinBox>(window.page, "Top-k")->isVisible());
        QVERIFY(field<QDoubleSpinBox>(window.page, "Temperature")->isVisible());
        window.page.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&window.page));
        QTest::keyClick(&window.page, Qt::Key_E, Qt::AltModifier);
        QTRY_VERIFY_WITH_TIMEOUT(field<QSpinBox>(window.page, "Top-k")->isVisible(), patience);
    }
    Window again(project.path());
    QVERIFY(field<QSpinBox>(again.page, "Top-k")->isVisible());
}

void TestSamplePage::stopTextsAreOneALine() {
    using Texts = std::vector<std::string>;
    QCOMPARE(pages::stopTexts({}), Texts());
    QCOMPARE(pages::stopTexts("\n\n"), Texts());
    QCOMPARE(pages::stopTexts("</s>\n a \nQ:"), (Texts{"</s>", " a ", "Q:"}));
    QCOMPARE(pages::stopTexts("a\\nb\\\\n\\t\\x\\"), (Texts{"a\nb\\n\t\\x\\"}));
}

void TestSamplePage::promptsAreShownAsTheModelReadsThem() {
    if (!hasEngine()) {
        QSKIP("this build has no engine");
    }
    ScratchProject project;
    project.addPrompt("The film was");
    project.addPrompt("A cast");
    Window window(project.path());
    const widgets::TokenText* text = window.page.reading()->tokenText();
    QVERIFY(!text->isVisible());
    window.page.activateWindow();
    QVERIFY(QTest::qWaitForWindowActive(&window.page));
    QTest::keyClick(&window.page, Qt::Key_W, Qt::AltModifier);
    QTRY_VERIFY_WITH_TIMEOUT(text->isVisible(), enginePatience);
    QCOMPARE(text->toPlainText(), QString("The film was"));
    QVERIFY(shows(*window.page.reading(), "Prompt 1 of 2"));
    QVERIFY(shows(*window.page.reading(), QStringLiteral("%1 tokens").arg(text->tokens().size())));
    for (QToolButton* button : window.page.reading()->findChildren<QToolButton*>()) {
        if (button->accessibleName() == "Next prompt") {
            QTest::mouseClick(button, Qt::LeftButton);
        }
    }
    QTRY_COMPARE_WITH_TIMEOUT(text->toPlainText(), QString("A cast"), enginePatience);
    QVERIFY(shows(*window.page.reading(), "Prompt 2 of 2"));
}

void TestSamplePage::conversationsAreShownAfterTheirTemplate() {
    if (!hasEngine()) {
        QSKIP("this build has no engine");
    }
    ScratchProject project;
    const ChatModel chat;
    addConversation(project);
    Window window(project.path());
    window.page.reading()->disclosure()->setOpen(true);
    window.page.modelPicker()->tryFolder(chat.folder());
    widgets::TokenText* text = window.page.reading()->tokenText();
    QTRY_VERIFY_WITH_TIMEOUT(text->isVisible(), enginePatience);
    QVERIFY2(
        text->toPlainText().startsWith(QStringLiteral("<|im_start|>system↵\nBe brief.<|im_end|>↵\n<|im_start|>user")),
        qPrintable(text->toPlainText()));
    QVERIFY(text->toPlainText().endsWith(QStringLiteral("<|im_start|>assistant↵\n")));
    QVERIFY(text->tokens().first().special);
    // Token by token with the arrow keys.
    text->setFocus();
    QTest::keyClick(text, Qt::Key_Right);
    QCOMPARE(text->current(), 0);
    QVERIFY(shows(*window.page.reading(), QStringLiteral("Token 1 of %1: id 553, special").arg(text->tokens().size())));
    QTest::keyClick(text, Qt::Key_Right);
    QCOMPARE(text->current(), 1);
    QCOMPARE(text->textCursor().selectedText(), text->tokens()[1].text);
    QTest::keyClick(text, Qt::Key_Left);
    QCOMPARE(text->current(), 0);
    // Copied is what the model reads, without the marks.
    text->selectAll();
    text->copy();
    QCOMPARE(QApplication::clipboard()->text(),
             QString("<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"
                     "Yes?<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"));
}

void TestSamplePage::withoutChatTemplateItSaysWhatToDo() {
    if (!hasEngine()) {
        QSKIP("this build has no engine");
    }
    ScratchProject project;
    addConversation(project);
    Window window(project.path());
    window.page.reading()->disclosure()->setOpen(true);
    QTRY_VERIFY_WITH_TIMEOUT(shows(*window.page.reading(), "has no chat template"), enginePatience);
    QVERIFY(shows(*window.page.reading(), "choose a chat model"));
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Sample 4") && window.button("Sample 4")->isEnabled(), patience);
    window.page.startSampling();
    QTRY_VERIFY_WITH_TIMEOUT(window.page.notice().contains("has no chat template"), enginePatience);
}

void TestSamplePage::samplesWithTheRealEngine() {
    if (!hasEngine()) {
        QSKIP("this build has no engine");
    }
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
    QTRY_VERIFY_WITH_TIMEOUT(window.page.notice().contains("12 answers stored"), enginePatience);
    QCOMPARE(project::Completions(*project).count(), 12);
    QVERIFY2(toldWhileSampling, "pairs can be labelled before the last is drawn");
    QVERIFY(!window.page.preview()->answer(0, 0).isEmpty());
    QSignalSpy requested(&window.workbench, &pages::Workbench::pageRequested);
    QTest::mouseClick(window.button("Label"), Qt::LeftButton);
    QCOMPARE(requested.value(0).value(0).toString(), QString("label"));
}

QTEST_MAIN(TestSamplePage)
#include "tst_sample_page.moc"
