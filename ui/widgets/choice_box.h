#pragma once

#include <QComboBox>
#include <QWheelEvent>

namespace prefbench::widgets {

/// A combo box for pages that scroll: the wheel goes on scrolling instead of changing what is chosen.
class ChoiceBox : public QComboBox {
    Q_OBJECT
  public:
    using QComboBox::QComboBox;

  protected:
    void wheelEvent(QWheelEvent* event) override { event->ignore(); }
};

}  // namespace prefbench::widgets
