#include "ui/widgets/theme.h"

#include <QApplication>
#include <QEvent>
#include <QFontInfo>
#include <QLayout>
#include <QPainter>
#include <QScopedValueRollback>
#include <QStyleOptionButton>
#include <array>
#include <cmath>

namespace prefbench::widgets {

namespace {

double linear(double channel) {
    return channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
}

double luminance(const QColor& colour) {
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF());
}

}  // namespace

int em(const QWidget* widget, double count) {
    return qRound(count * QFontInfo(widget->font()).pixelSize());
}

int grid(const QWidget*, double count) {
    // The application's font, not the widget's: a title must not widen the space around it.
    return qRound(count * QFontInfo(QApplication::font()).pixelSize() * 2 / 3);
}

bool isDark(const QPalette& palette) {
    return luminance(palette.color(QPalette::Active, QPalette::Window)) < 0.2;
}

QColor mixed(const QColor& under, const QColor& over, double share) {
    const auto channel = [share](double a, double b) { return static_cast<float>(a + (b - a) * share); };
    return QColor::fromRgbF(channel(under.redF(), over.redF()), channel(under.greenF(), over.greenF()),
                            channel(under.blueF(), over.blueF()));
}

double contrast(const QColor& a, const QColor& b) {
    const double first = luminance(a) + 0.05;
    const double second = luminance(b) + 0.05;
    return std::max(first, second) / std::min(first, second);
}

QColor mutedText(const QPalette& palette) {
    const QColor window = palette.color(QPalette::Active, QPalette::Window);
    const QColor text = palette.color(QPalette::Active, QPalette::WindowText);
    for (int percent = 62; percent < 100; percent += 4) {
        const QColor muted = mixed(window, text, percent / 100.0);
        if (contrast(muted, window) >= 4.6) {
            return muted;
        }
    }
    return text;
}

QColor strongHighlight(const QPalette& palette) {
    const QColor text = palette.color(QPalette::Active, QPalette::HighlightedText);
    const QColor away = contrast(text, Qt::white) > contrast(text, Qt::black) ? Qt::white : Qt::black;
    QColor fill = palette.color(QPalette::Active, QPalette::Highlight);
    for (int step = 0; step < 10 && contrast(fill, text) < 4.5; ++step) {
        fill = mixed(fill, away, 0.1);
    }
    return fill;
}

QColor hairline(const QPalette& palette) {
    return mixed(palette.color(QPalette::Active, QPalette::Window),
                 palette.color(QPalette::Active, QPalette::WindowText), isDark(palette) ? 0.20 : 0.16);
}

QColor seriesColour(Series series, const QPalette& palette) {
    const bool dark = isDark(palette);
    switch (series) {
        case Series::Chosen:
            return dark ? QColor(0x56, 0xB4, 0xE9) : QColor(0x00, 0x72, 0xB2);
        case Series::Rejected:
            return dark ? QColor(0xFF, 0x8C, 0x42) : QColor(0xD5, 0x5E, 0x00);
        case Series::Margin:
            return dark ? QColor(0x2F, 0xCF, 0xA0) : QColor(0x00, 0x9E, 0x73);
        case Series::Accuracy:
            return dark ? QColor(0xE3, 0xA0, 0xC4) : QColor(0xCC, 0x79, 0xA7);
        case Series::Guide:
            break;
    }
    return mutedText(palette);
}

QColor runColour(int index, const QPalette& palette) {
    static const std::array<QColor, 7> light = {
        QColor(0x00, 0x72, 0xB2), QColor(0xD5, 0x5E, 0x00), QColor(0x00, 0x9E, 0x73), QColor(0xCC, 0x79, 0xA7),
        QColor(0xB0, 0x7D, 0x00), QColor(0x3A, 0x8F, 0xC4), QColor(0x55, 0x55, 0x55)};
    const int count = static_cast<int>(light.size());
    const QColor colour = light[static_cast<size_t>(((index % count) + count) % count)];
    return isDark(palette) ? mixed(colour, Qt::white, 0.35) : colour;
}

