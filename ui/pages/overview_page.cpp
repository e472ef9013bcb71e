#include "ui/pages/overview_page.h"

#include <QBoxLayout>
#include <QDateTime>
#include <QFileInfo>
#include <QGridLayout>
#include <QLocale>
#include <QScrollArea>
#include <QStackedWidget>
#include <algorithm>

#include "core/project/annotators.h"
#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/prompts.h"
#include "core/project/runs.h"
#include "ui/widgets/elided_label.h"
#include "ui/widgets/state_view.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using widgets::grid;
using widgets::Label;

namespace {

constexpr int kRecentEntries = 8;
constexpr qint64 kLabelsWorthTraining = 30;

QString ago(const QString& time) {
    const QDateTime then = QDateTime::fromString(time, Qt::ISODateWithMs);
    if (!then.isValid()) {
        return {};
    }
    const qint64 seconds = then.secsTo(QDateTime::currentDateTimeUtc());
    if (seconds < 60) {
        return OverviewPage::tr("just now");
    }
    if (seconds < 3600) {
        return OverviewPage::tr("%1 min ago").arg(seconds / 60);
    }
    if (seconds < 86400) {
        return OverviewPage::tr("%1 h ago").arg(seconds / 3600);
    }
    return QLocale().toString(then.toLocalTime().date(), QLocale::ShortFormat);
}

QString runActivity(const project::Run& run) {
    if (run.state == QLatin1String("finished")) {
        return OverviewPage::tr("Run %1 finished after %2 steps").arg(run.name).arg(run.step);
    }
    if (run.state == QLatin1String("failed")) {
        return OverviewPage::tr("Run %1 failed at step %2").arg(run.name).arg(run.step);
    }
    if (run.state == QLatin1String("stopped") || run.state == QLatin1String("interrupted")) {
        return OverviewPage::tr("Run %1 ended at step %2 of %3").arg(run.name).arg(run.step).arg(run.totalSteps);
    }
    return OverviewPage::tr("Run %1 started").arg(run.name);
}

}  // namespace

OverviewPage::OverviewPage(Workbench& shared, QWidget* parent) : Page(shared, parent) {
    stateView_ = new widgets::StateView(this);
    content_ = buildFigures();
    auto* scroll = new QScrollArea(this);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidgetResizable(true);
    scroll->setWidget(content_);
    stack_ = new QStackedWidget(this);
    stack_->addWidget(stateView_);
    stack_->addWidget(scroll);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(stack_);
    showWelcome();
}

QWidget* OverviewPage::buildFigures() {
    auto* outer = new QWidget(this);
    auto* page = new QWidget(outer);
    page->setMaximumWidth(widgets::em(this, 84));
    auto* row = new QHBoxLayout(outer);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(page, 1000);
    row->addStretch(1);
    auto* column = new QVBoxLayout(page);
    widgets::setLayoutGrid(column, this, widgets::kPageMargin, widgets::kGroupSpacing);

    auto* heading = new QVBoxLayout;
    heading->setSpacing(grid(this, 0.5));
    title_ = widgets::titleLabel({}, page);
    where_ = widgets::secondaryLabel({}, page);
    where_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    heading->addWidget(title_);
    heading->addWidget(where_);
    column->addLayout(heading);

    auto* tileRow = new QWidget(page);
    tileRow->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
    auto* tiles = new QHBoxLayout(tileRow);
    widgets::setLayoutGrid(tiles, this, 0, 2);
    for (const QString& name : {tr("Prompts"), tr("Answers"), tr("Comparisons"), tr("Judgements"), tr("Runs")}) {
        auto* tile = new widgets::Card(tileRow);
        auto* layout = new QVBoxLayout(tile);
        widgets::setLayoutGrid(layout, this, 2, 0.25);
        layout->addWidget(widgets::secondaryLabel(name, tile));
        numbers_ << new Label(Label::Role::Figure, QStringLiteral("–"), tile);
        numbers_.last()->setAccessibleName(name);
        notes_ << widgets::secondaryLabel({}, tile);
        layout->addWidget(numbers_.last());
        layout->addWidget(notes_.last());
        layout->addStretch();
        tiles->addWidget(tile, 1);
    }
    column->addWidget(tileRow);

    auto* step = new widgets::Card(page);
    step->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Maximum);
    auto* stepRow = new QHBoxLayout(step);
    widgets::setLayoutGrid(stepRow, this, 2, 2);
    auto* words = new QVBoxLayout;
    words->setSpacing(grid(this, 0.75));
    stepHeading_ = widgets::sectionLabel({}, step);
    stepSentence_ = new Label(Label::Role::Body, {}, step);
    stepSentence_->setWordWrap(true);
    words->addWidget(stepHeading_);
    words->addWidget(stepSentence_);
    stepRow->addLayout(words, 1);
    stepButton_ = new widgets::PrimaryButton({}, step);
    connect(stepButton_, &QPushButton::clicked, this, [this] { follow(stepPage_); });
    stepRow->addWidget(stepButton_, 0, Qt::AlignVCenter);
    column->addWidget(step);

    recentArea_ = new QWidget(page);
    auto* recentColumn = new QVBoxLayout(recentArea_);
    widgets::setLayoutGrid(recentColumn, this, 0, widgets::kSpacing);
    recentColumn->addWidget(widgets::sectionLabel(tr("Recent"), recentArea_));
    recent_ = new QGridLayout;
    recent_->setHorizontalSpacing(grid(this, 2));
    recent_->setVerticalSpacing(grid(this, 1));
    recent_->setColumnStretch(1, 1);
    recentColumn->addLayout(recent_);
    column->addWidget(recentArea_);
    column->addStretch();
    return outer;
}

