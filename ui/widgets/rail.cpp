#include "ui/widgets/rail.h"

#include <QPainter>
#include <QStyle>
#include <QVBoxLayout>

#include "ui/widgets/icon.h"
#include "ui/widgets/theme.h"

namespace prefbench::widgets {

RailButton::RailButton(const QString& iconName, const QString& text, QWidget* parent)
    : QAbstractButton(parent), icon_(widgets::icon(iconName)) {
    setText(text);
    setAccessibleName(text);
    setCheckable(true);
    // A click leaves the focus on the page; Tab and the arrow keys still come here.
    setFocusPolicy(Qt::TabFocus);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

QSize RailButton::sizeHint() const {
    QFont bold = font();
    bold.setWeight(QFont::DemiBold);
    return {QFontMetrics(bold).horizontalAdvance(text()) + em(this, 4.6), em(this, 2.9)};
}

void RailButton::enterEvent(QEnterEvent* event) {
    QAbstractButton::enterEvent(event);
    update();
}

void RailButton::leaveEvent(QEvent* event) {
    QAbstractButton::leaveEvent(event);
    update();
}

void RailButton::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QPalette::ColorGroup group = isEnabled() ? QPalette::Active : QPalette::Disabled;
    const QColor text = isEnabled() ? palette().color(group, QPalette::WindowText) : mutedText(palette());
    const double margin = em(this, 0.4);
    const QRectF body = QRectF(rect()).adjusted(margin, 2, -margin, -2);
    const double radius = em(this, 0.35);
    if (isChecked() || (underMouse() && isEnabled())) {
        QColor fill = palette().color(QPalette::WindowText);
        fill.setAlphaF(isChecked() ? 0.10f : 0.05f);
        painter.setPen(Qt::NoPen);
        painter.setBrush(fill);
        painter.drawRoundedRect(body, radius, radius);
    }
    if (isChecked()) {
        const double bar = em(this, 0.22);
        const double x = isRightToLeft() ? body.right() - bar : body.left();
        painter.setPen(Qt::NoPen);
        painter.setBrush(palette().color(QPalette::Active, QPalette::Highlight));
        painter.drawRoundedRect(QRectF(x, body.top() + body.height() * 0.22, bar, body.height() * 0.56), bar / 2,
                                bar / 2);
    }
    if (hasFocus()) {
        painter.setPen(QPen(palette().color(QPalette::Active, QPalette::Highlight), 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(body, radius, radius);
    }
    const int size = em(this, 1.55);
    QRect picture(em(this, 1.15), (height() - size) / 2, size, size);
    QRect words(picture.right() + em(this, 0.7), 0, width() - picture.right() - em(this, 1.2), height());
    if (isRightToLeft()) {
        picture.moveRight(width() - picture.left());
        words.moveRight(width() - words.left());
    }
    icon_.paint(&painter, picture, Qt::AlignCenter, isEnabled() ? QIcon::Normal : QIcon::Disabled);
    QFont font = painter.font();
    font.setWeight(isChecked() ? QFont::DemiBold : QFont::Normal);
    painter.setFont(font);
    painter.setPen(text);
    painter.drawText(words, QStyle::visualAlignment(layoutDirection(), Qt::AlignLeft | Qt::AlignVCenter), this->text());
}

Rail::Rail(QWidget* parent) : QWidget(parent) {
    column_ = new QVBoxLayout(this);
    setLayoutGrid(column_, this, 0, 0.25);
    column_->setContentsMargins(0, grid(this, 2), 0, grid(this, 2));
    column_->addStretch();
    group_.setExclusive(true);
    connect(&group_, &QButtonGroup::idToggled, this, [this](int id, bool checked) {
        if (checked) {
            Q_EMIT chosen(id);
        }
    });
    setAccessibleName(tr("Pages"));
}

int Rail::add(const QString& iconName, const QString& text, const QString& shortcut) {
    const int index = static_cast<int>(group_.buttons().size());
    auto* button = new RailButton(iconName, QString(text).remove(u'&'), this);
    button->setToolTip(tr("%1 (%2)").arg(button->text(), shortcut));
    group_.addButton(button, index);
    column_->insertWidget(index, button);
    return index;
}

void Rail::setCurrent(int index) {
    if (QAbstractButton* button = group_.button(index)) {
        button->setChecked(true);
    }
}

void Rail::setEntryEnabled(int index, bool enabled) {
    if (QAbstractButton* button = group_.button(index)) {
        button->setEnabled(enabled);
    }
}

void Rail::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.fillRect(rect(), mixed(palette().color(QPalette::Window), palette().color(QPalette::WindowText), 0.035));
    const int x = isRightToLeft() ? 0 : width() - 1;
    painter.setPen(hairline(palette()));
    painter.drawLine(x, 0, x, height());
}

}  // namespace prefbench::widgets
