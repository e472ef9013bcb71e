#include "ui/widgets/key_hint.h"

#include <QPainter>
#include <QTimer>

#include "ui/widgets/theme.h"

namespace prefbench::widgets {

namespace {

QFont capFont(QFont font) {
    if (font.pointSizeF() > 0) {
        font.setPointSizeF(font.pointSizeF() * 0.9);
    }
    return font;
}

}  // namespace

QSizeF KeyHint::capSize(const QFont& font, const QString& key) {
    const QFontMetricsF metrics(capFont(font));
    const double height = metrics.height() * 1.25;
    return {std::max(height * 1.1, metrics.horizontalAdvance(key) + metrics.averageCharWidth() * 1.8), height};
}

void KeyHint::paintCap(QPainter& painter, const QRectF& area, const QString& key, const QPalette& palette,
                       bool enabled) {
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    const double radius = area.height() * 0.2;
    painter.setPen(mixed(palette.color(QPalette::Base), palette.color(QPalette::Text), enabled ? 0.38 : 0.2));
    painter.setBrush(mixed(palette.color(QPalette::Base), palette.color(QPalette::Text), 0.05));
    painter.drawRoundedRect(area.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);
    painter.setFont(capFont(painter.font()));
    painter.setPen(enabled ? palette.color(QPalette::WindowText) : palette.color(QPalette::Disabled, QPalette::Text));
    painter.drawText(area, Qt::AlignCenter, key);
    painter.restore();
}

KeyHint::KeyHint(const QString& key, QWidget* parent) : QLabel(key, parent) {
    setTextFormat(Qt::PlainText);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

QSize KeyHint::sizeHint() const {
    return capSize(font(), text()).toSize() + QSize(1, 1);
}

void KeyHint::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    paintCap(painter, QRectF(rect()).adjusted(0, 0, -1, -1), text(), palette(), isEnabled());
}

KeyButton::KeyButton(const QString& key, const QString& text, Shape shape, QWidget* parent)
    : QAbstractButton(parent), key_(key), shape_(shape) {
    setText(text);
    setAccessibleName(text);
    setAccessibleDescription(tr("Key %1").arg(key));
    // Tab reaches it; a click leaves the focus where the bare keys are heard.
    setFocusPolicy(Qt::TabFocus);
    setSizePolicy(shape == Shape::Above ? QSizePolicy::Expanding : QSizePolicy::Fixed, QSizePolicy::Fixed);
}

void KeyButton::flash(int milliseconds) {
    flashing_ = true;
    update();
    QTimer::singleShot(milliseconds, this, [this, mine = ++flashes_] {
        if (mine == flashes_) {
            flashing_ = false;
            update();
        }
    });
}

void KeyButton::setMarked(bool marked) {
    marked_ = marked;
    setAccessibleDescription(marked ? tr("Key %1, chosen").arg(key_) : tr("Key %1").arg(key_));
    update();
}

QSize KeyButton::sizeHint() const {
    const QSizeF cap = KeyHint::capSize(font(), key_);
    const QFontMetricsF metrics(font());
    const double words = metrics.horizontalAdvance(text());
    const int pad = em(this, 0.5);
    if (shape_ == Shape::Beside) {
        return {qRound(cap.width() + words) + 3 * pad, qRound(cap.height()) + pad};
    }
    return {qRound(std::max(words, cap.width())) + 2 * pad, qRound(cap.height() + metrics.height()) + 5 * pad / 2};
}

QSize KeyButton::minimumSizeHint() const {
    return sizeHint();
}

void KeyButton::enterEvent(QEnterEvent* event) {
    QAbstractButton::enterEvent(event);
    update();
}

void KeyButton::leaveEvent(QEvent* event) {
    QAbstractButton::leaveEvent(event);
    update();
}

void KeyButton::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QColor text = palette().color(QPalette::WindowText);
    const bool lit = flashing_ || marked_ || isDown() || isChecked();
    const double shade = lit ? 0.22 : (underMouse() && isEnabled() ? 0.09 : (shape_ == Shape::Above ? 0.035 : 0));
    const QRectF body = QRectF(rect()).adjusted(1, 1, -1, -1);
    const double radius = em(this, 0.35);
    QColor border = shape_ == Shape::Above ? hairline(palette()) : QColor(Qt::transparent);
    if (lit) {
        border = mixed(palette().color(QPalette::Window), text, 0.6);
    }
    if (hasFocus()) {
        border = palette().color(QPalette::Highlight);
    }
    QColor fill = text;
    fill.setAlphaF(static_cast<float>(shade));
    painter.setPen(QPen(border, hasFocus() || lit ? 1.6 : 1));
    painter.setBrush(fill);
    painter.drawRoundedRect(body, radius, radius);

    const QSizeF cap = KeyHint::capSize(font(), key_);
    painter.setFont(font());
    const int pad = em(this, 0.5);
    QRectF capArea, words;
    if (shape_ == Shape::Beside) {
        capArea = QRectF(QPointF(pad, (height() - cap.height()) / 2), cap);
        words = QRectF(capArea.right() + pad, 0, width() - capArea.right() - 1.5 * pad, height());
        if (isRightToLeft()) {
            capArea.moveRight(width() - pad);
            words.moveLeft(pad / 2.0);
        }
    } else {
        capArea = QRectF(QPointF((width() - cap.width()) / 2, pad), cap);
        words = QRectF(0, capArea.bottom(), width(), height() - capArea.bottom() - pad / 2.0);
    }
    KeyHint::paintCap(painter, capArea, key_, palette(), isEnabled());
    painter.setPen(isEnabled() ? text : mutedText(palette()));
    const Qt::Alignment side = shape_ == Shape::Above ? Qt::AlignHCenter
                               : isRightToLeft()      ? Qt::AlignRight
                                                      : Qt::AlignLeft;
    painter.drawText(words, static_cast<int>(side | Qt::AlignVCenter), this->text());
}

}  // namespace prefbench::widgets