void OverviewPage::showWelcome() {
    stateView_->showEmpty(
        tr("Welcome to Prefbench"),
        tr("Compare pairs of answers, train a model on what people prefer, and watch it learn. The starter project "
           "brings prompts and a small model, so that all of it works at once."),
        tr("Open the &starter project"), [this] { Q_EMIT starterRequested(); });
    stateView_->addSecondary(tr("&New project…"), [this] { Q_EMIT newRequested(); });
    stateView_->addSecondary(tr("&Open…"), [this] { Q_EMIT openRequested(); });
    stack_->setCurrentIndex(0);
}

void OverviewPage::showOpening(const QString& path) {
    if (!workbench().isOpen()) {
        stateView_->showLoading(tr("Opening %1").arg(QFileInfo(path).fileName()));
        stack_->setCurrentIndex(0);
    }
}

void OverviewPage::showOpenFailed(const QString& message) {
    stateView_->showError(tr("The project could not be opened"), message, tr("&Open another…"),
                          [this] { Q_EMIT openRequested(); });
    stateView_->addSecondary(tr("&New project…"), [this] { Q_EMIT newRequested(); });
    stateView_->addSecondary(tr("&Starter project"), [this] { Q_EMIT starterRequested(); });
    stack_->setCurrentIndex(0);
}

void OverviewPage::projectOpened() {
    title_->setText(QFileInfo(workbench().projectPath()).completeBaseName());
    where_->setText(workbench().projectPath());
    stale_ = true;
    gathering_ = false;
    refresh();
}

void OverviewPage::projectClosed() {
    showWelcome();
}

void OverviewPage::projectChanged() {
    stale_ = true;
    if (isVisible()) {
        refresh();
    }
}

void OverviewPage::activated() {
    // Runs and times move by themselves.
    stale_ = true;
    refresh();
    stepButton_->setFocus();
}

OverviewPage::Figures OverviewPage::gather(project::Project& project) {
    Figures figures;
    figures.prompts = project::Prompts(project).count();
    figures.completions = project::Completions(project).count();
    figures.comparisons = project::Comparisons(project).count();
    figures.toLabel = project::Comparisons(project).countToLabel();
    project::Judgements judgements(project);
    figures.labels = judgements.counts();
    figures.judgements = figures.labels.total();
    const QList<project::Run> runs = project::Runs(project).all();
    figures.runs = runs.size();
    for (const project::Run& run : runs) {
        figures.runsFinished += run.state == QLatin1String("finished");
        figures.runsUnderWay += run.state == QLatin1String("running") || run.state == QLatin1String("preparing") ||
                                run.state == QLatin1String("queued") || run.state == QLatin1String("paused");
        figures.recent << Activity{run.created, runActivity(run)};
    }
    for (const project::Annotator& annotator : project::Annotators(project).all()) {
        if (const auto latest = judgements.latest(annotator.id)) {
            const qint64 answered = judgements.countAnswered(annotator.id);
            figures.recent << Activity{
                latest->created,
                tr("%1 answered: %2 of %3 so far").arg(annotator.name).arg(answered).arg(figures.toLabel)};
        }
    }
    std::stable_sort(figures.recent.begin(), figures.recent.end(),
                     [](const Activity& a, const Activity& b) { return a.time > b.time; });
    figures.recent = figures.recent.mid(0, kRecentEntries);
    return figures;
}

