// prefbench-bench-window [--comparisons N] [--steps N] [--runs N]: opens a large project in the window, watches long
// runs that grow, zooms and pans, and prints for each how long the window's thread was busy at a stretch. Works
// offscreen; a display makes little difference, as Qt paints in memory there too.

#include <QAbstractEventDispatcher>
#include <QApplication>
#include <QCommandLineParser>
#include <QElapsedTimer>
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/workbench/training.h"
#include "tests/gui/gui_support.h"
#include "tests/workbench/scratch_project.h"
#include "ui/charts/run_charts.h"
#include "ui/charts/run_plot.h"
#include "ui/models/run_list_model.h"
#include "ui/pages/label_page.h"
#include "ui/pages/main_window.h"
#include "ui/pages/train/run_view.h"
#include "ui/pages/train_page.h"

using namespace prefbench;

namespace {

/// Every stretch between two waits of the thread's event loop.
class Stretches {
  public:
    Stretches() {
        auto* dispatcher = QAbstractEventDispatcher::instance();
        QObject::connect(dispatcher, &QAbstractEventDispatcher::awake, [this] {
            if (!awake_) {
                awake_ = true;
                timer_.start();
            }
        });
        QObject::connect(dispatcher, &QAbstractEventDispatcher::aboutToBlock, [this] {
            if (awake_) {
                awake_ = false;
                milliseconds_.push_back(static_cast<double>(timer_.nsecsElapsed()) / 1e6);
            }
        });
    }
    void print(const char* what, double wall) {
        std::sort(milliseconds_.begin(), milliseconds_.end());
        const auto at = [this](double share) {
            return milliseconds_.empty()
                       ? 0.0
                       : milliseconds_[static_cast<size_t>(share * static_cast<double>(milliseconds_.size() - 1))];
        };
        std::printf("%-44s %7.0f ms  %6zu stretches  median %6.2f  p95 %6.2f  longest %6.1f ms\n", what, wall,
                    milliseconds_.size(), at(0.5), at(0.95), at(1));
        std::fflush(stdout);
        milliseconds_.clear();
    }

  private:
    bool awake_ = false;
    QElapsedTimer timer_;
    std::vector<double> milliseconds_;
};

template <class Done>
void waitFor(Done done, int milliseconds = 60'000) {
    QElapsedTimer timer;
    timer.start();
    QEventLoop loop;
    QTimer often;
    QObject::connect(&often, &QTimer::timeout, &loop, [&] {
        if (done() || timer.elapsed() >= milliseconds) {
            loop.quit();
        }
    });
    often.start(5);
    loop.exec();
}

template <class Work>
void measure(Stretches& stretches, const char* what, Work work) {
    QElapsedTimer timer;
    timer.start();
    work();
    stretches.print(what, static_cast<double>(timer.nsecsElapsed()) / 1e6);
}

std::string line(std::int64_t step, const char* split) {
    contract::MetricRecord record;
    record.step = step;
    record.split = split;
    record.time = 1;
    record.count = 16;
    const double margin = 2 * (1 - std::exp(-static_cast<double>(step) / 4000)) + 0.4 * std::sin(step * 12.9898);
    record.values = {{"loss", std::log(1 + std::exp(-margin))},
                     {"rewards/chosen", margin / 3},
                     {"rewards/rejected", -2 * margin / 3},
                     {"rewards/margins", margin},
                     {"rewards/margins_p10", margin - 1},
                     {"rewards/margins_p90", margin + 1},
                     {"rewards/accuracies", 0.8 + 0.15 * std::sin(step * 78.233)}};
    return files::toLine(contract::toJson(record));
}

/// A run that goes on: this process holds its lock and appends as an engine would.
class GrowingRun {
  public:
    GrowingRun(contract::RunDirectory run, std::int64_t steps)
        : run_(std::move(run)), lock_(contract::RunLock::tryAcquire(run_)), steps_(0) {
        FILE* file = std::fopen(run_.metrics().c_str(), "a");
        while (steps_ < steps) {
            ++steps_;
            std::fprintf(file, "%s\n", line(steps_, "train").c_str());
            if (steps_ % 200 == 0) {
                std::fprintf(file, "%s\n", line(steps_, "eval").c_str());
            }
        }
        std::fclose(file);
        writeStatus();
    }
    void grow() {
        FILE* file = std::fopen(run_.metrics().c_str(), "a");
        std::fprintf(file, "%s\n", line(++steps_, "train").c_str());
        std::fclose(file);
        writeStatus();
    }

