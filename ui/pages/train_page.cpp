#include "ui/pages/train_page.h"

#include <QFileInfo>
#include <QListView>
#include <QPushButton>
#include <QSettings>
#include <QShortcut>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "core/files/model_folder.h"
#include "core/jobs/engine.h"
#include "core/jobs/run_watcher.h"
#include "core/workbench/training.h"
#include "ui/pages/train/aside.h"
#include "ui/pages/train/new_run_panel.h"
#include "ui/pages/train/run_delegate.h"
#include "ui/pages/train/run_view.h"
#include "ui/widgets/state_view.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using models::RunListModel;
using models::RunRow;

namespace {

const QString kSplitter = QStringLiteral("train/splitter");

/// Every run with its directory's present status; a directory that is gone keeps the table's last word.
QList<RunRow> readRuns(project::Project& project) {
    workbench::refreshRuns(project);
    QList<RunRow> rows;
    for (const project::Run& run : project::Runs(project).all()) {
        RunRow row{run, project.absolutePath(run.folder), {}};
        try {
            row.status = contract::readStatus({row.folder.toStdString()});
        } catch (const std::exception& error) {
            row.status.state = contract::RunState::Failed;
            row.status.step = run.step;
            row.status.totalSteps = run.totalSteps;
            row.status.message = error.what();
        }
        rows << row;
    }
    return rows;
}

}  // namespace

TrainPage::TrainPage(Workbench& shared, QWidget* parent) : Page(shared, parent) {
    model_ = new RunListModel(this);
    side_ = buildList();  // before what stands right of it: Tab goes in this order
    state_ = new widgets::StateView(this);
    view_ = new RunView(this);
    panel_ = new NewRunPanel(workbench(), this);
    stack_ = new QStackedWidget(this);
    for (QWidget* page : {static_cast<QWidget*>(state_), static_cast<QWidget*>(view_), static_cast<QWidget*>(panel_)}) {
        stack_->addWidget(page);
    }
    splitter_ = new QSplitter(this);
    splitter_->setChildrenCollapsible(false);
    splitter_->setHandleWidth(widgets::grid(this, widgets::kGroupSpacing));
    splitter_->addWidget(side_);
    splitter_->addWidget(stack_);
    splitter_->setStretchFactor(1, 1);
    splitter_->setSizes({widgets::em(this, 20), widgets::em(this, 70)});
    splitter_->restoreState(QSettings().value(kSplitter).toByteArray());
    connect(splitter_, &QSplitter::splitterMoved, this,
            [this] { QSettings().setValue(kSplitter, splitter_->saveState()); });
    auto* layout = new QVBoxLayout(this);
    widgets::setLayoutGrid(layout, this, widgets::kPageMargin, 0);
    layout->addWidget(splitter_);

    connect(panel_, &NewRunPanel::startRequested, this, &TrainPage::start);
    connect(panel_, &NewRunPanel::cancelled, this, &TrainPage::showSelected);
    connect(view_, &RunView::resumeRequested, this, &TrainPage::resume);
    connect(view_, &RunView::modelRequested, this, &TrainPage::useModel);
    connect(view_, &RunView::chartsSaved, this,
            [this](const QString& file) { workbench().showMessage(tr("Saved as %1").arg(file)); });
    auto* key = new QShortcut(QKeySequence(Qt::Key_N), this);
    key->setContext(Qt::WidgetWithChildrenShortcut);
    connect(key, &QShortcut::activated, newRun_, &QPushButton::click);
    auto* back = new QShortcut(QKeySequence(Qt::Key_Escape), panel_);
    back->setContext(Qt::WidgetWithChildrenShortcut);
    connect(back, &QShortcut::activated, panel_, &NewRunPanel::cancelled);
    showSelected();
}

TrainPage::~TrainPage() = default;

