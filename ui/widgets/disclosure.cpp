#include "ui/widgets/disclosure.h"

#include <QSettings>
#include <QToolButton>
#include <QVBoxLayout>

#include "ui/widgets/theme.h"

namespace prefbench::widgets {

Disclosure::Disclosure(const QString& text, const QString& settingsKey, QWidget* parent)
    : QWidget(parent), settingsKey_(settingsKey) {
    column_ = new QVBoxLayout(this);
    setLayoutGrid(column_, this, 0, kTightSpacing);
    button_ = new QToolButton(this);
    button_->setText(text);
    button_->setCheckable(true);
    button_->setAutoRaise(true);
    button_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    column_->addWidget(button_, 0, Qt::AlignLeading);
    if (!settingsKey_.isEmpty()) {
        button_->setChecked(QSettings().value(settingsKey_, false).toBool());
    }
    button_->setArrowType(isOpen() ? Qt::DownArrow : Qt::RightArrow);
    connect(button_, &QToolButton::toggled, this, &Disclosure::apply);
}

void Disclosure::setContent(QWidget* content) {
    content_ = content;
    column_->addWidget(content_, 1);
    content_->setVisible(isOpen());
}

bool Disclosure::isOpen() const {
    return button_->isChecked();
}

void Disclosure::setOpen(bool open) {
    button_->setChecked(open);
}

void Disclosure::apply(bool open) {
    button_->setArrowType(open ? Qt::DownArrow : Qt::RightArrow);
    if (content_) {
        content_->setVisible(open);
    }
    if (!settingsKey_.isEmpty()) {
        QSettings().setValue(settingsKey_, open);
    }
    Q_EMIT toggled(open);
}

}  // namespace prefbench::widgets
