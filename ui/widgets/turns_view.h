#pragma once

#include <QList>
#include <QWidget>

#include "ui/widgets/turn.h"

class QGridLayout;

namespace prefbench::widgets {

/// A prompt above its answers: semibold, each part of a conversation beside its speaker.
class TurnsView : public QWidget {
    Q_OBJECT
  public:
    explicit TurnsView(QWidget* parent = nullptr);
    void setTurns(const QList<Turn>& turns);

  private:
    QGridLayout* grid_;
};

}  // namespace prefbench::widgets