OverviewPage::NextStep OverviewPage::nextStep(const Figures& figures) {
    if (figures.prompts == 0) {
        return {tr("Next: bring in prompts"), tr("A text file with one prompt a line will do, or JSON lines."),
                tr("Import prompts…"), QStringLiteral("import")};
    }
    if (figures.comparisons == 0) {
        return {tr("Next: sample answers"),
                tr("A model writes several answers to each prompt; pairs of them are compared."), tr("Sample answers"),
                QStringLiteral("sample")};
    }
    if (figures.labels.decided < kLabelsWorthTraining && figures.labels.total() < figures.toLabel) {
        return {tr("Next: label"),
                tr("Say which of two answers is better. Some thirty pairs are enough for a first run."),
                tr("Label answers"), QStringLiteral("label")};
    }
    if (figures.runsUnderWay > 0) {
        return {tr("Training is under way"), tr("Loss, rewards, margin and accuracy are drawn as they come."),
                tr("Watch the run"), QStringLiteral("train")};
    }
    if (figures.runs == 0) {
        return {tr("Next: train"),
                tr("Pairs decided: %1. Training runs in the background, also with the window closed.")
                    .arg(figures.labels.decided),
                tr("Train on the labels"), QStringLiteral("train")};
    }
    if (figures.labels.total() < figures.toLabel) {
        return {tr("Next: more labels"),
                tr("Comparisons still open: %1. More labels make the next run better.")
                    .arg(figures.toLabel - figures.labels.total()),
                tr("Label answers"), QStringLiteral("label")};
    }
    return {tr("Next: look at the runs"), tr("Compare the curves, read the samples, export the model you like."),
            tr("Show the runs"), QStringLiteral("train")};
}

void OverviewPage::refresh() {
    if (!workbench().isOpen() || gathering_ || !stale_) {
        return;
    }
    gathering_ = true;
    stale_ = false;
    workbench().store().run([](project::Project& project) { return gather(project); }, this,
                            [this](const Figures& figures) {
                                gathering_ = false;
                                if (workbench().isOpen()) {
                                    showFigures(figures);
                                }
                                if (stale_ && isVisible()) {
                                    refresh();
                                }
                            },
                            [this](const QString& problem) {
                                gathering_ = false;
                                stateView_->showError(tr("The project could not be read"), problem, tr("Try again"),
                                                      [this] {
                                                          stale_ = true;
                                                          refresh();
                                                      });
                                stack_->setCurrentIndex(0);
                            });
}

void OverviewPage::showFigures(const Figures& figures) {
    const QLocale locale;
    const qint64 values[] = {figures.prompts, figures.completions, figures.comparisons, figures.judgements,
                             figures.runs};
    for (int i = 0; i < numbers_.size(); ++i) {
        numbers_[i]->setText(locale.toString(values[i]));
    }
    QStringList labels;
    if (figures.judgements > 0) {
        labels << tr("%1 decided").arg(locale.toString(figures.labels.decided));
    }
    if (figures.labels.ties > 0) {
        labels << tr("%1 ties").arg(locale.toString(figures.labels.ties));
    }
    if (figures.labels.bothBad + figures.labels.skipped > 0) {
        labels << tr("%1 both bad or skipped").arg(locale.toString(figures.labels.bothBad + figures.labels.skipped));
    }
    notes_[3]->setText(labels.join(QStringLiteral(", ")));
    QStringList runs;
    if (figures.runsUnderWay > 0) {
        runs << tr("%1 under way").arg(figures.runsUnderWay);
    }
    if (figures.runsFinished > 0) {
        runs << tr("%1 finished").arg(figures.runsFinished);
    }
    notes_[4]->setText(runs.join(QStringLiteral(", ")));

    const NextStep step = nextStep(figures);
    stepHeading_->setText(step.heading);
    stepSentence_->setText(step.sentence);
    stepButton_->setText(step.button);
    stepButton_->setAccessibleName(step.button);
    stepButton_->setEnabled(!workbench().isReadOnly() || step.page == QLatin1String("train"));
    stepPage_ = step.page;

    while (QLayoutItem* item = recent_->takeAt(0)) {
        delete item->widget();
        delete item;
    }
    recentArea_->setVisible(!figures.recent.isEmpty());
    for (int row = 0; row < figures.recent.size(); ++row) {
        Label* when = widgets::secondaryLabel(ago(figures.recent[row].time), recentArea_);
        when->setWordWrap(false);
        recent_->addWidget(when, row, 0);
        recent_->addWidget(new widgets::ElidedLabel(figures.recent[row].text, recentArea_), row, 1);
    }
    stack_->setCurrentIndex(1);
}

void OverviewPage::follow(const QString& page) {
    if (page == QLatin1String("import")) {
        Q_EMIT importRequested();
    } else {
        workbench().requestPage(page);
    }
}

}  // namespace prefbench::pages
