#include "ui/pages/train/setting_field.h"

#include <QAction>
#include <QCheckBox>
#include <QHBoxLayout>
#include <QLineEdit>
#include <algorithm>

#include "ui/widgets/choice_box.h"
#include "ui/widgets/icon.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {
namespace {

constexpr double kNumberWidth = 8, kWordsWidth = 15;  // em

}  // namespace

SettingField::SettingField(const methods::RunSetting& setting, QWidget* parent) : QWidget(parent), setting_(setting) {
    auto* line = new QHBoxLayout(this);
    widgets::setLayoutGrid(line, this, 0, widgets::kSpacing);
    editor_ = makeEditor();
    editor_->setObjectName(setting.key);
    editor_->setToolTip(setting.key);
    setFocusProxy(editor_);
    note_ = widgets::secondaryLabel({}, this);
    rule_ = new widgets::Label(widgets::Label::Role::Body, {}, this);
    rule_->setWordWrap(true);
    line->addWidget(editor_);
    line->addWidget(note_, 1);
    line->addWidget(rule_, 1);
    line->addStretch();
    setHelp(setting.help);
}

QWidget* SettingField::makeEditor() {
    switch (setting_.kind) {
        case methods::RunSetting::Kind::Choice:
            return makeBox();
        case methods::RunSetting::Kind::Switch:
            return makeSwitch();
        case methods::RunSetting::Kind::Number:
        case methods::RunSetting::Kind::Text:
            break;
    }
    return makeLine();
}

QWidget* SettingField::makeLine() {
    auto* edit = new QLineEdit(this);
    edit->setFixedWidth(
        widgets::em(this, setting_.kind == methods::RunSetting::Kind::Text ? kWordsWidth : kNumberWidth));
    edit->setAccessibleName(QString(setting_.label).remove(QLatin1Char('&')));
    warning_ = edit->addAction(widgets::icon(QStringLiteral("warning")), QLineEdit::TrailingPosition);
    connect(edit, &QLineEdit::textChanged, this, &SettingField::changed);
    connect(edit, &QLineEdit::returnPressed, this, &SettingField::returnPressed);
    return edit;
}

QWidget* SettingField::makeBox() {
    auto* box = new widgets::ChoiceBox(this);
    for (const methods::RunSetting::Option& option : setting_.options) {
        box->addItem(option.label, option.value);
    }
    box->setMinimumWidth(widgets::em(this, kWordsWidth));
    box->setAccessibleName(QString(setting_.label).remove(QLatin1Char('&')));
    connect(box, &QComboBox::currentIndexChanged, this, &SettingField::changed);
    return box;
}

QWidget* SettingField::makeSwitch() {
    auto* box = new QCheckBox(setting_.label, this);
    connect(box, &QCheckBox::toggled, this, &SettingField::changed);
    return box;
}

QString SettingField::text() const {
    if (const auto* box = qobject_cast<QComboBox*>(editor_)) {
        return box->currentData().toString();
    }
    if (const auto* box = qobject_cast<QCheckBox*>(editor_)) {
        return box->isChecked() ? QStringLiteral("true") : QStringLiteral("false");
    }
    return static_cast<QLineEdit*>(editor_)->text().trimmed();
}

void SettingField::setText(const QString& text) {
    if (auto* box = qobject_cast<QComboBox*>(editor_)) {
        box->setCurrentIndex(std::max(0, box->findData(text)));
    } else if (auto* box = qobject_cast<QCheckBox*>(editor_)) {
        box->setChecked(text == QLatin1String("true"));
    } else {
        static_cast<QLineEdit*>(editor_)->setText(text);
    }
}

void SettingField::setHelp(const QString& help) {
    help_ = help;
    present();
}

void SettingField::setProblem(const QString& rule) {
    problem_ = rule;
    present();
}

void SettingField::present() {
    note_->setText(help_);
    note_->setVisible(problem_.isEmpty() && !help_.isEmpty());
    rule_->setText(problem_);
    rule_->setVisible(!problem_.isEmpty());
    if (warning_) {
        warning_->setVisible(!problem_.isEmpty());
    }
    editor_->setAccessibleDescription(problem_.isEmpty() ? help_ : problem_);
}

}  // namespace prefbench::pages
