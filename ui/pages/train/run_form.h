#pragma once

#include <QList>
#include <QWidget>
#include <map>

#include "core/workbench/training.h"
#include "ui/methods/method_choices.h"
#include "ui/methods/run_settings.h"
#include "ui/pages/workbench.h"

class QComboBox;
class QFormLayout;
class QLabel;

namespace prefbench::widgets {
class Disclosure;
class Label;
}  // namespace prefbench::widgets

namespace prefbench::pages {

class ModelPicker;
class SettingField;

/// How a new run trains: model, method, and the settings that this method reads, the everyday ones on view and the rest
/// below "More settings". What is not shown has the contract's default.
class RunForm : public QWidget {
    Q_OBJECT
  public:
    explicit RunForm(Workbench& workbench, QWidget* parent = nullptr);

    ModelPicker* models() const { return models_; }
    QComboBox* methods() const { return methods_; }
    widgets::Disclosure* more() const { return more_; }
    const methods::MethodChoice& method() const;
    /// Of a name in contract::methodNames() that the form offers.
    void setMethod(const QString& method);
    /// By the name `--set` takes; there is one for every such name.
    SettingField* field(const QString& key) const;
    /// Whether the chosen method, and what else is chosen, reads the setting.
    bool isRead(const QString& key) const;
    /// Everything as at first, the model too.
    void reset();
    /// The first value that is refused: its label and what the engine would say; empty where none is.
    const QString& problem() const { return problem_; }
    workbench::NewRun run() const;

  Q_SIGNALS:
    void changed();
    void returnPressed();

  private:
    QFormLayout* makeForm(QWidget* area);
    QWidget* buildMain();
    QWidget* buildMore();
    void buildMethods(QFormLayout* form, QWidget* area);
    void addFields(methods::RunSetting::Group group, QFormLayout* form);
    void alignLabels();
    void methodChosen();
    void refresh();
    void showFields();
    void presentMethod();
    void check();

    struct Row {
        SettingField* field;
        QFormLayout* form;
        methods::RunSetting::Group group;
    };
    Workbench& workbench_;
    ModelPicker* models_;
    QComboBox* methods_;
    widgets::Label* sentence_;
    widgets::Disclosure* more_;
    QList<Row> rows_;
    QList<QLabel*> labels_;
    std::map<methods::RunSetting::Group, QWidget*> parts_;  ///< of "More settings"
    QString startedFrom_;  ///< the method whose start values stand in the fields that nobody has touched
    QString problem_;
    bool quiet_ = false;  ///< many values change: looked at once, afterwards
};

}  // namespace prefbench::pages
