#include "ui/pages/sample/preview.h"

#include <QVBoxLayout>
#include <utility>

#include "ui/pages/turns.h"
#include "ui/widgets/theme.h"
#include "ui/widgets/turns_view.h"

namespace prefbench::pages {
namespace {

constexpr int places = 5;
constexpr int paintInterval = 100;  // ms
constexpr int readableFor = 2000;   // ms without new text before a card may take another prompt

}  // namespace

SamplePreview::SamplePreview(QWidget* parent) : QWidget(parent) {
    column_ = new QVBoxLayout(this);
    widgets::setLayoutGrid(column_, this, 0, widgets::kSpacing);
    column_->addStretch(1);
    timer_.setInterval(paintInterval);
    timer_.setSingleShot(true);
    connect(&timer_, &QTimer::timeout, this, &SamplePreview::paintText);
}

void SamplePreview::clear() {
    timer_.stop();
    for (const Place& place : std::as_const(places_)) {
        delete place.card;
    }
    places_.clear();
    seen_.clear();
}

SamplePreview::Place* SamplePreview::placeFor(const project::Prompt& prompt) {
    Place* oldest = nullptr;
    for (Place& place : places_) {
        if (place.promptId == prompt.id) {
            return &place;
        }
        if (place.still.elapsed() > readableFor && (!oldest || place.still.elapsed() > oldest->still.elapsed())) {
            oldest = &place;
        }
    }
    // A card that came in late would show the rest of an answer as if it were the whole.
    if (seen_.contains(prompt.id)) {
        return nullptr;
    }
    seen_.insert(prompt.id);
    if (places_.size() < places) {
        places_.append(Place());
        makeCard(places_.last());
        oldest = &places_.last();
    }
    if (oldest) {
        oldest->promptId = prompt.id;
        oldest->prompt = turnsOf(prompt);
        oldest->isNew = true;
        oldest->answers.clear();
    }
    return oldest;
}

void SamplePreview::append(const project::Prompt& prompt, int index, const QString& text) {
    Place* place = placeFor(prompt);
    if (!place || index < 0) {
        return;
    }
    while (place->answers.size() <= index) {
        place->answers << QString();
    }
    place->answers[index] += text;
    place->still.start();
    place->dirty = true;
    if (!timer_.isActive()) {
        timer_.start();
    }
}

void SamplePreview::makeCard(Place& place) {
    place.card = new widgets::Card(this);
    auto* column = new QVBoxLayout(place.card);
    widgets::setLayoutGrid(column, this, 2, widgets::kTightSpacing);
    place.heading = new widgets::TurnsView(place.card);
    column->addWidget(place.heading);
    column_->insertWidget(column_->count() - 1, place.card);
}

void SamplePreview::paintText() {
    for (Place& place : places_) {
        if (!place.dirty) {
            continue;
        }
        place.dirty = false;
        if (std::exchange(place.isNew, false)) {
            place.heading->setTurns(place.prompt);
        }
        while (place.labels.size() < place.answers.size()) {
            auto* label = new widgets::Label(widgets::Label::Role::Body, {}, place.card);
            label->setWordWrap(true);
            label->setTextInteractionFlags(Qt::TextSelectableByMouse);
            place.card->layout()->addWidget(label);
            place.labels << label;
        }
        for (qsizetype index = 0; index < place.labels.size(); ++index) {
            const QString text = place.answers.value(index).trimmed();
            place.labels[index]->setText(
                QStringLiteral("%1.  %2").arg(index + 1).arg(text.isEmpty() ? QStringLiteral("…") : text));
            place.labels[index]->setVisible(index < place.answers.size());
        }
    }
}

int SamplePreview::shown() const {
    return static_cast<int>(places_.size());
}

QString SamplePreview::answer(int card, int index) const {
    return places_.value(card).answers.value(index);
}

}  // namespace prefbench::pages
