#include "ui/pages/sample_page.h"

#include <QHBoxLayout>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QStackedLayout>

#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/prompts.h"
#include "ui/models/run_list_model.h"
#include "ui/pages/model_picker.h"
#include "ui/pages/sample/model_reading.h"
#include "ui/pages/sample/preview.h"
#include "ui/pages/sample/sampling_form.h"
#include "ui/widgets/disclosure.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/state_view.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using workbench::SamplingJob;

namespace {

const QString kRunning = QStringLiteral("sampling");
constexpr int kTellMilliseconds = 2000;

QString number(qint64 value) {
    return QLocale().toString(value);
}

}  // namespace

SamplePage::SamplePage(Workbench& shared, QWidget* parent) : Page(shared, parent) {
    auto* row = new QHBoxLayout(this);
    widgets::setLayoutGrid(row, this, widgets::kPageMargin, widgets::kGroupSpacing);
    row->addWidget(buildSettings());
    row->addWidget(buildAnswers(), 1);
    connect(form_, &SamplingForm::changed, this, &SamplePage::formChanged);
    present({});
}

SamplePage::~SamplePage() = default;

ModelPicker* SamplePage::modelPicker() const {
    return form_->modelPicker();
}

QWidget* SamplePage::buildSettings() {
    auto* side = new QWidget(this);
    side->setFixedWidth(widgets::em(this, 26));
    auto* column = new QVBoxLayout(side);
    widgets::setLayoutGrid(column, this, 0, widgets::kSpacing);
    column->addWidget(widgets::titleLabel(tr("Sample answers"), side));
    form_ = new SamplingForm(workbench(), side);
    auto* scroll = new QScrollArea(side);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(form_);
    column->addWidget(scroll, 1);
    start_ = new widgets::PrimaryButton({}, side);
    connect(start_, &QPushButton::clicked, this, &SamplePage::startSampling);
    column->addWidget(start_);
    return side;
}

QWidget* SamplePage::buildAnswers() {
    auto* area = new QWidget(this);
    auto* column = answers_ = new QVBoxLayout(area);
    widgets::setLayoutGrid(column, this, 0, widgets::kSpacing);
    notice_ = new widgets::NoticeBar(area);
    column->addWidget(notice_);
    auto* progressRow = new QHBoxLayout;
    progressRow->setSpacing(widgets::grid(this, widgets::kSpacing));
    auto* progress = new QVBoxLayout;
    progress->setSpacing(widgets::grid(this, 0.5));
    progressText_ = new widgets::Label(widgets::Label::Role::Body, {}, area);
    bar_ = new QProgressBar(area);
    bar_->setTextVisible(false);
    bar_->setAccessibleName(tr("Sampling progress"));
    bar_->setFixedHeight(widgets::grid(this, 1));
    progress->addWidget(progressText_);
    progress->addWidget(bar_);
    progressRow->addLayout(progress, 1);
    cancel_ = new QPushButton(tr("&Cancel"), area);
    cancel_->setToolTip(tr("Stops; answers that are stored stay (Esc)"));
    cancel_->setShortcut(Qt::Key_Escape);
    connect(cancel_, &QPushButton::clicked, this, &SamplePage::cancelSampling);
    progressRow->addWidget(cancel_, 0, Qt::AlignBottom);
    column->addLayout(progressRow);

    state_ = new widgets::StateView(area);
    auto* scroll = new QScrollArea(area);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    preview_ = new SamplePreview(scroll);
    scroll->setWidget(preview_);
    auto* content = new QWidget(area);
    stack_ = new QStackedLayout(content);
    stack_->setContentsMargins(0, 0, 0, 0);
    stack_->addWidget(state_);
    stack_->addWidget(scroll);
    column->addWidget(content, 1);
    reading_ = new ModelReading(workbench(), area);
    column->addWidget(reading_);
    connect(reading_, &ModelReading::toggled, this, &SamplePage::shareHeight);
    shareHeight(reading_->disclosure()->isOpen());
    for (QWidget* widget :
         {static_cast<QWidget*>(progressText_), static_cast<QWidget*>(bar_), static_cast<QWidget*>(cancel_)}) {
        widget->hide();
    }
    return area;
}