QWidget* TrainPage::buildList() {
    auto* side = new QWidget(this);
    auto* column = new QVBoxLayout(side);
    widgets::setLayoutGrid(column, this, 0, widgets::kSpacing);
    auto* title = widgets::titleLabel(tr("Runs"), side);
    title->setMinimumHeight(RunView::headerHeight(this));
    column->addWidget(title);
    list_ = new QListView(side);
    list_->setModel(model_);
    list_->setItemDelegate(new RunDelegate(list_));
    list_->setAccessibleName(tr("Training runs"));
    list_->setFrameShape(QFrame::NoFrame);
    list_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
    list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    list_->setResizeMode(QListView::Adjust);
    list_->setMinimumWidth(widgets::em(this, 16));
    connect(list_->selectionModel(), &QItemSelectionModel::currentChanged, this, &TrainPage::showSelected);
    connect(list_, &QListView::clicked, this, &TrainPage::showSelected);
    column->addWidget(list_, 1);
    newRun_ = new widgets::PrimaryButton(tr("&New run…"), side);
    newRun_->setToolTip(tr("Train a model on the labelled pairs (N)"));
    newRun_->setEnabled(false);
    connect(newRun_, &QPushButton::clicked, this, &TrainPage::newRun);
    column->addWidget(newRun_);
    return side;
}

QList<KeyHelp> TrainPage::keys() const {
    return {{tr("N"), tr("New run")},
            {tr("↑ ↓"), tr("Choose a run")},
            {tr("Wheel, + −"), tr("Zoom the charts in steps (with Shift and the wheel: in values)")},
            {tr("Drag, Shift+← →"), tr("Move the charts")},
            {tr("← → Home End"), tr("Read values at a step")},
            {tr("0"), tr("Show the whole run")},
            {tr("T"), tr("The charts' numbers as a table")}};
}

void TrainPage::projectOpened() {
    stale_ = true;
    updateSide();
    load();
}

void TrainPage::projectClosed() {
    view_->clear();
    panel_->clear();
    for (jobs::RunWatcher* watcher : std::as_const(watchers_)) {
        delete watcher;
    }
    for (const RunRow& row : model_->rows()) {
        workbench().setRunning(row.run.id, {});
    }
    watchers_.clear();
    wanted_.clear();
    model_->setRows({});
    showSelected();
}

void TrainPage::projectChanged() {
    stale_ = true;
    if (isVisible()) {
        load();
        if (stack_->currentWidget() == panel_) {
            panel_->load();
        }
    }
}

void TrainPage::activated() {
    load();
    if (stack_->currentWidget() == panel_) {
        panel_->load();
    } else {
        focusContent();
    }
}

void TrainPage::focusContent() {
    if (stack_->currentWidget() == state_) {
        state_->setFocus();
    } else {
        list_->setFocus();
    }
}

/// Without runs, the page is the one sentence and its button; while one is being made, nothing else offers to.
void TrainPage::updateSide() {
    side_->setVisible(!model_->rows().isEmpty());
    newRun_->setEnabled(workbench().isOpen() && !workbench().isReadOnly() && stack_->currentWidget() != panel_);
}

void TrainPage::load() {
    if (!workbench().isOpen()) {
        return;
    }
    if (model_->rows().isEmpty() && stack_->currentWidget() == state_) {
        state_->showLoading(tr("Reading the runs"));
    }
    workbench().store().run(
        readRuns, this, [this](QList<RunRow> rows) { present(std::move(rows)); },
        [this](const QString& message) {
            state_->showError(tr("The runs cannot be read"), message, tr("&Try again"), [this] { load(); });
            stack_->setCurrentWidget(state_);
        });
}

void TrainPage::present(QList<RunRow> rows) {
    stale_ = false;
    const QString selected = list_->currentIndex().data(RunListModel::IdRole).toString();
    model_->setRows(std::move(rows));
    follow();
    const QModelIndex wished = model_->indexOf(wanted_.isEmpty() ? selected : wanted_);
    wanted_.clear();
    const QModelIndex index = wished.isValid() ? wished : model_->index(0);
    {
        const QSignalBlocker quiet(list_->selectionModel());
        list_->setCurrentIndex(index);
    }
    if (stack_->currentWidget() != panel_) {
        showSelected();
    }
}

/// A watcher for every run that goes on, and for the one on show.
void TrainPage::follow() {
    for (const RunRow& row : model_->rows()) {
        if (!contract::isFinal(row.status.state)) {
            watcherOf(row);
        }
    }
}

jobs::RunWatcher* TrainPage::watcherOf(const RunRow& row) {
    jobs::RunWatcher*& watcher = watchers_[row.run.id];
    if (!watcher) {
        watcher = new jobs::RunWatcher(contract::RunDirectory{row.folder.toStdString()}, this);
        connect(watcher, &jobs::RunWatcher::statusChanged, this,
                [this, id = row.run.id](const contract::RunStatus& status) { statusChanged(id, status); });
    }
    return watcher;
}

