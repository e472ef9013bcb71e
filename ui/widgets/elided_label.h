#pragma once

#include <QLabel>

namespace prefbench::widgets {

/// One line of plain text that ends in an ellipsis when there is no room, with the whole text as tooltip.
class ElidedLabel : public QLabel {
    Q_OBJECT
  public:
    explicit ElidedLabel(const QString& text = {}, QWidget* parent = nullptr);
    void setElideMode(Qt::TextElideMode mode);
    QSize minimumSizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    Qt::TextElideMode mode_ = Qt::ElideRight;
};

}  // namespace prefbench::widgets