QList<KeyHelp> SamplePage::keys() const {
    return {{tr("Alt+underlined letter"), tr("Go to a setting")},
            {tr("Alt+W"), tr("Show or hide what the model reads")},
            {QStringLiteral("← →"), tr("In that text: from token to token")},
            {tr("Esc"), tr("Cancel sampling")}};
}

/// Open, the text has half of the height; closed, its heading stands at the bottom.
void SamplePage::shareHeight(bool readingOpen) {
    answers_->setStretchFactor(reading_, readingOpen ? 1 : 0);
}

void SamplePage::formChanged() {
    updateButton();
    reading_->setSource(modelPicker()->modelFolder(), form_->split(), form_->promptsOfSplit());
}

void SamplePage::projectOpened() {
    stale_ = true;
    load();
}

void SamplePage::projectClosed() {
    if (job_) {
        workbench().setRunning(kRunning, {});
        delete job_;
    }
    endJob();
    modelPicker()->clear();
    preview_->clear();
    notice_->dismiss();
    stack_->setCurrentIndex(0);
    present({});
}

void SamplePage::projectChanged() {
    stale_ = true;
    if (isVisible() && !job_) {
        load();
    }
}

void SamplePage::activated() {
    if (stale_ && !job_) {
        load();
    }
    start_->setFocus();
}

void SamplePage::load() {
    if (!workbench().isOpen()) {
        return;
    }
    modelPicker()->load();
    workbench().store().run(
        [](project::Project& project) {
            project::Prompts prompts(project);
            return Counts{prompts.count(project::Split::Train), prompts.count(project::Split::Test),
                          project::Completions(project).count(), project::Comparisons(project).count()};
        },
        this, [this](const Counts& counts) { present(counts); }, [this](const QString& message) { fail(message); });
}

void SamplePage::present(const Counts& counts) {
    stale_ = false;
    counts_ = counts;
    form_->setPromptCounts(counts.trainPrompts, counts.testPrompts);
    if (counts.trainPrompts + counts.testPrompts == 0) {
        state_->showEmpty(tr("No prompts yet"),
                          tr("Answers are written to the project's prompts. Import some first: File › Import."));
    } else if (counts.answers == 0) {
        state_->showEmpty(tr("No answers yet"), tr("Answers appear here while the model writes them, and pairs of them "
                                                   "wait on the Label page."));
    } else {
        state_->showEmpty(
            tr("%1 answers, %2 comparisons so far").arg(number(counts.answers), number(counts.comparisons)),
            tr("New answers appear here while the model writes them."));
    }
    formChanged();
}

void SamplePage::updateButton() {
    const qint64 answers = form_->promptsWanted() * form_->answersPerPrompt();
    start_->setText(job_ ? tr("Sampling…") : tr("&Sample %1 answers").arg(number(answers)));
    start_->setEnabled(!job_ && answers > 0 && !modelPicker()->modelId().isEmpty() && workbench().isOpen() &&
                       !workbench().isReadOnly());
    start_->setToolTip(workbench().isReadOnly()             ? tr("The project is read-only")
                       : modelPicker()->modelId().isEmpty() ? tr("Choose a model first")
                       : answers == 0                       ? tr("Import prompts first")
                                                            : QString());
    form_->setBusy(job_ != nullptr);
}

