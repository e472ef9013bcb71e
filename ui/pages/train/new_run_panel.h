#pragma once

#include <QList>
#include <QWidget>

#include "core/workbench/training.h"
#include "ui/pages/workbench.h"

class QFormLayout;
class QLineEdit;
class QScrollArea;

namespace prefbench::widgets {
class Label;
class NoticeBar;
class PrimaryButton;
}  // namespace prefbench::widgets

namespace prefbench::pages {

class ModelPicker;

/// What a new run is made of, filled in beforehand: which pairs, which model, the few settings that matter, and all
/// others on request.
class NewRunPanel : public QWidget {
    Q_OBJECT
  public:
    explicit NewRunPanel(Workbench& workbench, QWidget* parent = nullptr);

    /// A run is wanted: loads, and gives the button that goes on the focus once pairs and models are known.
    void begin();
    /// Counts the pairs and lists the models anew.
    void load();
    void clear();
    void chooseModel(const QString& modelId);
    /// Why the run could not be started; one line above the buttons.
    void showProblem(const QString& problem);
    QString problem() const;
    /// While a run is being started nothing can be pressed twice.
    void setBusy(bool busy);
    workbench::NewRun run() const;
    /// Absolute folder of the chosen model.
    QString modelFolder() const;
    /// The setting's field, by the name `--set` takes.
    QLineEdit* field(const QString& key) const;

  Q_SIGNALS:
    void startRequested();
    void cancelled();

  private:
    struct Field {
        QString key, initial;
        QLineEdit* edit;
    };
    QWidget* buildDataset();
    QWidget* buildSettings();
    void addField(QFormLayout* form, const QString& key, const QString& label, const QString& help);
    void presentSummary(const workbench::DatasetSummary& summary);
    void validate();

    Workbench& workbench_;
    ModelPicker* models_;
    widgets::Label* pairs_;
    widgets::Label* pairsNote_;
    widgets::PrimaryButton* label_;
    QList<Field> fields_;
    widgets::NoticeBar* notice_;
    widgets::PrimaryButton* start_;
    bool busy_ = false, trainable_ = false, valid_ = true;
    bool wantsFocus_ = false;  ///< the button that goes on, as soon as pairs and models are known
};

}  // namespace prefbench::pages
