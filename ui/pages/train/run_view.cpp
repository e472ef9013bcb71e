#include "ui/pages/train/run_view.h"

#include <QHBoxLayout>
#include <QPushButton>
#include <QSettings>
#include <QTabWidget>
#include <QTimer>
#include <algorithm>
#include <span>
#include <utility>

#include "ui/charts/run_charts.h"
#include "ui/methods/method_choices.h"
#include "ui/pages/train/aside.h"
#include "ui/pages/train/file_view.h"
#include "ui/pages/train/headline.h"
#include "ui/pages/train/samples_view.h"
#include "ui/widgets/icon.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

namespace {

constexpr qsizetype kRecordsAtOnce = 2000;

const QString kSmoothing = QStringLiteral("train/smoothing");

}  // namespace

using contract::RequestKind;
using contract::RunState;

RunView::RunView(QWidget* parent) : QWidget(parent) {
    auto* column = new QVBoxLayout(this);
    widgets::setLayoutGrid(column, this, 0, widgets::kSpacing);
    buildHeader();
    detail_ = widgets::secondaryLabel({}, this);
    column->addWidget(detail_);
    notice_ = new widgets::NoticeBar(this);
    column->addWidget(notice_);
    headline_ = new Headline(this);
    column->addWidget(headline_);
    buildTabs();
    column->addWidget(tabs_, 1);
}

int RunView::headerHeight(const QWidget* widget) {
    return widgets::em(widget, 2.25);
}

void RunView::buildHeader() {
    auto* row = new QHBoxLayout;
    row->setSpacing(widgets::grid(this, widgets::kTightSpacing));
    name_ = widgets::titleLabel({}, this);
    name_->setMinimumHeight(headerHeight(this));
    state_ = widgets::secondaryLabel({}, this);
    state_->setWordWrap(false);
    row->addWidget(name_);
    row->addWidget(state_, 0, Qt::AlignVCenter);
    row->addStretch(1);
    const auto button = [&](const QString& text, const QString& icon, const QString& tip) {
        auto* made = new QPushButton(widgets::icon(icon), text, this);
        made->setToolTip(tip);
        row->addWidget(made);
        return made;
    };
    pause_ = button(tr("&Pause"), QStringLiteral("pause"), tr("Pauses after the step under way"));
    checkpoint_ =
        button(tr("&Checkpoint now"), QStringLiteral("save"), tr("Saves the model as it is now; training goes on"));
    stop_ = button(tr("S&top"), QStringLiteral("stop"), tr("Saves a checkpoint and stops; the run can go on later"));
    resume_ = button(tr("Res&ume run"), QStringLiteral("play"), tr("Goes on from the last checkpoint"));
    use_ = button(tr("&Sample from this model"), QStringLiteral("sample"),
                  tr("Adds the trained model to the project and opens the Sample page"));
    connect(pause_, &QPushButton::clicked, this,
            [this] { post(row_.status.state == RunState::Paused ? RequestKind::Resume : RequestKind::Pause); });
    connect(checkpoint_, &QPushButton::clicked, this, [this] { post(RequestKind::Checkpoint); });
    connect(stop_, &QPushButton::clicked, this, [this] { post(RequestKind::Stop); });
    connect(resume_, &QPushButton::clicked, this, [this] { Q_EMIT resumeRequested(row_.run.id); });
    connect(use_, &QPushButton::clicked, this, [this] { Q_EMIT modelRequested(row_.run.id); });
    static_cast<QVBoxLayout*>(layout())->addLayout(row);
}

void RunView::buildTabs() {
    tabs_ = new QTabWidget(this);
    tabs_->setDocumentMode(true);
    const auto add = [this](QWidget* page, const QString& title) {
        auto* frame = new QWidget(tabs_);
        auto* layout = new QVBoxLayout(frame);
        layout->setContentsMargins(0, widgets::grid(this, widgets::kSpacing), 0, 0);
        layout->addWidget(page);
        tabs_->addTab(frame, title);
    };
    charts_ = new charts::RunCharts(this);
    samples_ = new SamplesView(this);
    spec_ = new FileView(FileView::Kind::Document, tr("run.json is not there yet."), this);
    log_ = new FileView(FileView::Kind::Log, tr("The engine has said nothing yet."), this);
    add(charts_, tr("Charts"));
    add(samples_, tr("Samples"));
    add(spec_, tr("Specification"));
    add(log_, tr("Log"));
    charts_->setSmoothing(QSettings().value(kSmoothing, 0.0).toDouble());
    connect(charts_, &charts::RunCharts::smoothingChanged, this,
            [](double weight) { QSettings().setValue(kSmoothing, weight); });
    connect(charts_, &charts::RunCharts::saved, this, &RunView::chartsSaved);
    connect(charts_, &charts::RunCharts::saveFailed, this,
            [this](const QString& message) { present(Notice::Own, message); });
}