void SamplePage::startSampling() {
    if (job_ || !start_->isEnabled()) {
        return;
    }
    cancelled_ = false;
    notice_->dismiss();
    preview_->clear();
    told_.invalidate();
    job_ = new SamplingJob(workbench().store(), this);
    connect(job_, &SamplingJob::streamed, this, [this](const project::Prompt& prompt, int index, const QString& text) {
        preview_->append(prompt, index, text);
        stack_->setCurrentIndex(1);
    });
    connect(job_, &SamplingJob::progress, this, &SamplePage::showProgress);
    connect(job_, &SamplingJob::finished, this, &SamplePage::finish);
    connect(job_, &SamplingJob::failed, this, &SamplePage::fail);
    for (QWidget* widget :
         {static_cast<QWidget*>(progressText_), static_cast<QWidget*>(bar_), static_cast<QWidget*>(cancel_)}) {
        widget->show();
    }
    progressText_->setText(tr("Loading the model…"));
    bar_->setRange(0, 0);
    cancel_->setEnabled(true);
    state_->showLoading(tr("Loading the model"));
    stack_->setCurrentIndex(0);
    updateButton();
    cancel_->setFocus();
    job_->start(form_->request());
}

void SamplePage::cancelSampling() {
    if (job_) {
        cancelled_ = true;
        cancel_->setEnabled(false);
        progressText_->setText(tr("Stopping; answers already stored stay…"));
        job_->cancel();
    }
}

void SamplePage::showProgress(const SamplingJob::Progress& progress) {
    if (cancelled_) {
        return;
    }
    bar_->setRange(0, static_cast<int>(progress.totalPrompts));
    bar_->setValue(static_cast<int>(progress.prompts));
    const qint64 total = progress.totalPrompts * form_->answersPerPrompt();
    QStringList parts{tr("%1 of %2 answers").arg(number(progress.completions), number(total))};
    if (progress.prompts > 0 && progress.promptsPerSecond > 0) {
        const double rate = progress.promptsPerSecond * form_->answersPerPrompt();
        parts << tr("%1 a second").arg(QLocale().toString(rate, 'f', rate < 10 ? 1 : 0));
        parts << tr("%1 left").arg(models::aboutDuration(progress.secondsLeft));
    }
    progressText_->setText(parts.join(QStringLiteral(" · ")));
    workbench().setRunning(kRunning, tr("Sampling: %1").arg(parts.join(QStringLiteral(", "))));
    // Pairs can be labelled while more are drawn.
    if (progress.comparisons > 0 && (!told_.isValid() || told_.hasExpired(kTellMilliseconds))) {
        told_.start();
        workbench().notifyChanged();
    }
}

void SamplePage::finish(const SamplingJob::Progress& progress) {
    const QString result = tr("%1 answers stored, %2 comparisons to label.")
                               .arg(number(progress.completions), number(progress.comparisons));
    QString text = cancelled_ ? tr("Cancelled. %1").arg(result) : result;
    if (progress.refused > 0) {
        text += QLatin1Char(' ') +
                tr("%1 prompts could not be answered: %2").arg(number(progress.refused), progress.firstRefusal);
    }
    endJob();
    notice_->present(widgets::NoticeBar::Kind::Result, text);
    if (progress.comparisons > 0) {
        notice_->setAction(tr("La&bel"), [this] { workbench().requestPage(QStringLiteral("label")); });
    }
    workbench().notifyChanged();
}

void SamplePage::fail(const QString& message) {
    const bool sampling = job_ != nullptr;
    endJob();
    notice_->present(widgets::NoticeBar::Kind::Problem, message);
    if (sampling) {
        workbench().notifyChanged();
    }
}

void SamplePage::endJob() {
    if (job_) {
        job_->disconnect(this);
        job_->deleteLater();
        job_.clear();
    }
    workbench().setRunning(kRunning, {});
    for (QWidget* widget :
         {static_cast<QWidget*>(progressText_), static_cast<QWidget*>(bar_), static_cast<QWidget*>(cancel_)}) {
        widget->hide();
    }
    updateButton();
}

QString SamplePage::notice() const {
    return notice_->isHidden() ? QString() : notice_->text();
}

}  // namespace prefbench::pages
