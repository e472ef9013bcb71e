#include "ui/widgets/notice_bar.h"

#include <QBoxLayout>
#include <QEvent>
#include <QLabel>
#include <QPainter>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QToolButton>

#include "ui/widgets/icon.h"
#include "ui/widgets/theme.h"

namespace prefbench::widgets {

NoticeBar::NoticeBar(QWidget* parent) : QFrame(parent) {
    picture_ = new QLabel(this);
    text_ = new QLabel(this);
    text_->setTextFormat(Qt::PlainText);
    text_->setWordWrap(true);
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    more_ = new QPushButton(tr("Show l&ines"), this);
    more_->setCheckable(true);
    action_ = new QPushButton(this);
    close_ = new QToolButton(this);
    close_->setIcon(icon(QStringLiteral("close")));
    close_->setAutoRaise(true);
    close_->setToolTip(tr("Dismiss"));
    close_->setAccessibleName(tr("Dismiss"));
    details_ = new QPlainTextEdit(this);
    details_->setReadOnly(true);
    details_->setMaximumHeight(em(this, 12));
    details_->setAccessibleName(tr("Details"));

    auto* row = new QHBoxLayout;
    row->setSpacing(grid(this, kTightSpacing));
    row->addWidget(picture_);
    row->addWidget(text_, 1);
    row->addWidget(more_);
    row->addWidget(action_);
    row->addWidget(close_);
    auto* column = new QVBoxLayout(this);
    setLayoutGrid(column, this, 1, 1);
    column->setContentsMargins(grid(this, 1.5), grid(this, 1), grid(this, 1), grid(this, 1));
    column->addLayout(row);
    column->addWidget(details_);

    connect(more_, &QPushButton::toggled, details_, &QWidget::setVisible);
    connect(close_, &QToolButton::clicked, this, &NoticeBar::dismiss);
    connect(action_, &QPushButton::clicked, this, [this] {
        const auto pressed = pressed_;
        if (pressed) {
            pressed();
        }
    });
    dismiss();
}

void NoticeBar::present(Kind kind, const QString& text, const QStringList& details) {
    kind_ = kind;
    showPicture();
    text_->setText(text);
    details_->setPlainText(details.join(QLatin1Char('\n')));
    more_->setChecked(false);
    more_->setVisible(!details.isEmpty());
    details_->hide();
    action_->hide();
    pressed_ = {};
    show();
    update();
}

void NoticeBar::showPicture() {
    const int size = em(this, 1.5);
    const QString name = kind_ == Kind::Problem ? QStringLiteral("warning") : QStringLiteral("info");
    picture_->setPixmap(icon(name).pixmap(QSize(size, size)));
}

void NoticeBar::changeEvent(QEvent* event) {
    QFrame::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) {
        showPicture();
    }
}

void NoticeBar::setAction(const QString& button, std::function<void()> pressed) {
    action_->setText(button);
    action_->show();
    pressed_ = std::move(pressed);
}

void NoticeBar::setClosable(bool closable) {
    close_->setVisible(closable);
}

void NoticeBar::dismiss() {
    hide();
}

QString NoticeBar::text() const {
    return text_->text();
}

void NoticeBar::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QColor accent = kind_ == Kind::Problem ? seriesColour(Series::Rejected, palette())
                                                 : palette().color(QPalette::Active, QPalette::Highlight);
    painter.setPen(hairline(palette()));
    painter.setBrush(mixed(palette().color(QPalette::Base), accent, 0.10));
    const double radius = em(this, 0.4);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);
}

}  // namespace prefbench::widgets
