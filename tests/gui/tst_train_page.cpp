#include <QDir>
#include <QLabel>
#include <QPushButton>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <filesystem>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/workbench/training.h"
#include "tests/workbench/scratch_project.h"
#include "ui/charts/run_charts.h"
#include "ui/pages/train/headline.h"
#include "ui/pages/train/new_run_panel.h"
#include "ui/pages/train/run_view.h"
#include "ui/pages/train/samples_view.h"
#include "ui/pages/train_page.h"

using namespace prefbench;
using contract::RunState;

namespace {

constexpr int patience = 30000;  // ms: for a machine that is busy with other things

contract::MetricRecord record(std::int64_t step, const char* split) {
    contract::MetricRecord made;
    made.step = step;
    made.split = split;
    made.time = 1;
    made.count = 16;
    const double margin = 0.01 * static_cast<double>(step);
    made.values = {{"loss", std::log(1 + std::exp(-margin))},
                   {"rewards/chosen", margin / 2},
                   {"rewards/rejected", -margin / 2},
                   {"rewards/margins", margin},
                   {"rewards/accuracies", 0.75}};
    return made;
}

/// Plays the engine's part in a run directory: holds the lock, writes metrics and status.
class Writer {
  public:
    explicit Writer(contract::RunDirectory run) : run_(std::move(run)), lock_(contract::RunLock::tryAcquire(run_)) {}

    void steps(std::int64_t from, std::int64_t to, std::int64_t evalEvery) {
        files::LineAppender file(run_.metrics());
        for (std::int64_t step = from; step <= to; ++step) {
            if (step > 0) {
                file.append(files::toLine(contract::toJson(record(step, "train"))));
            }
            if (step % evalEvery == 0) {
                file.append(files::toLine(contract::toJson(record(step, "eval"))));
            }
        }
        status(RunState::Running, to);
    }
    void status(RunState state, std::int64_t step, const std::string& message = {}) {
        contract::RunStatus status;
        status.state = state;
        status.step = step;
        status.totalSteps = 100;
        status.etaSeconds = 120;
        status.stepsPerSecond = 5;
        status.message = message;
        status.lastRequest = lastRequest_;
        contract::writeStatus(run_, status);
    }
    void handled(std::int64_t request) { lastRequest_ = request; }

  private:
    contract::RunDirectory run_;
    std::optional<contract::RunLock> lock_;
    std::int64_t lastRequest_ = 0;
};

/// A project on disk with labels and, on request, runs; closed before the page opens it.
struct Fixture {
    Fixture() {
        project::Transaction transaction(*project);
        for (int index = 0; index < 20; ++index) {
            const QString prompt = project.addPrompt(QStringLiteral("prompt %1").arg(index));
            comparisons << project.addComparison(prompt, QStringLiteral("good"), QStringLiteral("bad"));
        }
        transaction.commit();
    }
    void labelAll(int score) {
        project::Transaction transaction(*project);
        for (const QString& comparison : comparisons) {
            project.label(comparison, score);
        }
        transaction.commit();
    }
    contract::RunDirectory run() {
        workbench::NewRun run;
        run.modelId = project.modelId();
        return workbench::createRun(*project, run);
    }
    ScratchProject project;
    QStringList comparisons;
};

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
    int points(const char* curve) const { return page.runView()->chartsWidget()->pointCount(QLatin1String(curve)); }
    QPushButton* button(const QString& text) const {
        for (QPushButton* button : page.findChildren<QPushButton*>()) {
            if (button->isVisible() && button->text().remove(QLatin1Char('&')) == text) {
                return button;
            }
        }
        return nullptr;
    }
    pages::Workbench workbench;
    pages::TrainPage page;
};

}  // namespace

