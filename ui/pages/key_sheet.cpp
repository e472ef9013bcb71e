#include "ui/pages/key_sheet.h"

#include <QBoxLayout>
#include <QGridLayout>
#include <QKeyEvent>

#include "ui/widgets/key_hint.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

namespace {

QWidget* section(const QString& heading, const QList<KeyHelp>& keys, QWidget* parent) {
    auto* area = new QWidget(parent);
    auto* column = new QVBoxLayout(area);
    widgets::setLayoutGrid(column, parent, 0, 1.5);
    column->addWidget(widgets::sectionLabel(heading, area));
    auto* table = new QGridLayout;
    table->setHorizontalSpacing(widgets::grid(parent, 2));
    table->setVerticalSpacing(widgets::grid(parent, 0.75));
    table->setColumnStretch(1, 1);
    for (int row = 0; row < keys.size(); ++row) {
        auto* caps = new QHBoxLayout;
        caps->setSpacing(widgets::grid(parent, 0.5));
        for (const QString& key : keys[row].keys.split(u' ', Qt::SkipEmptyParts)) {
            caps->addWidget(new widgets::KeyHint(key, area));
        }
        caps->addStretch();
        table->addLayout(caps, row, 0);
        table->addWidget(new widgets::Label(widgets::Label::Role::Body, keys[row].action, area), row, 1);
    }
    column->addLayout(table);
    column->addStretch();
    return area;
}

}  // namespace

KeySheet::KeySheet(const QString& pageTitle, const QList<KeyHelp>& pageKeys, const QList<KeyHelp>& windowKeys,
                   QWidget* parent)
    : QDialog(parent) {
    setWindowTitle(tr("Keys"));
    auto* row = new QHBoxLayout(this);
    widgets::setLayoutGrid(row, this, widgets::kPageMargin, 5);
    if (!pageKeys.isEmpty()) {
        row->addWidget(section(pageTitle, pageKeys, this));
    }
    row->addWidget(section(tr("Everywhere"), windowKeys, this));
}

void KeySheet::keyPressEvent(QKeyEvent* event) {
    const int key = event->key();
    if (key == Qt::Key_Shift || key == Qt::Key_Control || key == Qt::Key_Alt || key == Qt::Key_Meta) {
        return;
    }
    accept();
}

}  // namespace prefbench::pages
