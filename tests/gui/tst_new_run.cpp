#include <QApplication>
#include <QCheckBox>
#include <QComboBox>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QMenuBar>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QTest>
#include <QToolButton>
#include <QWheelEvent>
#include <filesystem>

#include "core/contract/run_directory.h"
#include "core/files/json.h"
#include "core/project/runs.h"
#include "core/workbench/training.h"
#include "tests/gui/gui_support.h"
#include "tests/workbench/scratch_project.h"
#include "ui/pages/main_window.h"
#include "ui/pages/model_picker.h"
#include "ui/pages/train/new_run_panel.h"
#include "ui/pages/train/run_form.h"
#include "ui/pages/train/run_view.h"
#include "ui/pages/train/setting_field.h"
#include "ui/pages/train_page.h"
#include "ui/widgets/disclosure.h"

using namespace prefbench;
using contract::RunState;
using methods::MethodChoice;
using pages::RunForm;

namespace {

constexpr int patience = 30000;  // ms: for a machine that is busy with other things
constexpr int kEngineMilliseconds = 180'000;

/// 20 prompts with a decided label each, then `ties` with a tie each.
struct Labels {
    explicit Labels(int ties = 0) {
        project::Transaction transaction(*project);
        for (int index = 0; index < 20 + ties; ++index) {
            const QString prompt = project.addPrompt(QStringLiteral("prompt %1").arg(index));
            project.addLabelledPair(prompt, QStringLiteral("good %1").arg(index), QStringLiteral("bad"),
                                    index < 20 ? 2 : 0);
        }
        transaction.commit();
    }
    QList<project::Run> runs() { return project::Runs(*project).all(); }
    ScratchProject project;
};

/// The window with the panel open and ready to start.
struct Window {
    explicit Window(Labels& labels, QSize size = {1280, 900}) {
        window.resize(size);
        window.show();
        window.activateWindow();
        window.openProject(labels.project.path());
        open();
    }
    void open() {
        QTRY_VERIFY_WITH_TIMEOUT(window.workbench().isOpen(), patience);
        window.showPage(QStringLiteral("train"));
        page = qobject_cast<pages::TrainPage*>(window.page(QStringLiteral("train")));
        page->newRun();
        panel = page->newRunPanel();
        form = panel->form();
        QTRY_VERIFY_WITH_TIMEOUT(start()->isEnabled(), patience);
    }
    QPushButton* start() const {
        for (QPushButton* button : panel->findChildren<QPushButton*>()) {
            if (button->text().contains(QLatin1String("Start"))) {
                return button;
            }
        }
        return nullptr;
    }
    bool shows(const char* key) const { return form->field(QLatin1String(key))->editor()->isVisible(); }
    template <class Editor>
    Editor* editor(const char* key) const {
        return qobject_cast<Editor*>(form->field(QLatin1String(key))->editor());
    }
    void choose(const char* key, const char* value) const {
        auto* box = editor<QComboBox>(key);
        box->setCurrentIndex(box->findData(QLatin1String(value)));
    }
    /// What a person reads in the panel.
    QString words() const {
        QStringList all;
        for (const QLabel* label : panel->findChildren<QLabel*>()) {
            if (label->isVisible()) {
                all << label->text();
            }
        }
        return all.join(u'\n');
    }
    pages::MainWindow window;
    pages::TrainPage* page = nullptr;
    pages::NewRunPanel* panel = nullptr;
    RunForm* form = nullptr;
};

QStringList allMethods() {
    QStringList names;
    for (const QList<MethodChoice>& group : MethodChoice::groups()) {
        for (const MethodChoice& choice : group) {
            names << choice.method;
        }
    }
    return names;
}

/// What stands in the first widget that has too little room for it.
QString cutIn(const QWidget* form) {
    for (const QWidget* widget : form->findChildren<QWidget*>()) {
        if (!widget->isVisible()) {
            continue;
        }
        const auto* label = qobject_cast<const QLabel*>(widget);
        const auto* button = qobject_cast<const QAbstractButton*>(widget);
        if (label && label->wordWrap() && label->height() < label->heightForWidth(label->width())) {
            return label->text();
        }
        if (((label && !label->wordWrap()) || button) && widget->width() < widget->sizeHint().width()) {
            return label ? label->text() : button->text();
        }
    }
    return {};
}

/// run.json as createRun writes it of what the panel has.
contract::RunSpec specOf(Labels& labels, const Window& window) {
    return contract::readRunSpec(workbench::createRun(*labels.project, window.panel->run()));
}

}  // namespace

