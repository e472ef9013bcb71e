#pragma once

#include <QList>
#include <QWidget>
#include <optional>

#include "core/workbench/sampling_job.h"
#include "ui/pages/workbench.h"

class QComboBox;
class QDoubleSpinBox;
class QFormLayout;
class QLabel;
class QPlainTextEdit;
class QSpinBox;

namespace prefbench::pages {

class ModelPicker;

/// What is to be sampled and how: the everyday settings on view, the rest below "More settings".
class SamplingForm : public QWidget {
    Q_OBJECT
  public:
    explicit SamplingForm(Workbench& workbench, QWidget* parent = nullptr);

    /// How many prompts there are to choose from.
    void setPromptCounts(qint64 train, qint64 test);
    /// While answers are drawn nothing can be changed.
    void setBusy(bool busy);
    ModelPicker* modelPicker() const { return models_; }
    std::optional<project::Split> split() const;
    /// Prompts of the chosen kind.
    qint64 promptsOfSplit() const;
    /// Those that will be answered.
    qint64 promptsWanted() const;
    int answersPerPrompt() const;
    workbench::SamplingRequest request() const;

  Q_SIGNALS:
    void changed();

  private:
    QWidget* buildMain();
    QWidget* buildMore();
    void alignForms();
    void add(QFormLayout* form, const QString& text, QWidget* field, const QString& tip);
    QSpinBox* spin(int low, int high, int value);
    QDoubleSpinBox* real(double low, double high, double step, double value);

    Workbench& workbench_;
    ModelPicker* models_;
    QComboBox* which_;
    QSpinBox* limit_;
    QSpinBox* perPrompt_;
    QDoubleSpinBox* temperature_;
    QSpinBox* longest_;
    QComboBox* policy_;
    QDoubleSpinBox* topP_;
    QSpinBox* topK_;
    QDoubleSpinBox* minP_;
    QDoubleSpinBox* repetitionPenalty_;
    QSpinBox* shortest_;
    QPlainTextEdit* stop_;
    QSpinBox* seed_;
    QList<QWidget*> fields_;
    QList<QLabel*> labels_;
    qint64 trainPrompts_ = 0, testPrompts_ = 0;
};

/// Stop texts as they are typed: one a line, \n and \t for line break and tab, \\ for a backslash; empty lines are
/// none.
std::vector<std::string> stopTexts(const QString& typed);

}  // namespace prefbench::pages
