#include "ui/pages/train/new_run_panel.h"

#include <QHBoxLayout>
#include <QLocale>
#include <QPushButton>
#include <QScrollArea>

#include "ui/pages/model_picker.h"
#include "ui/pages/train/run_form.h"
#include "ui/pages/train/run_view.h"
#include "ui/pages/train/setting_field.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

NewRunPanel::NewRunPanel(Workbench& workbench, QWidget* parent) : QWidget(parent), workbench_(workbench) {
    auto* inner = new QWidget(this);
    auto* column = new QVBoxLayout(inner);
    widgets::setLayoutGrid(column, this, 0, widgets::kGroupSpacing);
    auto* title = widgets::titleLabel(tr("New run"), inner);
    title->setMinimumHeight(RunView::headerHeight(this));  // level with the list's
    column->addWidget(title);
    column->addWidget(buildDataset());
    form_ = new RunForm(workbench_, inner);
    column->addWidget(form_);
    column->addStretch(1);
    auto* scroll = new QScrollArea(this);
    scroll->setWidgetResizable(true);
    scroll->setFrameShape(QFrame::NoFrame);
    scroll->setWidget(inner);
    inner->setMaximumWidth(widgets::em(this, 48));

    notice_ = new widgets::NoticeBar(this);
    auto* layout = new QVBoxLayout(this);
    widgets::setLayoutGrid(layout, this, 0, widgets::kSpacing);
    layout->addWidget(scroll, 1);
    layout->addWidget(notice_);
    layout->addLayout(buildButtons());
    connect(form_, &RunForm::changed, this, [this] {
        presentSummary();
        validate();
    });
    connect(form_, &RunForm::returnPressed, this, [this] {
        if (start_->isEnabled()) {
            Q_EMIT startRequested();
        }
    });
    clear();
}

QWidget* NewRunPanel::buildDataset() {
    auto* card = new widgets::Card(this);
    auto* column = new QVBoxLayout(card);
    widgets::setLayoutGrid(column, this, 2, widgets::kTightSpacing);
    column->addWidget(widgets::sectionLabel(tr("What it learns from"), card));
    pairs_ = new widgets::Label(widgets::Label::Role::Body, {}, card);
    pairs_->setWordWrap(true);
    pairsNote_ = widgets::secondaryLabel({}, card);
    label_ = new widgets::PrimaryButton(tr("Label &pairs"), card);
    connect(label_, &QPushButton::clicked, this, [this] { workbench_.requestPage(QStringLiteral("label")); });
    column->addWidget(pairs_);
    column->addWidget(pairsNote_);
    column->addWidget(label_, 0, Qt::AlignLeading);
    return card;
}

QLayout* NewRunPanel::buildButtons() {
    start_ = new widgets::PrimaryButton(tr("&Start training"), this);
    connect(start_, &QPushButton::clicked, this, &NewRunPanel::startRequested);
    auto* cancel = new QPushButton(tr("&Cancel"), this);
    connect(cancel, &QPushButton::clicked, this, &NewRunPanel::cancelled);
    auto* buttons = new QHBoxLayout;
    buttons->setSpacing(widgets::grid(this, widgets::kSpacing));
    buttons->addWidget(start_);
    buttons->addWidget(cancel);
    buttons->addStretch(1);
    return buttons;
}

void NewRunPanel::begin() {
    showProblem({});
    wantsFocus_ = true;
    load();
}

void NewRunPanel::load() {
    if (!workbench_.isOpen()) {
        return;
    }
    form_->models()->load();
    workbench_.store().run([](project::Project& project) { return workbench::summarizeDataset(project); }, this,
                           [this](const workbench::DatasetSummary& summary) {
                               summary_ = summary;
                               counted_ = true;
                               presentSummary();
                               validate();
                           },
                           [this](const QString& message) { showProblem(message); });
}

void NewRunPanel::clear() {
    counted_ = false;
    busy_ = false;
    form_->reset();
    presentSummary();
    showProblem({});
    validate();
}

void NewRunPanel::chooseModel(const QString& modelId) {
    form_->models()->choose(modelId);
}

void NewRunPanel::presentSummary() {
    label_->setVisible(counted_ && !summary_.problem.isEmpty());
    if (counted_ && summary_.problem.isEmpty()) {
        presentCounts();
        return;
    }
    pairs_->setText(counted_ ? summary_.problem : tr("Counting…"));
    pairsNote_->clear();
}

/// Of what the chosen method makes of the labels.
void NewRunPanel::presentCounts() {
    const QLocale locale;
    const bool soft =
        form_->isRead(QStringLiteral("ties")) && form_->field(QStringLiteral("ties"))->text() == QLatin1String("soft");
    qint64 prompts = summary_.prompts;
    if (form_->method().learnsFromAnswers) {
        pairs_->setText(tr("%1 preferred answers to learn from, %2 held out to evaluate on")
                            .arg(locale.toString(summary_.trainAnswers), locale.toString(summary_.evalAnswers)));
    } else {
        const qint64 trainTies = soft ? summary_.ties - summary_.evalTies : 0, evalTies = soft ? summary_.evalTies : 0;
        prompts += soft ? summary_.promptsOfTies : 0;
        pairs_->setText(
            tr("%1 pairs to learn from, %2 held out to evaluate on")
                .arg(locale.toString(summary_.trainPairs + trainTies), locale.toString(summary_.evalPairs + evalTies)));
    }
    QStringList notes{tr("From %1 prompts; no prompt is on both sides.").arg(locale.toString(prompts))};
    if (summary_.ties == 1) {
        notes << (soft ? tr("One of them is a tie: half a label for either answer.") : tr("One tie is left out."));
    } else if (summary_.ties > 1) {
        notes << (soft ? tr("%1 of them are ties: half a label for either answer.") : tr("%1 ties are left out."))
                     .arg(locale.toString(summary_.ties));
    }
    pairsNote_->setText(notes.join(QLatin1Char(' ')));
}

void NewRunPanel::validate() {
    const QString& problem = form_->problem();
    if (!valid_ || !problem.isEmpty()) {
        showProblem(problem);
    }
    valid_ = problem.isEmpty();
    const bool hasModel = !form_->models()->modelId().isEmpty(), trainable = counted_ && summary_.problem.isEmpty();
    start_->setEnabled(!busy_ && trainable && valid_ && hasModel && !workbench_.isReadOnly());
    start_->setToolTip(hasModel ? QString() : tr("Choose a model first"));
    QWidget* const next = label_->isVisible() ? label_ : start_;
    if (wantsFocus_ && isVisible() && next->isEnabled()) {
        wantsFocus_ = false;
        next->setFocus();
    }
}

void NewRunPanel::showProblem(const QString& problem) {
    if (problem.isEmpty()) {
        notice_->dismiss();
    } else {
        notice_->present(widgets::NoticeBar::Kind::Problem, problem);
    }
}

QString NewRunPanel::problem() const {
    return notice_->isHidden() ? QString() : notice_->text();
}

void NewRunPanel::setBusy(bool busy) {
    busy_ = busy;
    start_->setText(busy ? tr("Starting…") : tr("&Start training"));
    validate();
}

workbench::NewRun NewRunPanel::run() const {
    return form_->run();
}

QString NewRunPanel::modelFolder() const {
    return form_->models()->modelFolder();
}

}  // namespace prefbench::pages