class TestNewRun : public QObject {
    Q_OBJECT
  private slots:
    void initTestCase();
    void theDefaultIsDpoAsEver();
    void everySettingHasItsField();
    void aMethodShowsWhatItReads();
    void theKeyboardChoosesAMethod();
    void everyMethodStartsFromItsDefaults_data();
    void everyMethodStartsFromItsDefaults();
    void untouchedValuesFollowTheMethod();
    void anAdapterHasItsSettings();
    void tiesTrainWhereAskedFor();
    void countsAreOfWhatTheMethodUses();
    void badValuesAreSaidInPlace();
    void whatIsNotReadIsNotAsked();
    void choicesLandInRunJson();
    void theWheelChoosesNothing();
    void mnemonicsAreUnique();
    void tabFollowsReading();
    void largeTextIsNotCut();
    void ipoTrainsAnAdapter();

  private:
    GuiWorkplace place_;
};

void TestNewRun::initTestCase() {
    if (qEnvironmentVariableIsEmpty("PREFBENCH_ENGINE")) {
        qputenv("PREFBENCH_ENGINE", PREFBENCH_BIN_DIR "/prefbench-engine");
    }
}

void TestNewRun::theDefaultIsDpoAsEver() {
    Labels labels;
    Window window(labels);
    contract::RunSpec expected;
    expected.hyperparameters.learningRate = 5e-5;
    expected.hyperparameters.epochs = 2;
    const contract::RunSpec spec = specOf(labels, window);
    QCOMPARE(spec.method, std::string("dpo"));
    QVERIFY(spec.hyperparameters == expected.hyperparameters);
    QCOMPARE(spec.device, expected.device);
    QCOMPARE(spec.dtype, expected.dtype);
    QCOMPARE(spec.threads, expected.threads);
    QCOMPARE(spec.seed, expected.seed);
    QVERIFY(window.start()->hasFocus());
}

void TestNewRun::everySettingHasItsField() {
    Labels labels;
    Window window(labels);
    for (const std::string& name : contract::settingNames()) {
        const pages::SettingField* field = window.form->field(QString::fromStdString(name));
        QVERIFY2(field, name.c_str());
        QVERIFY2(field->editor()->toolTip() == QString::fromStdString(name), name.c_str());
        QVERIFY2(!field->setting().label.contains(u'_'), name.c_str());
    }
}

void TestNewRun::aMethodShowsWhatItReads() {
    Labels labels;
    Window window(labels);
    QVERIFY(window.shows("beta") && window.shows("ties") && !window.shows("label_smoothing"));
    QVERIFY(!window.shows("f_divergence_type"));  // below More settings
    window.form->setMethod(QStringLiteral("kto"));
    QVERIFY(window.shows("beta") && window.shows("desirable_weight") && window.shows("undesirable_weight"));
    QVERIFY(!window.shows("ties"));
    QVERIFY(window.words().contains(MethodChoice::named(QStringLiteral("kto")).sentence));
    window.form->setMethod(QStringLiteral("cdpo"));
    QVERIFY(window.shows("label_smoothing") && !window.shows("desirable_weight"));
    window.form->setMethod(QStringLiteral("sft"));
    QVERIFY(!window.shows("beta") && window.shows("learning_rate"));
    window.form->more()->setOpen(true);
    QVERIFY(!window.shows("f_divergence_type") && window.shows("optim") && window.shows("adam_beta1"));
    QVERIFY(!window.words().contains(QStringLiteral("Loss")));
    window.choose("optim", "rmsprop");
    QVERIFY(!window.shows("adam_beta1"));
    window.form->setMethod(QStringLiteral("dpo"));
    QVERIFY(window.shows("f_divergence_type") && !window.shows("f_alpha_divergence_coef"));
    window.choose("f_divergence_type", "alpha_divergence");
    QVERIFY(window.shows("f_alpha_divergence_coef"));
}

void TestNewRun::theKeyboardChoosesAMethod() {
    Labels labels;
    Window window(labels);
    QTest::keyClick(&window.window, Qt::Key_T, Qt::AltModifier);
    QVERIFY(window.form->methods()->hasFocus());
    QTest::keyClick(window.form->methods(), Qt::Key_Down);
    QCOMPARE(window.panel->run().method, QString("ipo"));
}

void TestNewRun::everyMethodStartsFromItsDefaults_data() {
    QTest::addColumn<QString>("method");
    for (const QString& method : allMethods()) {
        QTest::newRow(qPrintable(method)) << method;
    }
}

