#include "ui/charts/chart_elements.h"

#include <QFontMetrics>

namespace prefbench::charts {

void ChartHeader::setStyle(const QFont& font, const QColor& text, const QColor& muted) {
    font_ = font;
    text_ = text;
    muted_ = muted;
}

QSize ChartHeader::minimumOuterSizeHint() const {
    const int height = QFontMetrics(font_).height() * 3 / 2;
    return {1, height};
}

QSize ChartHeader::maximumOuterSizeHint() const {
    return {QWIDGETSIZE_MAX, minimumOuterSizeHint().height()};
}

void ChartHeader::draw(QCPPainter* painter) {
    QFont bold = font_;
    bold.setWeight(QFont::DemiBold);
    const QFontMetrics boldMetrics(bold), metrics(font_);
    const QString unit = QStringLiteral("  (%1)").arg(unit_);
    const int titleWidth = boldMetrics.horizontalAdvance(title_);
    const int unitWidth = metrics.horizontalAdvance(unit);
    const int gap = metrics.averageCharWidth() * 2;
    painter->setFont(bold);
    painter->setPen(text_);
    painter->drawText(mRect, Qt::AlignLeft | Qt::AlignVCenter, title_);
    const int roomForReading = mRect.width() - titleWidth - gap;
    QString reading;
    for (const QString& candidate : readings_) {
        reading = candidate;
        if (metrics.horizontalAdvance(reading) <= roomForReading) {
            break;
        }
    }
    const int readingWidth = std::min(metrics.horizontalAdvance(reading), roomForReading);
    painter->setFont(font_);
    if (titleWidth + unitWidth + gap + readingWidth <= mRect.width()) {
        painter->setPen(muted_);
        painter->drawText(mRect.adjusted(titleWidth, 0, 0, 0), Qt::AlignLeft | Qt::AlignVCenter, unit);
    }
    painter->setPen(text_);
    painter->drawText(mRect, Qt::AlignRight | Qt::AlignVCenter,
                      metrics.elidedText(reading, Qt::ElideRight, std::max(0, roomForReading)));
}

void EmptyNote::draw(QCPPainter* painter) {
    if (text_.isEmpty()) {
        return;
    }
    painter->setFont(font_);
    painter->setPen(muted_);
    const int margin = QFontMetrics(font_).averageCharWidth() * 3;
    painter->drawText(mRect.adjusted(margin, 0, -margin, 0), Qt::AlignCenter | Qt::TextWordWrap, text_);
}

}  // namespace prefbench::charts
