#pragma once

#include <QWidget>

#include "ui/methods/run_settings.h"

class QAction;

namespace prefbench::widgets {
class Label;
}

namespace prefbench::pages {

/// One setting: its editor, and beside it what it means or, while its value is refused, the rule.
class SettingField : public QWidget {
    Q_OBJECT
  public:
    explicit SettingField(const methods::RunSetting& setting, QWidget* parent = nullptr);

    const QString& key() const { return setting_.key; }
    const methods::RunSetting& setting() const { return setting_; }
    /// A line edit, combo box or check box.
    QWidget* editor() const { return editor_; }
    /// As `--set` takes it.
    QString text() const;
    void setText(const QString& text);
    void setHelp(const QString& help);
    /// Why the value is refused; empty where it is not.
    void setProblem(const QString& rule);
    QString problem() const { return problem_; }

  Q_SIGNALS:
    void changed();
    void returnPressed();

  private:
    QWidget* makeEditor();
    QWidget* makeLine();
    QWidget* makeBox();
    QWidget* makeSwitch();
    void present();

    methods::RunSetting setting_;
    QString help_, problem_;
    QWidget* editor_;
    QAction* warning_ = nullptr;
    widgets::Label* note_;
    widgets::Label* rule_;
};

}  // namespace prefbench::pages