  private:
    void writeStatus() const {
        contract::RunStatus status;
        status.state = contract::RunState::Running;
        status.step = steps_;
        status.totalSteps = 40'000;
        status.etaSeconds = 1200;
        status.stepsPerSecond = 10;
        contract::writeStatus(run_, status);
    }
    contract::RunDirectory run_;
    std::optional<contract::RunLock> lock_;
    std::int64_t steps_;
};

void fill(ScratchProject& project, int comparisons) {
    project::Transaction transaction(*project);
    for (int index = 0; index < comparisons; ++index) {
        const QString prompt = project.addPrompt(QStringLiteral("A review of film number %1").arg(index));
        const QString id = project.addComparison(prompt, QStringLiteral("Good film %1, see it.").arg(index),
                                                 QStringLiteral("Bad film %1, leave it.").arg(index));
        if (index % 2 == 0) {
            project.label(id, index % 3 == 0 ? 2 : -2);
        }
    }
    transaction.commit();
}

void watchRuns(Stretches& stretches, pages::TrainPage& page, std::vector<std::unique_ptr<GrowingRun>>& growing,
               int steps) {
    const QList<QListView*> lists = page.findChildren<QListView*>();
    QListView* list =
        *std::find_if(lists.begin(), lists.end(), [&](QListView* l) { return l->model() == page.runs(); });
    charts::RunCharts* charts = page.runView()->chartsWidget();
    const auto shown = [&] { return charts->pointCount(QStringLiteral("loss/train")) >= steps; };
    measure(stretches, "Train page, first run read and drawn", [&] { waitFor(shown); });
    measure(stretches, "choosing each of the runs", [&] {
        for (int row = 0; row < page.runs()->rowCount(); ++row) {
            list->setCurrentIndex(page.runs()->index(row));
            waitFor(shown);
            waitFor([] { return false; }, 300);
        }
    });
    QTimer timer;
    QObject::connect(&timer, &QTimer::timeout, &timer, [&] {
        for (auto& run : growing) {
            run->grow();
        }
    });
    timer.start(100);
    measure(stretches, "all runs growing, ten lines a second", [&] { waitFor([] { return false; }, 5000); });
    charts::RunPlot* plot = charts->plot();
    measure(stretches, "zooming while they grow", [&] {
        for (int frame = 0; frame < 60; ++frame) {
            const double half = steps / 2.0 * std::pow(0.93, frame);
            plot->showSteps(steps / 2.0 - half, steps / 2.0 + half);
            waitFor([] { return false; }, 16);
        }
    });
    plot->showSteps(0, steps / 2.0);
    measure(stretches, "panning while they grow", [&] {
        for (int frame = 0; frame < 60; ++frame) {
            const double from = steps / 2.0 * frame / 60;
            plot->showSteps(from, from + steps / 2.0);
            waitFor([] { return false; }, 16);
        }
    });
    plot->resetZoom();
    charts->setSmoothing(0.95);
    measure(stretches, "smoothed, growing", [&] { waitFor([] { return false; }, 3000); });
    charts->showTable(true);
    measure(stretches, "as a table, growing", [&] { waitFor([] { return false; }, 3000); });
    charts->showTable(false);
}

}  // namespace

int main(int argc, char** argv) {
    qputenv("QT_NO_GLIB", "1");  // GLib's dispatcher does not say when it waits
    QApplication application(argc, argv);
    QCommandLineParser parser;
    parser.addHelpOption();
    parser.addOptions(
        {{QStringLiteral("comparisons"), QStringLiteral("In the project."), QStringLiteral("N"),
          QStringLiteral("50000")},
         {QStringLiteral("steps"), QStringLiteral("Of each run."), QStringLiteral("N"), QStringLiteral("20000")},
         {QStringLiteral("runs"), QStringLiteral("Under way."), QStringLiteral("N"), QStringLiteral("4")},
         {QStringLiteral("size"), QStringLiteral("Of the window."), QStringLiteral("WxH"),
          QStringLiteral("1280x800")}});
    parser.process(application);
    const int steps = parser.value(QStringLiteral("steps")).toInt();
    GuiWorkplace workplace;
    std::vector<std::unique_ptr<GrowingRun>> growing;
    auto project = std::make_unique<ScratchProject>();
    fill(*project, 40);
    for (int run = 0; run < parser.value(QStringLiteral("runs")).toInt(); ++run) {
        workbench::NewRun wanted;
        wanted.modelId = project->modelId();
        growing.push_back(std::make_unique<GrowingRun>(workbench::createRun(**project, wanted), steps));
    }
    fill(*project, parser.value(QStringLiteral("comparisons")).toInt() - 40);
    const QString path = project->path();
    QSettings().setValue(QStringLiteral("annotator/") + QString(path).replace(u'/', u'|'), QStringLiteral("Ada"));

    Stretches stretches;
    pages::MainWindow window;
    const QStringList size = parser.value(QStringLiteral("size")).split(u'x');
    window.resize(size.value(0).toInt(), size.value(1).toInt());
    measure(stretches, "showing the empty window", [&] {
        window.show();
        waitFor([] { return false; }, 500);
    });
    measure(stretches, "opening the project", [&] {
        window.openProject(path);
        waitFor([&] { return window.workbench().isOpen(); });
    });
    auto* label = static_cast<pages::LabelPage*>(window.page(QStringLiteral("label")));
    measure(stretches, "until the first question is there", [&] {
        window.showPage(QStringLiteral("label"));
        waitFor([&] { return label->state() == pages::LabelPage::State::Asking; });
    });
    measure(stretches, "ten answers", [&] {
        for (int answer = 0; answer < 10; ++answer) {
            label->perform({widgets::AnswerCommand::Kind::Score, 2});
            waitFor([&] { return label->state() == pages::LabelPage::State::Asking; });
            waitFor([] { return false; }, 400);
        }
    });
    window.showPage(QStringLiteral("train"));
    watchRuns(stretches, *static_cast<pages::TrainPage*>(window.page(QStringLiteral("train"))), growing, steps);
    measure(stretches, "Overview while all grow", [&] {
        window.showPage(QStringLiteral("overview"));
        waitFor([] { return false; }, 3000);
    });
    measure(stretches, "opening it anew", [&] {
        window.openProject(path);
        waitFor([&] { return !window.workbench().isOpening(); });
    });
    measure(stretches, "closing the project", [&] {
        window.workbench().closeProject();
        waitFor([] { return false; }, 500);
    });
    return 0;
}
