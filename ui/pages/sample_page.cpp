#include "ui/pages/sample_page.h"

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLocale>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSpinBox>
#include <QStackedLayout>

#include "core/project/comparisons.h"
#include "core/project/completions.h"
#include "core/project/prompts.h"
#include "ui/models/run_list_model.h"
#include "ui/pages/model_picker.h"
#include "ui/pages/sample/preview.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/state_view.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using workbench::PairPolicy;
using workbench::SamplingJob;
using workbench::SamplingRequest;

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
    connect(models_, &ModelPicker::changed, this, &SamplePage::updateButton);
    for (QSpinBox* box : {perPrompt_, limit_}) {
        connect(box, &QSpinBox::valueChanged, this, &SamplePage::updateButton);
    }
    connect(which_, &QComboBox::currentIndexChanged, this, &SamplePage::updateButton);
    present({});
}

SamplePage::~SamplePage() = default;

QWidget* SamplePage::buildSettings() {
    auto* side = new QWidget(this);
    side->setFixedWidth(widgets::em(this, 26));
    auto* column = new QVBoxLayout(side);
    widgets::setLayoutGrid(column, this, 0, widgets::kSpacing);
    column->addWidget(widgets::titleLabel(tr("Sample answers"), side));

    auto* inner = new QWidget(side);
    auto* form = new QFormLayout(inner);
    form->setContentsMargins(0, 0, widgets::grid(this, 1), 0);
    form->setHorizontalSpacing(widgets::grid(this, 2));
    form->setVerticalSpacing(widgets::grid(this, widgets::kSpacing));
    form->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
    const auto add = [&](const QString& text, QWidget* field, const QString& tip) {
        auto* label = new QLabel(text, inner);
        label->setBuddy(field);
        label->setToolTip(tip);
        if (auto* box = qobject_cast<QComboBox*>(field)) {
            // The longest entry must not decide the column's width.
            box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
            box->setMinimumContentsLength(8);
        }
        field->setToolTip(tip);
        field->setAccessibleDescription(tip);
        form->addRow(label, field);
        fields_ << field;
    };
    const auto spin = [&](int low, int high, int value) {
        auto* box = new QSpinBox(inner);
        box->setRange(low, high);
        box->setValue(value);
        box->setGroupSeparatorShown(true);
        return box;
    };
    const auto real = [&](double low, double high, double step, double value) {
        auto* box = new QDoubleSpinBox(inner);
        box->setRange(low, high);
        box->setSingleStep(step);
        box->setDecimals(2);
        box->setValue(value);
        return box;
    };
    models_ = new ModelPicker(workbench(), inner);
    add(tr("&Model"), models_, tr("The model that writes the answers"));
    which_ = new QComboBox(inner);
    which_->addItem(tr("Training prompts"), static_cast<int>(project::Split::Train));
    which_->addItem(tr("Test prompts"), static_cast<int>(project::Split::Test));
    which_->addItem(tr("All prompts"), -1);
    which_->setCurrentIndex(2);
    add(tr("&Prompts"), which_,
        tr("Answers to test prompts are labelled too, but only evaluate: no run learns from them"));
    limit_ = spin(0, 10000000, 0);
    limit_->setSpecialValueText(tr("all of them"));
    add(tr("At m&ost"), limit_, tr("So many prompts from the first on"));
    perPrompt_ = spin(2, 64, 4);
    add(tr("&Answers per prompt"), perPrompt_, tr("Different answers to the same prompt are what is compared"));
    policy_ = new QComboBox(inner);
    policy_->addItem(tr("each answer once"), static_cast<int>(PairPolicy::Disjoint));
    policy_->addItem(tr("every pair"), static_cast<int>(PairPolicy::All));
    add(tr("Compa&re"), policy_, tr("Which of a prompt's answers are paired; equal answers never are"));
    temperature_ = real(0, 5, 0.1, 1);
    add(tr("Temperat&ure"), temperature_, tr("Higher is more varied; 0 always takes the likeliest word"));
    topP_ = real(0.01, 1, 0.05, 1);
    add(tr("Top-p"), topP_, tr("Only the likeliest words that together have this share; 1 = off"));
    topK_ = spin(0, 1000000, 0);
    topK_->setSpecialValueText(tr("off"));
    add(tr("Top-k"), topK_, tr("Only so many of the likeliest words"));
    longest_ = spin(1, 100000, 128);
    longest_->setSuffix(tr(" tokens"));
    add(tr("Lon&gest answer"), longest_, tr("An answer that is not done by then is cut off"));
    seed_ = spin(0, std::numeric_limits<int>::max(), 0);
    seed_->setGroupSeparatorShown(false);
    add(tr("See&d"), seed_, tr("The same seed draws the same answers"));

    auto* scroll = new QScrollArea(side);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(inner);
    column->addWidget(scroll, 1);
    start_ = new widgets::PrimaryButton({}, side);
    connect(start_, &QPushButton::clicked, this, &SamplePage::startSampling);
    column->addWidget(start_);
    return side;
}