void RunView::setRun(const models::RunRow& row, jobs::RunWatcher* watcher) {
    const bool same = row.run.id == row_.run.id && watcher == watcher_;
    row_ = row;
    if (same) {
        present();
        return;
    }
    watcher_ = watcher;
    awaited_ = 0;
    notice_->dismiss();
    charts_->clear();
    charts_->setMethod(row.run.method);
    charts_->setRunName(row.run.name);
    samples_->clear();
    const contract::RunDirectory run{row.folder.toStdString()};
    spec_->setFile(run.spec());
    log_->setFile(run.log());
    samples_->load(run.samples());
    link_ = std::make_unique<QObject>();
    connect(watcher, &jobs::RunWatcher::recordsAdded, link_.get(), [this] { drawRecords(); });
    connect(watcher, &jobs::RunWatcher::recordsReset, link_.get(), [this] { drawAnew(); });
    connect(watcher, &jobs::RunWatcher::statusChanged, link_.get(),
            [this](const contract::RunStatus& status) { takeStatus(status); });
    drawAnew();
}

void RunView::showProblem(const QString& problem) {
    present(Notice::OfState, problem);
}

void RunView::present(Notice kind, const QString& problem) {
    shownNotice_ = kind;
    notice_->present(widgets::NoticeBar::Kind::Problem, problem);
}

void RunView::clear() {
    link_.reset();
    watcher_.clear();
    row_ = {};
    charts_->clear();
    samples_->clear();
}

void RunView::drawAnew() {
    charts_->setRecords({});
    drawn_ = 0;
    drawRecords();
}

/// A long run's records go into the charts a part at a time, so that the window answers in between.
void RunView::drawRecords() {
    if (!watcher_) {
        return;
    }
    const QList<contract::MetricRecord>& records = watcher_->records();
    const qsizetype count = std::min(kRecordsAtOnce, records.size() - drawn_);
    const std::span part(records.constData() + drawn_, static_cast<std::size_t>(count));
    charts_->addRecords(part);
    drawn_ += count;
    evaluated_ = evaluated_ || std::any_of(part.begin(), part.end(),
                                           [](const contract::MetricRecord& record) { return record.split == "eval"; });
    if (drawn_ < records.size()) {
        QTimer::singleShot(0, link_.get(), [this] { drawRecords(); });
    } else if (std::exchange(evaluated_, false)) {
        samples_->load(contract::RunDirectory{row_.folder.toStdString()}.samples());
    }
    present();
}

void RunView::takeStatus(const contract::RunStatus& status) {
    const bool ended = contract::isFinal(status.state) && !contract::isFinal(row_.status.state);
    row_.status = status;
    if (status.lastRequest >= awaited_) {
        awaited_ = 0;
    }
    if (ended) {
        samples_->load(contract::RunDirectory{row_.folder.toStdString()}.samples());
    }
    present();
}

void RunView::present() {
    const RunState state = row_.status.state;
    name_->setText(row_.run.name);
    state_->setText(tr("%1 · %2").arg(methods::methodTitle(row_.run.method), models::stateWord(state)));
    detail_->setText(models::progressWords(row_.status));
    detail_->setVisible(state == RunState::Preparing || state == RunState::Queued);
    const bool live = state == RunState::Running || state == RunState::Paused || state == RunState::Preparing;
    pause_->setVisible(live);
    pause_->setText(state == RunState::Paused ? tr("&Resume") : tr("&Pause"));
    pause_->setIcon(widgets::icon(state == RunState::Paused ? QStringLiteral("play") : QStringLiteral("pause")));
    checkpoint_->setVisible(live);
    stop_->setVisible(live);
    const bool waiting = awaited_ > 0;
    for (QPushButton* button : {pause_, checkpoint_, stop_}) {
        button->setEnabled(!waiting);
    }
    const bool resumable = state == RunState::Interrupted || state == RunState::Stopped || state == RunState::Failed ||
                           state == RunState::Queued;
    resume_->setVisible(resumable);
    resume_->setText(state == RunState::Queued ? tr("&Start run") : tr("Res&ume run"));
    use_->setVisible(state == RunState::Finished);
    if (state == RunState::Failed) {
        present(Notice::OfState, models::progressWords(row_.status));
    } else if (state == RunState::Interrupted) {
        present(Notice::OfState,
                tr("Training ended without finishing. What it learned up to the last checkpoint is kept."));
    } else if (shownNotice_ == Notice::OfState && live && awaited_ == 0) {
        notice_->dismiss();
    }
    headline_->present(row_.status, charts_->data());
}

/// The engine answers by raising lastRequest in status.json.
void RunView::post(RequestKind kind) {
    awaited_ = std::numeric_limits<qint64>::max();
    present();
    runAside(
        this,
        [run = contract::RunDirectory{row_.folder.toStdString()}, kind] { return contract::postRequest(run, kind); },
        [this, id = row_.run.id](std::int64_t number) {
            if (id == row_.run.id) {
                awaited_ = row_.status.lastRequest >= number ? 0 : number;
                present();
            }
        },
        [this](const QString& message) {
            awaited_ = 0;
            present();
            present(Notice::Own, message);
        });
}

}  // namespace prefbench::pages
