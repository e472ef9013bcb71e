#pragma once

#include <QStyledItemDelegate>

namespace prefbench::pages {

/// A run in the list: its colour, name, state as shape and word, and how far it is.
class RunDelegate : public QStyledItemDelegate {
    Q_OBJECT
  public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

}  // namespace prefbench::pages