Label::Label(Role role, const QString& text, QWidget* parent) : QLabel(text, parent), role_(role) {
    setTextFormat(Qt::PlainText);
    if (role == Role::Secondary) {
        setWordWrap(true);
    }
    applyRole();
}

void Label::changeEvent(QEvent* event) {
    QLabel::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::ApplicationFontChange) {
        applyRole();
    }
}

void Label::applyRole() {
    if (applying_) {
        return;
    }
    const QScopedValueRollback guard(applying_, true);
    QFont font = QApplication::font();
    const auto scale = [&font](double factor) {
        if (font.pointSizeF() > 0) {
            font.setPointSizeF(font.pointSizeF() * factor);
        } else {
            font.setPixelSize(qRound(font.pixelSize() * factor));
        }
    };
    switch (role_) {
        case Role::Title:
            scale(1.5);
            font.setWeight(QFont::DemiBold);
            break;
        case Role::Section:
            scale(1.15);
            font.setWeight(QFont::DemiBold);
            break;
        case Role::Secondary:
            scale(0.9);
            break;
        case Role::Figure:
            scale(2.0);
            font.setWeight(QFont::DemiBold);
            break;
        case Role::Body:
            return;
    }
    setFont(font);
    if (role_ == Role::Secondary) {
        QPalette own = QApplication::palette();
        const QColor muted = mutedText(own);
        own.setColor(QPalette::WindowText, muted);
        own.setColor(QPalette::Disabled, QPalette::WindowText, muted);
        setPalette(own);
    }
}

Label* titleLabel(const QString& text, QWidget* parent) {
    return new Label(Label::Role::Title, text, parent);
}

Label* sectionLabel(const QString& text, QWidget* parent) {
    return new Label(Label::Role::Section, text, parent);
}

Label* secondaryLabel(const QString& text, QWidget* parent) {
    return new Label(Label::Role::Secondary, text, parent);
}

Card::Card(QWidget* parent) : QFrame(parent) {}

void Card::paintEvent(QPaintEvent*) {
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(hairline(palette()));
    painter.setBrush(palette().color(QPalette::Base));
    const double radius = em(this, 0.5);
    painter.drawRoundedRect(QRectF(rect()).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius);
}

PrimaryButton::PrimaryButton(const QString& text, QWidget* parent) : QPushButton(text, parent) {
    QFont bold = font();
    bold.setWeight(QFont::DemiBold);
    setFont(bold);
    setAutoDefault(true);
    setSizePolicy(QSizePolicy::Fixed, QSizePolicy::Fixed);
}

QSize PrimaryButton::sizeHint() const {
    const QSize text = fontMetrics().size(Qt::TextShowMnemonic, this->text());
    return {text.width() + em(this, 2.6), std::max(QPushButton::sizeHint().height(), text.height() + em(this, 1.0))};
}

void PrimaryButton::paintEvent(QPaintEvent*) {
    QStyleOptionButton option;
    initStyleOption(&option);
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    QColor fill = strongHighlight(palette());
    QColor text = palette().color(QPalette::Active, QPalette::HighlightedText);
    if (!isEnabled()) {
        fill = mixed(palette().color(QPalette::Window), palette().color(QPalette::WindowText), 0.12);
        text = mutedText(palette());
    } else if (isDown()) {
        fill = mixed(fill, Qt::black, 0.16);
    } else if (underMouse()) {
        fill = mixed(fill, Qt::white, 0.10);
    }
    const double radius = em(this, 0.35);
    const QRectF body(rect());
    painter.setPen(Qt::NoPen);
    painter.setBrush(fill);
    painter.drawRoundedRect(body, radius, radius);
    if (hasFocus()) {
        painter.setPen(QPen(text, 1.5));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(body.adjusted(2.5, 2.5, -2.5, -2.5), radius - 1, radius - 1);
    }
    painter.setPen(text);
    painter.drawText(rect(), Qt::AlignCenter | Qt::TextShowMnemonic, this->text());
}

void setLayoutGrid(QLayout* layout, const QWidget* widget, double margin, double spacing) {
    const int pixels = grid(widget, margin);
    layout->setContentsMargins(pixels, pixels, pixels, pixels);
    layout->setSpacing(grid(widget, spacing));
}

}  // namespace prefbench::widgets