class TestTrainPage : public QObject {
    Q_OBJECT
  private slots:
    void initTestCase();
    void emptyProjectOffersARun();
    void tabComesToTheListBeforeTheRun();
    void pointsAppearAsTheyAreWritten();
    void reopenedShowsTheRunAsIfItHadBeenOpen();
    void resumedRunDropsWhatWasUndone();
    void requestsAreWrittenAndAwaited();
    void failedRunSaysWhy();
    void interruptedRunCanGoOn();
    void nothingToTrainOnIsSaidInThePanel();
    void theStartButtonWaitsForReturn();
    void onlyTiesAreSaidInThePanel();
    void badModelIsOneLineAndLeavesNoRun_data();
    void badModelIsOneLineAndLeavesNoRun();
    void conversationsWithoutChatTemplateAreSaidInThePanel();
    void missingEngineIsOneLineAndLeavesNoRun();
    void crashingEngineIsOneLine();
    void samplesStandSideBySide();
    void newestRunComesFirstAndKeepsItsColour();
};

void TestTrainPage::initTestCase() {
    QCoreApplication::setOrganizationName(QStringLiteral("prefbench-test"));
    QCoreApplication::setApplicationName(QStringLiteral("tst_train_page"));
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, QDir::tempPath() + "/prefbench-test-settings");
}

void TestTrainPage::emptyProjectOffersARun() {
    Fixture fixture;
    fixture.labelAll(2);
    Window window(fixture.project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.button("New run…") && window.button("New run…")->isEnabled(), patience);
    QCOMPARE(window.page.runs()->rowCount(), 0);
    QTest::mouseClick(window.button("New run…"), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Start training") && window.button("Start training")->isEnabled(), patience);
}

void TestTrainPage::tabComesToTheListBeforeTheRun() {
    Fixture fixture;
    fixture.labelAll(2);
    fixture.run();
    Window window(fixture.project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.button(QStringLiteral("New run…")), patience);
    const QWidget* next = window.page.nextInFocusChain();
    while (!(next->focusPolicy() & Qt::TabFocus) || !next->isVisible()) {
        next = next->nextInFocusChain();
    }
    QVERIFY(!window.page.runView()->isAncestorOf(next));
}

void TestTrainPage::pointsAppearAsTheyAreWritten() {
    Fixture fixture;
    fixture.labelAll(2);
    Writer writer(fixture.run());
    writer.steps(0, 10, 10);
    Window window(fixture.project.path());
    QTRY_COMPARE_WITH_TIMEOUT(window.points("loss/train"), 10, patience);
    QCOMPARE(window.points("loss/eval"), 2);
    writer.steps(11, 60, 10);
    QTRY_COMPARE_WITH_TIMEOUT(window.points("loss/train"), 60, patience);
    for (const char* curve : {"rewards/chosen", "rewards/rejected", "rewards/margins", "rewards/accuracies"}) {
        QCOMPARE(window.points((std::string(curve) + "/train").c_str()), 60);
        QCOMPARE(window.points((std::string(curve) + "/eval").c_str()), 7);
    }
    QTRY_COMPARE_WITH_TIMEOUT(window.page.runView()->headline()->figure("step"), QString("60"), patience);
    QCOMPARE(window.page.runView()->headline()->figure("accuracy"), QString("0.750"));
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.running().values().join(' ').contains("60 of 100"), patience);
    writer.status(RunState::Finished, 100);
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.running().isEmpty(), patience);
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Sample from this model"), patience);
}

void TestTrainPage::reopenedShowsTheRunAsIfItHadBeenOpen() {
    Fixture fixture;
    fixture.labelAll(2);
    Writer writer(fixture.run());
    writer.steps(0, 10, 10);
    {
        Window window(fixture.project.path());
        QTRY_COMPARE_WITH_TIMEOUT(window.points("loss/train"), 10, patience);
    }
    writer.steps(11, 30, 10);
    Window again(fixture.project.path());
    QTRY_COMPARE_WITH_TIMEOUT(again.points("loss/train"), 30, patience);
    writer.steps(31, 40, 10);
    QTRY_COMPARE_WITH_TIMEOUT(again.points("rewards/margins/eval"), 5, patience);
    QTRY_VERIFY_WITH_TIMEOUT(again.button("Pause"), patience);
}

