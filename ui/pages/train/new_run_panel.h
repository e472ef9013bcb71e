#pragma once

#include <QWidget>

#include "core/workbench/training.h"
#include "ui/pages/workbench.h"

namespace prefbench::widgets {
class Label;
class NoticeBar;
class PrimaryButton;
}  // namespace prefbench::widgets

namespace prefbench::pages {

class RunForm;

/// What a new run is made of, filled in beforehand: which labels it learns from, and how.
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
    RunForm* form() const { return form_; }

  Q_SIGNALS:
    void startRequested();
    void cancelled();

  private:
    QWidget* buildDataset();
    QLayout* buildButtons();
    void presentSummary();
    void presentCounts();
    void validate();

    Workbench& workbench_;
    widgets::Label* pairs_;
    widgets::Label* pairsNote_;
    widgets::PrimaryButton* label_;
    RunForm* form_;
    widgets::NoticeBar* notice_;
    widgets::PrimaryButton* start_;
    workbench::DatasetSummary summary_;
    bool counted_ = false, busy_ = false, valid_ = true;
    bool wantsFocus_ = false;  ///< the button that goes on, as soon as pairs and models are known
};

}  // namespace prefbench::pages