void TrainPage::statusChanged(const QString& runId, const contract::RunStatus& status) {
    const RunRow* row = model_->find(runId);
    if (!row) {
        return;
    }
    const bool ended = contract::isFinal(status.state) && !contract::isFinal(row->status.state);
    const QString name = row->run.name;
    model_->updateStatus(runId, status);
    const bool live = status.state == contract::RunState::Running || status.state == contract::RunState::Preparing;
    workbench().setRunning(runId, live ? tr("%1: %2").arg(name, models::progressWords(status)) : QString());
    if (ended) {
        workbench().showMessage(tr("%1: %2").arg(name, models::stateWord(status.state)));
        workbench().notifyChanged();
    }
}

void TrainPage::showSelected() {
    const QString id = list_ ? list_->currentIndex().data(RunListModel::IdRole).toString() : QString();
    const RunRow* row = model_->find(id);
    if (!workbench().isOpen()) {
        state_->showEmpty(tr("No project is open"), tr("Open one on the Overview page to see its runs."));
        stack_->setCurrentWidget(state_);
        updateSide();
        return;
    }
    if (!row) {
        state_->showEmpty(tr("No runs yet"),
                          tr("A run trains a model on the labelled pairs. Its loss, rewards, margin and accuracy are "
                             "drawn here while it learns."),
                          workbench().isReadOnly() ? QString() : tr("&New run…"), [this] { newRun(); });
        stack_->setCurrentWidget(state_);
        updateSide();
        if (isVisible() && !workbench().isReadOnly()) {
            state_->setFocus();
        }
        return;
    }
    const QString before = view_->runId();
    view_->setRun(*row, watcherOf(*row));
    stack_->setCurrentWidget(view_);
    updateSide();
    const RunRow* left = before == id ? nullptr : model_->find(before);
    if (left && contract::isFinal(left->status.state)) {
        delete watchers_.take(before);
    }
}

void TrainPage::newRun() {
    if (!workbench().isOpen() || workbench().isReadOnly()) {
        return;
    }
    stack_->setCurrentWidget(panel_);
    updateSide();
    panel_->begin();
}

/// The engine and the model are looked at before anything is written: a run that cannot start leaves no trace.
void TrainPage::start() {
    panel_->showProblem({});
    panel_->setBusy(true);
    const auto failed = [this](const QString& message) {
        panel_->setBusy(false);
        panel_->showProblem(message);
    };
    runAside(
        this,
        [model = panel_->modelFolder()] {
            jobs::enginePath();
            files::checkModelFolder(model.toStdString());
        },
        [this, failed] {
            if (!workbench().isOpen()) {
                return;
            }
            workbench().store().run(
                [run = panel_->run()](project::Project& project) { return workbench::createRun(project, run); }, this,
                [this](const contract::RunDirectory& run) {
                    const QString folder = QString::fromStdString(run.path.string());
                    launch(QFileInfo(folder).fileName(), folder, false);
                },
                failed);
        },
        failed);
}

void TrainPage::launch(const QString& runId, const QString& folder, bool resume) {
    runAside(
        this, [folder, resume] { jobs::startTraining({folder.toStdString()}, resume); },
        [this, runId] {
            panel_->setBusy(false);
            wanted_ = runId;
            if (stack_->currentWidget() == panel_) {
                stack_->setCurrentWidget(view_);
                list_->setFocus();
            }
            workbench().notifyChanged();
            load();
        },
        [this, resume](const QString& message) {
            panel_->setBusy(false);
            if (stack_->currentWidget() == panel_ && !resume) {
                panel_->showProblem(message);
            } else {
                view_->showProblem(message);
            }
            workbench().notifyChanged();
            load();
        });
}

void TrainPage::resume(const QString& runId) {
    if (const RunRow* row = model_->find(runId)) {
        launch(runId, row->folder, row->status.state != contract::RunState::Queued);
    }
}

void TrainPage::useModel(const QString& runId) {
    workbench().store().run([runId](project::Project& project) { return workbench::adoptModel(project, runId); }, this,
                            [this](const QString&) {
                                workbench().notifyChanged();
                                workbench().requestPage(QStringLiteral("sample"));
                            },
                            [this](const QString& message) { view_->showProblem(message); });
}

}  // namespace prefbench::pages