QWidget* SamplePage::buildAnswers() {
    auto* area = new QWidget(this);
    auto* column = new QVBoxLayout(area);
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
    for (QWidget* widget :
         {static_cast<QWidget*>(progressText_), static_cast<QWidget*>(bar_), static_cast<QWidget*>(cancel_)}) {
        widget->hide();
    }
    return area;
}

QList<KeyHelp> SamplePage::keys() const {
    return {{tr("Alt+underlined letter"), tr("Go to a setting")}, {tr("Esc"), tr("Cancel sampling")}};
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
    models_->clear();
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
    models_->load();
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
    which_->setItemText(0, tr("Training prompts (%1)").arg(number(counts.trainPrompts)));
    which_->setItemText(1, tr("Test prompts (%1)").arg(number(counts.testPrompts)));
    which_->setItemText(2, tr("All prompts (%1)").arg(number(counts.trainPrompts + counts.testPrompts)));
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
    updateButton();
}

qint64 SamplePage::promptsWanted() const {
    const int which = which_->currentData().toInt();
    const qint64 all = which < 0                                          ? counts_.trainPrompts + counts_.testPrompts
                       : which == static_cast<int>(project::Split::Train) ? counts_.trainPrompts
                                                                          : counts_.testPrompts;
    return limit_->value() > 0 ? std::min<qint64>(all, limit_->value()) : all;
}

void SamplePage::updateButton() {
    const qint64 answers = promptsWanted() * perPrompt_->value();
    start_->setText(job_ ? tr("Sampling…") : tr("&Sample %1 answers").arg(number(answers)));
    start_->setEnabled(!job_ && answers > 0 && !models_->modelId().isEmpty() && workbench().isOpen() &&
                       !workbench().isReadOnly());
    start_->setToolTip(workbench().isReadOnly()       ? tr("The project is read-only")
                       : models_->modelId().isEmpty() ? tr("Choose a model first")
                       : answers == 0                 ? tr("Import prompts first")
                                                      : QString());
    for (QWidget* field : std::as_const(fields_)) {
        field->setEnabled(!job_);
    }
}

SamplingRequest SamplePage::request() const {
    SamplingRequest request;
    request.modelId = models_->modelId();
    request.settings.samples = perPrompt_->value();
    request.settings.temperature = temperature_->value();
    request.settings.topP = topP_->value();
    request.settings.topK = topK_->value();
    request.settings.maxNewTokens = longest_->value();
    request.settings.seed = static_cast<std::uint64_t>(seed_->value());
    request.promptLimit = limit_->value();
    const int which = which_->currentData().toInt();
    request.split = which < 0 ? std::nullopt : std::optional(static_cast<project::Split>(which));
    request.policy = static_cast<PairPolicy>(policy_->currentData().toInt());
    return request;
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
    connect(job_, &SamplingJob::streamed, this,
            [this](const QString& promptId, const QString& prompt, int index, const QString& text) {
                preview_->append(promptId, prompt, index, text);
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
    job_->start(request());
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
    const qint64 total = progress.totalPrompts * perPrompt_->value();
    QStringList parts{tr("%1 of %2 answers").arg(number(progress.completions), number(total))};
    if (progress.prompts > 0 && progress.promptsPerSecond > 0) {
        const double rate = progress.promptsPerSecond * perPrompt_->value();
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