void TestNewRun::everyMethodStartsFromItsDefaults() {
    QFETCH(QString, method);
    Labels labels(2);
    Window window(labels);
    window.form->setMethod(method);
    QVERIFY2(window.start()->isEnabled(), qPrintable(window.panel->problem()));
    const contract::RunSpec spec = specOf(labels, window);
    contract::check(spec);
    QCOMPARE(spec.method, method.toStdString());
    const bool fromMuch = method == QLatin1String("cdpo") || method == QLatin1String("robust");
    QCOMPARE(spec.hyperparameters.labelSmoothing, fromMuch ? 0.1 : method == QLatin1String("exo_pair") ? 0.001 : 0.0);
    QVERIFY(!labels.runs().last().name.contains(u'_'));
}

void TestNewRun::untouchedValuesFollowTheMethod() {
    Labels labels;
    Window window(labels);
    window.form->setMethod(QStringLiteral("simpo"));
    QCOMPARE(window.editor<QLineEdit>("beta")->text(), QString("2"));
    window.form->setMethod(QStringLiteral("dpo"));
    QCOMPARE(window.editor<QLineEdit>("beta")->text(), QString("0.1"));
    window.editor<QLineEdit>("beta")->setText(QStringLiteral("0.3"));
    window.form->setMethod(QStringLiteral("simpo"));
    QCOMPARE(window.editor<QLineEdit>("beta")->text(), QString("0.3"));
}

void TestNewRun::anAdapterHasItsSettings() {
    Labels labels;
    Window window(labels);
    QVERIFY(!window.shows("lora_r"));
    QCOMPARE(specOf(labels, window).hyperparameters.loraRank, 0);
    window.choose("trained", "adapter");
    for (const char* key : {"lora_r", "lora_alpha", "lora_dropout", "lora_target_modules"}) {
        QVERIFY2(window.shows(key), key);
    }
    window.editor<QLineEdit>("lora_r")->setText(QStringLiteral("4"));
    window.editor<QLineEdit>("lora_target_modules")->setText(QStringLiteral("c_attn, c_proj"));
    const contract::Hyperparameters h = specOf(labels, window).hyperparameters;
    QCOMPARE(h.loraRank, 4);
    QCOMPARE(h.loraTargets, std::string("c_attn, c_proj"));
    window.choose("trained", "weights");
    const contract::Hyperparameters whole = specOf(labels, window).hyperparameters;
    QCOMPARE(whole.loraRank, 0);
    QCOMPARE(whole.loraTargets, std::string("all-linear"));
}

void TestNewRun::tiesTrainWhereAskedFor() {
    Labels labels(3);
    Window window(labels);
    QTRY_VERIFY(window.words().contains(QStringLiteral("3 ties are left out.")));
    window.choose("ties", "soft");
    QVERIFY2(window.words().contains(QStringLiteral("3 of them are ties")), qPrintable(window.words()));
    QVERIFY(window.words().contains(QStringLiteral("From 23 prompts")));
    const contract::RunDirectory run = workbench::createRun(*labels.project, window.panel->run());
    QCOMPARE(contract::readRunSpec(run).hyperparameters.ties, std::string("soft"));
    const std::size_t train = contract::readPairs(run.trainData()).size(),
                      eval = contract::readPairs(run.evalData()).size();
    QCOMPARE(train + eval, 23U);
    QVERIFY(window.words().contains(QStringLiteral("%1 pairs to learn from, %2 held out").arg(train).arg(eval)));
    // A method that takes no ties leaves them out, whatever was chosen for another.
    window.form->setMethod(QStringLiteral("ipo"));
    QVERIFY(window.words().contains(QStringLiteral("3 ties are left out.")));
    QCOMPARE(specOf(labels, window).hyperparameters.ties, std::string("drop"));
}

void TestNewRun::countsAreOfWhatTheMethodUses() {
    Labels labels;
    const QString prompt = labels.project.addPrompt(QStringLiteral("one more"));
    const QString comparison = labels.project.addComparison(prompt, QStringLiteral("a"), QStringLiteral("b"));
    labels.project.label(comparison, 1);
    labels.project.label(
        comparison, 2,
        project::Annotators(*labels.project).ensure(QStringLiteral("bea"), project::AnnotatorKind::Human));
    Window window(labels);
    const auto said = [&](const contract::RunDirectory& run, const QString& what, auto read) {
        return QStringLiteral("%1 %2 to learn from, %3 held out")
            .arg(read(run.trainData()).size())
            .arg(what)
            .arg(read(run.evalData()).size());
    };
    const auto create = [&] { return workbench::createRun(*labels.project, window.panel->run()); };
    QVERIFY(window.words().contains(said(create(), QStringLiteral("pairs"), contract::readPairs)));
    window.form->setMethod(QStringLiteral("sft"));
    const QString answers = said(create(), QStringLiteral("preferred answers"), contract::readDemonstrations);
    QVERIFY2(window.words().contains(answers), qPrintable(window.words()));
    QVERIFY(window.words().contains(QStringLiteral("answers a step")));
}

