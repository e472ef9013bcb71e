#include "ui/widgets/turns_view.h"

#include <QGridLayout>
#include <memory>

#include "ui/widgets/theme.h"

namespace prefbench::widgets {

TurnsView::TurnsView(QWidget* parent) : QWidget(parent) {
    grid_ = new QGridLayout(this);
    setLayoutGrid(grid_, this, 0, kTightSpacing);
    grid_->setColumnStretch(1, 1);
}

void TurnsView::setTurns(const QList<Turn>& turns) {
    while (grid_->count() > 0) {
        const std::unique_ptr<QLayoutItem> item(grid_->takeAt(0));
        delete item->widget();
    }
    int row = 0;
    for (const Turn& turn : turns) {
        auto* text = new Label(Label::Role::Body, turn.text.trimmed(), this);
        QFont bold = text->font();
        bold.setWeight(QFont::DemiBold);
        text->setFont(bold);
        text->setWordWrap(true);
        text->setTextInteractionFlags(Qt::TextSelectableByMouse);
        if (turn.speaker.isEmpty()) {
            grid_->addWidget(text, row++, 0, 1, 2);
            continue;
        }
        Label* speaker = secondaryLabel(turn.speaker, this);
        speaker->setWordWrap(false);
        grid_->addWidget(speaker, row, 0, Qt::AlignTop);
        grid_->addWidget(text, row++, 1);
    }
}

}  // namespace prefbench::widgets
