#include "ui/pages/label/asking_view.h"

#include <QBoxLayout>
#include <QLineEdit>
#include <algorithm>

#include "ui/pages/turns.h"
#include "ui/widgets/compared_texts.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/reading_text.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using widgets::AnswerCommand;
using Kind = AnswerCommand::Kind;

AnswerCommand commandOf(project::Outcome outcome, int screen) {
    switch (outcome) {
        case project::Outcome::BothBad:
            return {Kind::BothBad, 0};
        case project::Outcome::Skip:
            return {Kind::Skip, 0};
        default:
            return {Kind::Score, screen};
    }
}

AskingView::AskingView(QWidget* parent) : QWidget(parent) {
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(0, 0, 0, 0);
    content_ = new QWidget(this);
    row->addStretch(1);
    row->addWidget(content_, 1000);
    row->addStretch(1);
    auto* column = new QVBoxLayout(content_);
    widgets::setLayoutGrid(column, this, widgets::kPageMargin, 2);
    const int top = widgets::grid(this, 2);
    column->setContentsMargins(widgets::grid(this, 3), top, widgets::grid(this, 3), top);
    column->addWidget(buildHeader());
    column->addWidget(buildPrompt());
    texts_ = new widgets::ComparedTexts(content_);
    column->addWidget(texts_, 1);
    notice_ = new widgets::NoticeBar(content_);
    notice_->setClosable(false);
    column->addWidget(notice_);
    column->addWidget(buildReason());
    bar_ = new widgets::AnswerBar(content_);
    connect(bar_, &widgets::AnswerBar::pressed, this, &AskingView::pressed);
    column->addWidget(bar_);
}

QWidget* AskingView::buildHeader() {
    auto* header = new QWidget(content_);
    auto* row = new QHBoxLayout(header);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(widgets::sectionLabel(tr("Prompt"), header));
    row->addStretch();
    progress_ = widgets::secondaryLabel({}, header);
    progress_->setWordWrap(false);
    clock_ = widgets::secondaryLabel({}, header);
    clock_->setWordWrap(false);
    clock_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    clock_->setMinimumWidth(widgets::em(this, 4));
    clock_->setToolTip(tr("Active time on this question"));
    row->addWidget(progress_);
    row->addWidget(clock_);
    return header;
}

QWidget* AskingView::buildPrompt() {
    auto* card = new widgets::Card(content_);
    auto* column = new QVBoxLayout(card);
    widgets::setLayoutGrid(column, this, 2, 0);
    prompt_ = new widgets::ReadingText(card);
    prompt_->setAccessibleName(tr("Prompt"));
    prompt_->setMinimumHeight(widgets::em(this, 1.6));
    column->addWidget(prompt_);
    connect(prompt_, &widgets::ReadingText::heightChanged, this, &AskingView::fitPrompt);
    return card;
}

QWidget* AskingView::buildReason() {
    reasonRow_ = new QWidget(content_);
    auto* row = new QHBoxLayout(reasonRow_);
    widgets::setLayoutGrid(row, this, 0, 1);
    reason_ = new QLineEdit(reasonRow_);
    reason_->setObjectName(QStringLiteral("reason"));
    reason_->setPlaceholderText(tr("Why? Goes with your next answer. Enter returns to the answers."));
    reason_->setAccessibleName(tr("Reason"));
    row->addWidget(widgets::secondaryLabel(tr("Reason"), reasonRow_));
    row->addWidget(reason_, 1);
    reasonRow_->hide();
    connect(reason_, &QLineEdit::returnPressed, this, &AskingView::reasonGiven);
    return reasonRow_;
}

void AskingView::ask(const labelling::Question& question) {
    prompt_->setTurns(turnsOf(question.prompt));
    texts_->setTexts(question.left.text, question.right.text);
    if (question.previous) {
        showAnswer(question.previous->outcome, question.previous->screen, question.previous->rationale);
    } else {
        bar_->mark(std::nullopt);
        reason_->clear();
        reasonRow_->hide();
    }
    fitPrompt();
}

void AskingView::showAnswer(project::Outcome outcome, int screen, const QString& rationale) {
    bar_->mark(commandOf(outcome, screen));
    reason_->setText(rationale);
    reasonRow_->setVisible(!rationale.isEmpty());
}

void AskingView::setProgress(const QString& text, int activeSeconds, bool canUndo) {
    progress_->setText(text);
    clock_->setText(tr("%1 s").arg(activeSeconds));
    bar_->setUndoEnabled(canUndo);
}

void AskingView::setTextScale(double scale) {
    prompt_->setScale(scale);
    texts_->setScale(scale);
    // Two columns of text and what stands around them; the rest of a wide window stays empty.
    content_->setMaximumWidth(widgets::em(this, 2 * widgets::kTextColumn * 1.15 * scale + 12));
}

QString AskingView::reason() const {
    return reason_->text().trimmed();
}

void AskingView::openReason() {
    reasonRow_->show();
    reason_->setFocus();
}

void AskingView::clearReason() {
    reason_->clear();
}

bool AskingView::isTypingReason() const {
    return reason_->hasFocus();
}

void AskingView::toggleDifferences() {
    texts_->showDifferences(!texts_->showsDifferences());
    bar_->setDifferencesShown(texts_->showsDifferences());
}

bool AskingView::scroll(int key) {
    if (prompt_->hasFocus()) {
        return false;
    }
    switch (key) {
        case Qt::Key_Up:
        case Qt::Key_Down:
            texts_->scrollLines(key == Qt::Key_Up ? -1 : 1);
            return true;
        case Qt::Key_PageUp:
        case Qt::Key_PageDown:
            texts_->scrollPages(key == Qt::Key_PageUp ? -1 : 1);
            return true;
        default:
            return false;
    }
}

void AskingView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fitPrompt();
}

void AskingView::fitPrompt() {
    const int most = std::max(widgets::em(this, 6), height() * 3 / 10);
    const int full = prompt_->fullHeight();
    prompt_->setVerticalScrollBarPolicy(full > most ? Qt::ScrollBarAsNeeded : Qt::ScrollBarAlwaysOff);
    prompt_->setFixedHeight(std::min(full, most));
}

}  // namespace prefbench::pages
