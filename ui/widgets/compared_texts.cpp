#include "ui/widgets/compared_texts.h"

#include <QBoxLayout>
#include <QScrollBar>

#include "ui/widgets/reading_text.h"
#include "ui/widgets/theme.h"

namespace prefbench::widgets {

namespace {

ReadingText* addSide(QHBoxLayout* row, const QString& heading, QWidget* parent) {
    auto* card = new Card(parent);
    auto* column = new QVBoxLayout(card);
    setLayoutGrid(column, parent, 2, 1);
    column->addWidget(secondaryLabel(heading, card));
    auto* text = new ReadingText(card);
    text->setAccessibleName(heading);
    column->addWidget(text, 1);
    row->addWidget(card, 1);
    return text;
}

}  // namespace

ComparedTexts::ComparedTexts(QWidget* parent) : QWidget(parent) {
    setLayoutDirection(Qt::LeftToRight);
    auto* row = new QHBoxLayout(this);
    setLayoutGrid(row, this, 0, 2);
    left_ = addSide(row, tr("Left"), this);
    right_ = addSide(row, tr("Right"), this);
    const auto follow = [this](ReadingText* from, ReadingText* to) {
        connect(from->verticalScrollBar(), &QScrollBar::valueChanged, this, [this, to](int value) {
            if (!scrolling_) {
                scrolling_ = true;
                to->verticalScrollBar()->setValue(value);
                scrolling_ = false;
            }
        });
    };
    follow(left_, right_);
    follow(right_, left_);
}

void ComparedTexts::setTexts(const QString& left, const QString& right) {
    left_->setReading(left);
    right_->setReading(right);
    applyMarks();
}

void ComparedTexts::setScale(double scale) {
    left_->setScale(scale);
    right_->setScale(scale);
}

void ComparedTexts::showDifferences(bool show) {
    differences_ = show;
    applyMarks();
}

void ComparedTexts::scrollLines(int lines) {
    QScrollBar* bar = longerBar();
    bar->setValue(bar->value() + lines * 3 * bar->singleStep());
}

void ComparedTexts::scrollPages(int pages) {
    QScrollBar* bar = longerBar();
    bar->setValue(bar->value() + pages * bar->pageStep() * 9 / 10);
}

QScrollBar* ComparedTexts::longerBar() const {
    QScrollBar* left = left_->verticalScrollBar();
    QScrollBar* right = right_->verticalScrollBar();
    return left->maximum() >= right->maximum() ? left : right;
}

void ComparedTexts::applyMarks() {
    const qsizetype common = commonBeginning(left_->reading(), right_->reading());
    left_->setDimmed(common);
    right_->setDimmed(common);
    const TextDifference found = differences_ ? differences(left_->reading(), right_->reading()) : TextDifference();
    left_->setMarked(found.left);
    right_->setMarked(found.right);
}

}  // namespace prefbench::widgets