void TestNewRun::badValuesAreSaidInPlace() {
    Labels labels;
    Window window(labels);
    auto* beta = window.editor<QLineEdit>("beta");
    beta->setText(QStringLiteral("-1"));
    QCOMPARE(window.panel->problem(), QString("Beta: beta = -1.0: must be above 0"));
    QVERIFY(window.words().contains(QStringLiteral("must be above 0")));
    QCOMPARE(beta->accessibleDescription(), QString("must be above 0"));
    QVERIFY(!window.start()->isEnabled());
    beta->setText(QStringLiteral("much"));
    QVERIFY(window.words().contains(QStringLiteral("\"much\" is not a number")));
    beta->setText(QStringLiteral("0.2"));
    QVERIFY(window.panel->problem().isEmpty());
    QVERIFY(window.start()->isEnabled());
    QVERIFY(window.panel->run().settings.contains(QStringLiteral("beta=0.2")));
    window.form->setMethod(QStringLiteral("exo_pair"));
    window.editor<QLineEdit>("label_smoothing")->setText(QStringLiteral("0"));
    QVERIFY(window.words().contains(QStringLiteral("must be above 0 for EXO")));
    QVERIFY(!window.start()->isEnabled());
}

void TestNewRun::whatIsNotReadIsNotAsked() {
    Labels labels;
    Window window(labels);
    window.editor<QLineEdit>("beta")->setText(QStringLiteral("-1"));
    QVERIFY(!window.start()->isEnabled());
    window.form->setMethod(QStringLiteral("sft"));
    QVERIFY(window.start()->isEnabled());
    QVERIFY(window.panel->problem().isEmpty());
    QCOMPARE(specOf(labels, window).hyperparameters.beta, 0.1);
}

void TestNewRun::choicesLandInRunJson() {
    Labels labels;
    Window window(labels);
    window.form->more()->setOpen(true);
    window.choose("dtype", "bfloat16");
    window.choose("lr_scheduler_type", "cosine");
    window.choose("device", "cpu");
    for (const char* key : {"gradient_checkpointing", "shuffle"}) {
        QVERIFY(window.shows(key));
        QTest::keyClick(window.editor<QCheckBox>(key), Qt::Key_Space);
    }
    window.editor<QLineEdit>("seed")->setText(QStringLiteral("7"));
    const contract::RunSpec spec = specOf(labels, window);
    QCOMPARE(spec.dtype, std::string("bfloat16"));
    QCOMPARE(spec.device, std::string("cpu"));
    QCOMPARE(spec.hyperparameters.schedule, std::string("cosine"));
    QVERIFY(spec.hyperparameters.gradientCheckpointing && !spec.hyperparameters.shuffle);
    QCOMPARE(spec.seed, 7U);
}

/// It is left to the page, which scrolls.
void TestNewRun::theWheelChoosesNothing() {
    Labels labels;
    Window window(labels);
    QComboBox* methods = window.form->methods();
    const QPointF place = methods->rect().center();
    QWheelEvent down(place, methods->mapToGlobal(place), {}, {0, -120}, Qt::NoButton, Qt::NoModifier, Qt::NoScrollPhase,
                     false);
    QApplication::sendEvent(methods, &down);
    QVERIFY(!down.isAccepted());
    QCOMPARE(window.form->method().method, QString("dpo"));
}

void TestNewRun::mnemonicsAreUnique() {
    Labels labels;
    Window window(labels);
    window.form->more()->setOpen(true);
    window.choose("trained", "adapter");
    QSet<QKeySequence> menus;
    for (const QAction* menu : window.window.findChildren<QMenuBar*>().first()->actions()) {
        menus << QKeySequence::mnemonic(menu->text());
    }
    for (const QString& method : allMethods()) {
        window.form->setMethod(method);
        QSet<QKeySequence> used = menus;
        const auto take = [&](const QString& text) {
            const QKeySequence key = QKeySequence::mnemonic(text);
            QVERIFY2(key.isEmpty() || !used.contains(key), qPrintable(method + QStringLiteral(": ") + text));
            used << key;
        };
        for (const QLabel* label : window.page->findChildren<QLabel*>()) {
            if (label->isVisible() && label->buddy()) {
                take(label->text());
            }
        }
        for (const QAbstractButton* button : window.page->findChildren<QAbstractButton*>()) {
            if (button->isVisible()) {
                take(button->text());
            }
        }
    }
}

