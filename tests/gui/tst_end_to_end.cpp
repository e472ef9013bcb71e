#include <QComboBox>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QSignalSpy>
#include <QSpinBox>
#include <QTest>
#include <algorithm>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/project/runs.h"
#include "core/workbench/starter_project.h"
#include "tests/gui/gui_support.h"
#include "ui/charts/run_charts.h"
#include "ui/pages/label_page.h"
#include "ui/pages/main_window.h"
#include "ui/pages/model_picker.h"
#include "ui/pages/sample_page.h"
#include "ui/pages/train/new_run_panel.h"
#include "ui/pages/train/run_form.h"
#include "ui/pages/train/run_view.h"
#include "ui/pages/train/setting_field.h"
#include "ui/pages/train_page.h"

using namespace prefbench;
using contract::RunState;
using pages::LabelPage;
using pages::MainWindow;
using pages::SamplePage;
using pages::TrainPage;

namespace {

constexpr int kPrompts = 12;
constexpr int kSteps = 40;
constexpr int kEngineMilliseconds = 180'000;

template <class P>
P* pageOf(MainWindow& window, const char* name) {
    return qobject_cast<P*>(window.page(QLatin1String(name)));
}

/// The field beside the label of that text.
template <class Field>
Field* fieldBeside(const QWidget* page, const QString& text) {
    for (const QLabel* label : page->findChildren<QLabel*>()) {
        if (label->text().remove(u'&') == text) {
            return qobject_cast<Field*>(label->buddy());
        }
    }
    return nullptr;
}

RunState stateOfRun(const TrainPage* page) {
    return page->runs()->rows().isEmpty() ? RunState::Queued : page->runs()->rows().first().status.state;
}

const QStringList kCurves = {QStringLiteral("loss"), QStringLiteral("rewards/chosen"),
                             QStringLiteral("rewards/rejected"), QStringLiteral("rewards/margins"),
                             QStringLiteral("rewards/accuracies")};

int trainPoints(const TrainPage* page, const QString& curve) {
    return page->runView()->chartsWidget()->pointCount(curve + QStringLiteral("/train"));
}

}  // namespace

/// The whole main job in the window: the real engine, the real starter project, real files.
class TestEndToEnd : public QObject {
    Q_OBJECT

  private slots:
    void initTestCase();
    void sampleLabelTrainCloseReopen();

  private:
    void sample(MainWindow& window);
    void label(MainWindow& window);
    void train(MainWindow& window);
    void reopen();

    GuiWorkplace place_;
    QString path_;
};

void TestEndToEnd::initTestCase() {
    // Another build of the engine may be named from outside.
    if (qEnvironmentVariableIsEmpty("PREFBENCH_ENGINE")) {
        qputenv("PREFBENCH_ENGINE", PREFBENCH_BIN_DIR "/prefbench-engine");
    }
    const QString engine = qEnvironmentVariable("PREFBENCH_ENGINE");
    QVERIFY2(QFileInfo(engine).isExecutable(), qPrintable(engine));
    path_ = place_.file(QStringLiteral("starter.prefbench"));
    workbench::createStarterProject(path_);
}

void TestEndToEnd::sampleLabelTrainCloseReopen() {
    {
        MainWindow window;
        window.resize(1280, 800);
        window.show();
        window.activateWindow();
        QVERIFY(QTest::qWaitForWindowActive(&window));
        window.openProject(path_);
        QTRY_VERIFY(window.workbench().isOpen());
        sample(window);
        if (QTest::currentTestFailed()) {
            return;
        }
        label(window);
        if (QTest::currentTestFailed()) {
            return;
        }
        train(window);
        if (QTest::currentTestFailed()) {
            return;
        }
        window.close();
    }
    reopen();
}

void TestEndToEnd::sample(MainWindow& window) {
    window.showPage(QStringLiteral("sample"));
    auto* page = pageOf<SamplePage>(window, "sample");
    QVERIFY(page);
    QTRY_VERIFY(!page->modelPicker()->modelId().isEmpty());
    auto* which = fieldBeside<QComboBox>(page, QStringLiteral("Prompts"));
    auto* limit = fieldBeside<QSpinBox>(page, QStringLiteral("At most"));
    QVERIFY(which && limit);
    which->setCurrentIndex(0);
    limit->setValue(kPrompts);
    page->startSampling();
    QTRY_VERIFY_WITH_TIMEOUT(!page->isSampling(), kEngineMilliseconds);
    qint64 comparisons = -1;
    window.workbench().store().run([](project::Project& project) { return project::Comparisons(project).count(); },
                                   this, [&](qint64 count) { comparisons = count; });
    QTRY_VERIFY(comparisons >= 0);
    QVERIFY2(comparisons >= kPrompts, qPrintable(page->notice()));
}

