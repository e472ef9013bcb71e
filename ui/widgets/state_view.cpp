#include "ui/widgets/state_view.h"

#include <QBoxLayout>
#include <QLabel>
#include <QPainter>
#include <QProgressBar>

#include "ui/widgets/icon.h"
#include "ui/widgets/theme.h"

namespace prefbench::widgets {

namespace {

/// Repaints its icon at its own size, so that it follows the palette.
class Picture : public QLabel {
  public:
    using QLabel::QLabel;
    QIcon shown;

  protected:
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.setOpacity(0.55);
        shown.paint(&painter, rect());
    }
};

}  // namespace

StateView::StateView(QWidget* parent) : QWidget(parent) {
    picture_ = new Picture(this);
    picture_->setFixedSize(em(this, 3.5), em(this, 3.5));
    heading_ = sectionLabel({}, this);
    sentence_ = new Label(Label::Role::Body, {}, this);
    for (QLabel* label : {static_cast<QLabel*>(heading_), static_cast<QLabel*>(sentence_)}) {
        label->setAlignment(Qt::AlignHCenter);
        label->setWordWrap(true);
    }
    sentence_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    progress_ = new QProgressBar(this);
    progress_->setRange(0, 0);
    progress_->setTextVisible(false);
    progress_->setFixedWidth(em(this, 16));
    button_ = new PrimaryButton({}, this);
    connect(button_, &QPushButton::clicked, this, [this] {
        if (pressed_) {
            // A copy: the action may well put another state here.
            const auto pressed = pressed_;
            pressed();
        }
    });

    setFocusProxy(button_);

    buttons_ = new QHBoxLayout;
    buttons_->setSpacing(grid(this, kTightSpacing));
    buttons_->addStretch();
    buttons_->addWidget(button_);
    buttons_->addStretch();
    column_ = new QVBoxLayout(this);
    setLayoutGrid(column_, this, kPageMargin, kSpacing);
    column_->addStretch(2);
    column_->addWidget(picture_, 0, Qt::AlignHCenter);
    column_->addWidget(heading_, 0, Qt::AlignHCenter);
    column_->addWidget(sentence_, 0, Qt::AlignHCenter);
    column_->addWidget(progress_, 0, Qt::AlignHCenter);
    column_->addSpacing(grid(this, 1));
    column_->addLayout(buttons_);
    column_->addStretch(3);

    delay_.setSingleShot(true);
    delay_.setInterval(150);
    connect(&delay_, &QTimer::timeout, this, [this] {
        sentence_->show();
        progress_->show();
    });
    progress_->hide();
}

void StateView::showEmpty(const QString& heading, const QString& sentence, const QString& button,
                          std::function<void()> pressed) {
    present({}, heading, sentence, button, std::move(pressed));
}

void StateView::showLoading(const QString& sentence) {
    present({}, {}, sentence, {}, {});
    sentence_->hide();
    delay_.start();
}

void StateView::showError(const QString& heading, const QString& sentence, const QString& button,
                          std::function<void()> pressed) {
    present(QStringLiteral("warning"), heading, sentence, button, std::move(pressed));
}

void StateView::addSecondary(const QString& text, std::function<void()> pressed) {
    auto* button = new QPushButton(text, this);
    button->setMinimumHeight(button_->sizeHint().height() - 4);
    connect(button, &QPushButton::clicked, this, [pressed = std::move(pressed)] {
        const auto copy = pressed;
        copy();
    });
    buttons_->insertWidget(buttons_->count() - 1, button);
    secondary_ << button;
}

void StateView::addWidget(QWidget* widget) {
    column_->insertWidget(column_->indexOf(progress_), widget, 0, Qt::AlignHCenter);
}

void StateView::present(const QString& iconName, const QString& heading, const QString& sentence, const QString& button,
                        std::function<void()> pressed) {
    delay_.stop();
    progress_->hide();
    for (QPushButton* old : std::as_const(secondary_)) {
        old->hide();
        old->deleteLater();
    }
    secondary_.clear();
    static_cast<Picture*>(picture_)->shown = icon(iconName);
    picture_->setVisible(!iconName.isEmpty());
    picture_->update();
    heading_->setText(heading);
    heading_->setVisible(!heading.isEmpty());
    sentence_->setText(sentence);
    sentence_->setVisible(!sentence.isEmpty());
    button_->setText(button);
    button_->setVisible(!button.isEmpty());
    pressed_ = std::move(pressed);
    fitText();
}

void StateView::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fitText();
}

void StateView::fitText() {
    // A centred label takes its height from one line unless told how many there are.
    const int margins = 2 * grid(this, kPageMargin);
    const int width = std::max(em(this, 10), std::min(em(this, kTextColumn), this->width() - margins));
    for (QLabel* label : {static_cast<QLabel*>(heading_), static_cast<QLabel*>(sentence_)}) {
        // The height asked for is never below the least one, which the last width has set.
        label->setMinimumSize(0, 0);
        label->setFixedSize(width, std::max(0, label->heightForWidth(width)));
    }
}

}  // namespace prefbench::widgets