void TestNewRun::tabFollowsReading() {
    Labels labels;
    Window window(labels, {1280, 1800});
    window.form->more()->setOpen(true);
    window.choose("trained", "adapter");
    QCoreApplication::processEvents();
    int last = -1;
    QSet<const QWidget*> seen;
    const QWidget* widget = window.form->models()->focusProxy();
    for (; !seen.contains(widget); widget = widget->nextInFocusChain()) {
        seen << widget;
        const bool stops = widget->isVisible() && widget->isEnabled() && widget->focusPolicy() & Qt::TabFocus &&
                           !widget->focusProxy() && window.form->isAncestorOf(widget);
        if (stops) {
            const int y = widget->mapTo(window.form, QPoint(0, 0)).y();
            QVERIFY2(y > last, qPrintable(widget->objectName()));
            last = y;
        }
    }
    QVERIFY(last > 0);
}

/// Of a text half as large again in the smallest window nothing is cut.
void TestNewRun::largeTextIsNotCut() {
    const QFont before = QApplication::font();
    QFont large = before;
    large.setPointSizeF(before.pointSizeF() * 1.5);
    QApplication::setFont(large);
    {
        Labels labels(3);
        Window window(labels, {1024, 700});
        window.form->more()->setOpen(true);
        window.choose("trained", "adapter");
        for (const QString& method : {QStringLiteral("dpo"), QStringLiteral("kto"), QStringLiteral("mpo")}) {
            window.form->setMethod(method);
            QTRY_COMPARE(cutIn(window.form), QString());
            QCOMPARE(window.panel->findChild<QScrollArea*>()->horizontalScrollBar()->maximum(), 0);
        }
    }
    QApplication::setFont(before);
}

/// With the real engine, from the panel's buttons to the trained adapter.
void TestNewRun::ipoTrainsAnAdapter() {
    const QString engine = qEnvironmentVariable("PREFBENCH_ENGINE");
    if (!QFileInfo(engine).isExecutable()) {
        QSKIP("this build has no engine");
    }
    Labels labels;
    Window window(labels);
    window.form->setMethod(QStringLiteral("ipo"));
    window.choose("trained", "adapter");
    window.editor<QLineEdit>("lora_r")->setText(QStringLiteral("4"));
    window.editor<QLineEdit>("batch_size")->setText(QStringLiteral("4"));
    window.form->more()->setOpen(true);
    window.editor<QLineEdit>("max_steps")->setText(QStringLiteral("3"));
    window.editor<QLineEdit>("eval_samples")->setText(QStringLiteral("0"));
    QTest::mouseClick(window.start(), Qt::LeftButton);
    const auto state = [&] {
        return window.page->runs()->rows().isEmpty() ? RunState::Queued
                                                     : window.page->runs()->rows().first().status.state;
    };
    QTRY_VERIFY_WITH_TIMEOUT(!window.page->runs()->rows().isEmpty() || !window.panel->problem().isEmpty(), patience);
    QVERIFY2(window.panel->problem().isEmpty(), qPrintable(window.panel->problem()));
    QTRY_VERIFY_WITH_TIMEOUT(contract::isFinal(state()), kEngineMilliseconds);
    const models::RunRow& row = window.page->runs()->rows().first();
    QVERIFY2(state() == RunState::Finished, row.status.message.c_str());
    QCOMPARE(row.run.name, QString("IPO 1"));
    const contract::RunDirectory run{row.folder.toStdString()};
    const auto json = files::readJsonFile(run.spec());
    QCOMPARE(json.at("method").get<std::string>(), std::string("ipo"));
    QCOMPARE(json.at("hyperparameters").at("lora_r").get<int>(), 4);
    QVERIFY(std::filesystem::exists(run.finalModel() / "adapter_config.json"));
    QStringList heading;
    for (const QLabel* label : window.page->runView()->findChildren<QLabel*>()) {
        heading << label->text();
    }
    QVERIFY2(heading.contains(QStringLiteral("IPO · Finished")), qPrintable(heading.join(u'|')));
}

QTEST_MAIN(TestNewRun)
#include "tst_new_run.moc"