void TestTrainPage::resumedRunDropsWhatWasUndone() {
    Fixture fixture;
    fixture.labelAll(2);
    const contract::RunDirectory run = fixture.run();
    Writer writer(run);
    writer.steps(0, 50, 10);
    Window window(fixture.project.path());
    QTRY_COMPARE_WITH_TIMEOUT(window.points("loss/train"), 50, patience);
    files::LineAppender(run.metrics()).append(R"({"event":"resumed","from_step":20})");
    writer.steps(21, 25, 10);
    QTRY_COMPARE_WITH_TIMEOUT(window.points("loss/train"), 25, patience);
    QCOMPARE(window.points("loss/eval"), 3);
}

void TestTrainPage::requestsAreWrittenAndAwaited() {
    Fixture fixture;
    fixture.labelAll(2);
    const contract::RunDirectory run = fixture.run();
    Writer writer(run);
    writer.steps(0, 10, 10);
    Window window(fixture.project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Pause"), patience);
    QTest::mouseClick(window.button("Pause"), Qt::LeftButton);
    QTRY_COMPARE_WITH_TIMEOUT(contract::pendingRequests(run, 0).size(), 1U, patience);
    QCOMPARE(contract::pendingRequests(run, 0).front().kind, contract::RequestKind::Pause);
    QVERIFY(!window.button("Checkpoint now")->isEnabled());
    writer.handled(contract::pendingRequests(run, 0).front().number);
    writer.status(RunState::Paused, 10);
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Resume") && window.button("Resume")->isEnabled(), patience);
    QTest::mouseClick(window.button("Resume"), Qt::LeftButton);
    QTRY_COMPARE_WITH_TIMEOUT(contract::pendingRequests(run, 0).size(), 2U, patience);
    QCOMPARE(contract::pendingRequests(run, 0).back().kind, contract::RequestKind::Resume);
}

void TestTrainPage::failedRunSaysWhy() {
    Fixture fixture;
    fixture.labelAll(2);
    Writer writer(fixture.run());
    writer.status(RunState::Failed, 3, "the disk is full: 12 MB free in /data");
    Window window(fixture.project.path());
    QTRY_COMPARE_WITH_TIMEOUT(window.page.runs()->rowCount(), 1, patience);
    QVERIFY(window.page.runs()->index(0).data().toString().contains("the disk is full"));
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Resume run"), patience);
}

void TestTrainPage::interruptedRunCanGoOn() {
    Fixture fixture;
    fixture.labelAll(2);
    {
        Writer writer(fixture.run());
        writer.steps(0, 10, 10);
    }
    Window window(fixture.project.path());
    QTRY_COMPARE_WITH_TIMEOUT(window.page.runs()->rowCount(), 1, patience);
    QVERIFY(window.page.runs()->index(0).data().toString().contains("Interrupted"));
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Resume run"), patience);
    QVERIFY(!window.button("Pause"));
}

void TestTrainPage::nothingToTrainOnIsSaidInThePanel() {
    Fixture fixture;
    Window window(fixture.project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.isOpen(), patience);
    window.page.newRun();
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Label pairs"), patience);
    QVERIFY(!window.button("Start training")->isEnabled());
    QSignalSpy requested(&window.workbench, &pages::Workbench::pageRequested);
    QTest::mouseClick(window.button("Label pairs"), Qt::LeftButton);
    QCOMPARE(requested.value(0).value(0).toString(), QString("label"));
}

/// Return opens the panel and Return starts the run: nothing has to be looked for.
void TestTrainPage::theStartButtonWaitsForReturn() {
    Fixture fixture;
    fixture.labelAll(2);
    Window window(fixture.project.path());
    window.page.activateWindow();
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.isOpen(), patience);
    window.page.newRun();
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Start training") && window.button("Start training")->hasFocus(), patience);
    QVERIFY(window.button("Start training")->isEnabled());
}

