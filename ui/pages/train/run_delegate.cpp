#include "ui/pages/train/run_delegate.h"

#include <QApplication>
#include <QPainter>

#include "ui/models/run_list_model.h"
#include "ui/widgets/icon.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using models::RunListModel;

void RunDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
    QStyleOptionViewItem blank = option;
    initStyleOption(&blank, index);
    blank.text.clear();
    blank.palette.setColor(QPalette::Highlight, widgets::strongHighlight(option.palette));
    const QWidget* view = option.widget;
    view->style()->drawControl(QStyle::CE_ItemViewItem, &blank, painter, view);

    const bool selected = option.state & QStyle::State_Selected;
    const QPalette& palette = option.palette;
    const QColor text = palette.color(selected ? QPalette::HighlightedText : QPalette::Text);
    const QColor muted = selected ? text : widgets::mutedText(palette);
    const auto state = static_cast<contract::RunState>(index.data(RunListModel::StateRole).toInt());
    const int em = widgets::em(view);
    const bool mirrored = option.direction == Qt::RightToLeft;
    const QRect area = option.rect.adjusted(em, em / 2, -em, -em / 2);
    const auto place = [&](const QRect& rect) { return QStyle::visualRect(option.direction, area, rect); };
    const Qt::Alignment leading = (mirrored ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignAbsolute | Qt::AlignVCenter;

    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    QFont bold = option.font;
    bold.setWeight(QFont::DemiBold);
    const QFontMetrics boldMetrics(bold), metrics(option.font);
    const int line = boldMetrics.height();
    QRect top(area.left(), area.top(), area.width(), line);

    const int swatch = em * 3 / 4;
    // The ring keeps a colour apart from a selection of the same colour.
    painter->setPen(selected ? QPen(text, em / 8.0) : QPen(Qt::NoPen));
    painter->setBrush(widgets::runColour(index.data(RunListModel::ColourRole).toInt(), palette));
    painter->drawEllipse(place({top.left(), top.center().y() - swatch / 2, swatch, swatch}));
    top.setLeft(top.left() + swatch + em * 2 / 3);

    const QString word = models::stateWord(state);
    const int wordWidth = metrics.horizontalAdvance(word);
    const int shape = em * 11 / 10;
    painter->setFont(option.font);
    painter->setPen(muted);
    painter->drawText(place({area.right() - wordWidth, top.top(), wordWidth + 1, line}), leading, word);
    widgets::icon(models::stateIcon(state))
        .paint(painter, place({area.right() - wordWidth - shape - em / 3, top.center().y() - shape / 2, shape, shape}),
               Qt::AlignCenter, selected ? QIcon::Selected : QIcon::Normal);
    top.setRight(area.right() - wordWidth - shape - em * 2 / 3);

    painter->setFont(bold);
    painter->setPen(text);
    painter->drawText(
        place(top), leading,
        boldMetrics.elidedText(index.data(RunListModel::NameRole).toString(), Qt::ElideRight, top.width()));
    const QRect below(area.left() + swatch + em * 2 / 3, top.bottom() + em / 4, area.width() - swatch - em * 2 / 3,
                      metrics.height());
    painter->setFont(option.font);
    painter->setPen(muted);
    painter->drawText(
        place(below), leading,
        metrics.elidedText(index.data(RunListModel::ProgressRole).toString(), Qt::ElideRight, below.width()));
    if (!contract::isFinal(state) && state != contract::RunState::Queued) {
        QRectF bar(below.left(), below.bottom() + em / 3.0, below.width(), em / 4.0);
        painter->setPen(Qt::NoPen);
        painter->setBrush(
            widgets::mixed(selected ? widgets::strongHighlight(palette) : palette.color(QPalette::Base), text, 0.2));
        painter->drawRoundedRect(place(bar.toRect()), 2, 2);
        bar.setWidth(bar.width() * std::clamp(index.data(RunListModel::ShareRole).toDouble(), 0.0, 1.0));
        painter->setBrush(selected ? text : palette.color(QPalette::Highlight));
        painter->drawRoundedRect(place(bar.toRect()), 2, 2);
    }
    painter->restore();
}

QSize RunDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const {
    const int em = widgets::em(option.widget);
    return {em * 12, option.fontMetrics.height() * 2 + em * 2 + em / 4};
}

}  // namespace prefbench::pages
