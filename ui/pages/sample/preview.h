#pragma once

#include <QElapsedTimer>
#include <QList>
#include <QSet>
#include <QTimer>
#include <QWidget>

#include "core/project/prompts.h"
#include "ui/widgets/turn.h"

class QVBoxLayout;

namespace prefbench::widgets {
class Card;
class Label;
class TurnsView;
}  // namespace prefbench::widgets

namespace prefbench::pages {

/// A handful of prompts with their answers as they stream in. A card keeps its prompt until its answers have been
/// still for a moment, however fast the engine is, so that they can be read, and shows a prompt only from its first
/// word on; text is painted ten times a second.
class SamplePreview : public QWidget {
    Q_OBJECT
  public:
    explicit SamplePreview(QWidget* parent = nullptr);
    void clear();
    /// Answer `index` of this prompt grew by `text`.
    void append(const project::Prompt& prompt, int index, const QString& text);
    /// Cards in use, for tests.
    int shown() const;
    QString answer(int card, int index) const;

  private:
    struct Place {
        QString promptId;
        QList<widgets::Turn> prompt;
        QStringList answers;
        QElapsedTimer still;
        bool dirty = false, isNew = true;
        widgets::Card* card = nullptr;
        widgets::TurnsView* heading = nullptr;
        QList<widgets::Label*> labels;
    };
    Place* placeFor(const project::Prompt& prompt);
    void makeCard(Place& place);
    void paintText();

    QList<Place> places_;
    QSet<QString> seen_;  ///< prompts that have had their chance of a card
    QVBoxLayout* column_;
    QTimer timer_;
};

}  // namespace prefbench::pages
