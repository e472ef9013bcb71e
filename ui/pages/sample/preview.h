#pragma once

#include <QElapsedTimer>
#include <QList>
#include <QSet>
#include <QTimer>
#include <QWidget>

class QVBoxLayout;

namespace prefbench::widgets {
class Card;
class Label;
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
    void append(const QString& promptId, const QString& prompt, int index, const QString& text);
    /// Cards in use, for tests.
    int shown() const;
    QString answer(int card, int index) const;

  private:
    struct Place {
        QString promptId, prompt;
        QStringList answers;
        QElapsedTimer still;
        bool dirty = false;
        widgets::Card* card = nullptr;
        widgets::Label* heading = nullptr;
        QList<widgets::Label*> labels;
    };
    Place* placeFor(const QString& promptId, const QString& prompt);
    void makeCard(Place& place);
    void paintText();

    QList<Place> places_;
    QSet<QString> seen_;  ///< prompts that have had their chance of a card
    QVBoxLayout* column_;
    QTimer timer_;
};

}  // namespace prefbench::pages