void TestEndToEnd::label(MainWindow& window) {
    window.showPage(QStringLiteral("label"));
    auto* page = pageOf<LabelPage>(window, "label");
    QVERIFY(page);
    QTRY_COMPARE(page->state(), LabelPage::State::NeedsName);
    auto* name = page->findChild<QLineEdit*>(QStringLiteral("annotatorName"));
    name->setText(QStringLiteral("Ada"));
    QTest::keyClick(name, Qt::Key_Return);
    QTRY_COMPARE(page->state(), LabelPage::State::Asking);
    for (const Qt::Key key : {Qt::Key_1, Qt::Key_6, Qt::Key_Left, Qt::Key_7, Qt::Key_3}) {
        const QString asked = page->question()->comparison.id;
        QVERIFY(QApplication::focusWidget());
        QTest::keyClick(QApplication::focusWidget(), key);
        QVERIFY(page->question()->comparison.id != asked);
        QTRY_VERIFY(!page->isSaving());
    }
}

void TestEndToEnd::train(MainWindow& window) {
    window.showPage(QStringLiteral("train"));
    auto* page = pageOf<TrainPage>(window, "train");
    QVERIFY(page);
    page->newRun();
    pages::NewRunPanel* panel = page->newRunPanel();
    QTRY_VERIFY(!panel->modelFolder().isEmpty());
    const QMap<QString, QString> settings = {{QStringLiteral("max_steps"), QString::number(kSteps)},
                                             {QStringLiteral("batch_size"), QStringLiteral("4")}};
    for (auto setting = settings.begin(); setting != settings.end(); ++setting) {
        QVERIFY2(panel->form()->field(setting.key()), qPrintable(setting.key()));
        panel->form()->field(setting.key())->setText(setting.value());
    }
    Q_EMIT panel->startRequested();
    QTRY_VERIFY2_WITH_TIMEOUT(!page->runs()->rows().isEmpty() || !panel->problem().isEmpty(), "no run", 30'000);
    QVERIFY2(panel->problem().isEmpty(), qPrintable(panel->problem()));
    QTRY_VERIFY_WITH_TIMEOUT(trainPoints(page, kCurves.first()) >= 2 || stateOfRun(page) == RunState::Failed,
                             kEngineMilliseconds);
    QVERIFY2(stateOfRun(page) != RunState::Failed, page->runs()->rows().first().status.message.c_str());
    for (const QString& curve : kCurves) {
        QVERIFY2(trainPoints(page, curve) >= 2, qPrintable(curve));
    }
}

void TestEndToEnd::reopen() {
    MainWindow window;
    window.show();
    window.openLast();
    QTRY_VERIFY(window.workbench().isOpen());
    QCOMPARE(window.workbench().projectPath(), path_);
    window.showPage(QStringLiteral("train"));
    auto* page = pageOf<TrainPage>(window, "train");
    QTRY_COMPARE(page->runs()->rows().size(), 1);
    QTRY_VERIFY_WITH_TIMEOUT(contract::isFinal(stateOfRun(page)), kEngineMilliseconds);
    QCOMPARE(stateOfRun(page), RunState::Finished);
    // The run directory is the truth, and the charts show all of it.
    contract::MetricsReader written(
        contract::RunDirectory{page->runs()->rows().first().folder.toStdString()}.metrics());
    written.read();
    const auto steps = std::count_if(written.records().begin(), written.records().end(),
                                     [](const contract::MetricRecord& record) { return record.split == "train"; });
    QCOMPARE(steps, kSteps);
    for (const QString& curve : kCurves) {
        QTRY_VERIFY2(trainPoints(page, curve) == kSteps,
                     qPrintable(QStringLiteral("%1: %2 points").arg(curve).arg(trainPoints(page, curve))));
    }
    qint64 labels = -1;
    window.workbench().store().run(
        [](project::Project& project) { return project::Judgements(project).counts().decided; }, this,
        [&](qint64 count) { labels = count; });
    QTRY_COMPARE(labels, 5);
}

QTEST_MAIN(TestEndToEnd)
#include "tst_end_to_end.moc"