void TestTrainPage::onlyTiesAreSaidInThePanel() {
    Fixture fixture;
    fixture.labelAll(0);
    Window window(fixture.project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.isOpen(), patience);
    window.page.newRun();
    bool said = false;
    QTRY_VERIFY_WITH_TIMEOUT(([&] {
                                 for (QLabel* label : window.page.newRunPanel()->findChildren<QLabel*>()) {
                                     said = said || label->text().contains("All 20 labels are ties");
                                 }
                                 return said;
                             }()),
                             patience);
    QVERIFY(!window.button("Start training")->isEnabled());
}

void TestTrainPage::badModelIsOneLineAndLeavesNoRun_data() {
    QTest::addColumn<QString>("file");
    QTest::addColumn<QString>("message");
    QTest::newRow("folder gone") << ""
                                 << "no such model folder";
    QTest::newRow("weights cut off") << "model.safetensors"
                                     << "model.safetensors: truncated";
    QTest::newRow("config.json cut off") << "config.json"
                                         << "config.json: not valid JSON";
}

void TestTrainPage::badModelIsOneLineAndLeavesNoRun() {
    QFETCH(QString, file);
    QFETCH(QString, message);
    Fixture fixture;
    fixture.labelAll(2);
    qputenv("PREFBENCH_ENGINE", "/bin/true");
    // The model was good when it was added.
    const std::filesystem::path folder = (fixture.project.folder() + "/model").toStdString();
    std::filesystem::copy(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2", folder);
    const QString id = project::Models(*fixture.project).ensure(QString::fromStdString(folder), "mine");
    if (file.isEmpty()) {
        std::filesystem::remove_all(folder);
    } else {
        const std::filesystem::path damaged = folder / file.toStdString();
        std::filesystem::permissions(damaged, std::filesystem::perms::owner_all);
        std::filesystem::resize_file(damaged, std::filesystem::file_size(damaged) / 2);
    }
    Window window(fixture.project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.isOpen(), patience);
    window.page.newRun();
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Start training") && window.button("Start training")->isEnabled(), patience);
    window.page.newRunPanel()->chooseModel(id);
    QTest::mouseClick(window.button("Start training"), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(!window.page.newRunPanel()->problem().isEmpty(), patience);
    qunsetenv("PREFBENCH_ENGINE");
    const QString problem = window.page.newRunPanel()->problem();
    QVERIFY2(problem.contains(QString::fromStdString(folder)) && problem.contains(message), qPrintable(problem));
    QVERIFY(!problem.contains('\n'));
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Start training")->isEnabled(), patience);
    QCOMPARE(project::Runs(*fixture.project).all().size(), 0);
}

void TestTrainPage::conversationsWithoutChatTemplateAreSaidInThePanel() {
    ScratchProject project;
    const QString prompt = project::Prompts(*project).add(R"([{"role":"user","content":"Why?"}])",
                                                          project::Split::Train, QStringLiteral("test"));
    project.addLabelledPair(prompt, QStringLiteral("good"), QStringLiteral("bad"), 2);
    qputenv("PREFBENCH_ENGINE", "/bin/true");
    Window window(project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.isOpen(), patience);
    window.page.newRun();
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Start training") && window.button("Start training")->isEnabled(), patience);
    QTest::mouseClick(window.button("Start training"), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(window.page.newRunPanel()->problem().contains("has no chat template"), patience);
    qunsetenv("PREFBENCH_ENGINE");
    QVERIFY(!window.page.newRunPanel()->problem().contains('\n'));
    QCOMPARE(project::Runs(*project).all().size(), 0);
}

void TestTrainPage::missingEngineIsOneLineAndLeavesNoRun() {
    Fixture fixture;
    fixture.labelAll(2);
    qputenv("PREFBENCH_ENGINE", "/nonexistent/prefbench-engine");
    Window window(fixture.project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.isOpen(), patience);
    window.page.newRun();
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Start training") && window.button("Start training")->isEnabled(), patience);
    QTest::mouseClick(window.button("Start training"), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(window.page.newRunPanel()->problem().contains("/nonexistent/prefbench-engine"), patience);
    qunsetenv("PREFBENCH_ENGINE");
    QVERIFY(!window.page.newRunPanel()->problem().contains('\n'));
    QVERIFY(window.button("Start training")->isEnabled());
    QCOMPARE(project::Runs(*fixture.project).all().size(), 0);
}

void TestTrainPage::crashingEngineIsOneLine() {
    Fixture fixture;
    fixture.labelAll(2);
    const QString engine = fixture.project.folder() + "/engine.sh";
    QFile script(engine);
    QVERIFY(script.open(QIODevice::WriteOnly));
    script.write("#!/bin/sh\necho 'cannot load libtorch_cpu.so' >&2\nexit 127\n");
    script.close();
    script.setPermissions(QFile::ReadOwner | QFile::ExeOwner);
    qputenv("PREFBENCH_ENGINE", engine.toUtf8());
    Window window(fixture.project.path());
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench.isOpen(), patience);
    window.page.newRun();
    QTRY_VERIFY_WITH_TIMEOUT(window.button("Start training") && window.button("Start training")->isEnabled(), patience);
    QTest::mouseClick(window.button("Start training"), Qt::LeftButton);
    QTRY_VERIFY_WITH_TIMEOUT(window.page.newRunPanel()->problem().contains("cannot load libtorch_cpu.so"), patience);
    qunsetenv("PREFBENCH_ENGINE");
    QTRY_COMPARE_WITH_TIMEOUT(window.page.runs()->rowCount(), 1, patience);
}

void TestTrainPage::samplesStandSideBySide() {
    QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("samples.jsonl").toStdString();
    files::writeAtomically(file,
                           "{\"step\":0,\"prompt\":\"p\",\"completion\":\"before it\"}\nnot json\n"
                           "{\"step\":50,\"prompt\":\"p\",\"completion\":\"after it\"}\n"
                           "{\"step\":0,\"prompt\":[{\"role\":\"user\",\"content\":\"Why?\"}],\"completion\":\"c\"}\n");
    QCOMPARE(pages::readRunSamples(file).size(), 3);
    pages::SamplesView view;
    view.load(file);
    const auto texts = [&] {
        QStringList all;
        for (QLabel* label : view.findChildren<QLabel*>()) {
            all << label->text();
        }
        return all;
    };
    QTRY_VERIFY_WITH_TIMEOUT(texts().contains("after it"), patience);
    QVERIFY(texts().contains("before it"));
    QVERIFY(texts().contains("User") && texts().contains("Why?"));
}

void TestTrainPage::newestRunComesFirstAndKeepsItsColour() {
    Fixture fixture;
    fixture.labelAll(2);
    fixture.run();
    fixture.run();
    Window window(fixture.project.path());
    QTRY_COMPARE_WITH_TIMEOUT(window.page.runs()->rowCount(), 2, patience);
    using models::RunListModel;
    const QString newest = window.page.runs()->index(0).data(RunListModel::NameRole).toString();
    QCOMPARE(newest, QString("DPO 2"));
    const int colour = window.page.runs()->index(1).data(RunListModel::ColourRole).toInt();
    QVERIFY(colour != window.page.runs()->index(0).data(RunListModel::ColourRole).toInt());
    fixture.run();
    window.workbench.notifyChanged();
    QTRY_COMPARE_WITH_TIMEOUT(window.page.runs()->rowCount(), 3, patience);
    QCOMPARE(window.page.runs()->index(2).data(RunListModel::ColourRole).toInt(), colour);
}

QTEST_MAIN(TestTrainPage)
#include "tst_train_page.moc"
