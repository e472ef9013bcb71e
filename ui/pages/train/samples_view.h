#pragma once

#include <QList>
#include <QString>
#include <QWidget>
#include <filesystem>

#include "core/project/prompts.h"

class QComboBox;
class QStackedLayout;
class QVBoxLayout;

namespace prefbench::widgets {
class StateView;
}

namespace prefbench::pages {

/// One line of samples.jsonl.
struct RunSample {
    qint64 step = 0;
    project::Prompt prompt;  ///< its messages only
    QString answer;
};
/// Every readable line; a missing file holds none. Blocks: call it aside.
QList<RunSample> readRunSamples(const std::filesystem::path& file);

/// The same prompts answered before training and at a chosen evaluation, side by side.
class SamplesView : public QWidget {
    Q_OBJECT
  public:
    explicit SamplesView(QWidget* parent = nullptr);
    void clear();
    /// Reads the file anew, aside; the step on show stays unless it was the newest.
    void load(const std::filesystem::path& file);

  private:
    void present(QList<RunSample> samples);
    void fill();
    QList<RunSample> samples_;
    std::filesystem::path file_;
    QComboBox* step_;
    QStackedLayout* stack_;
    widgets::StateView* state_;
    QVBoxLayout* column_;
};

}  // namespace prefbench::pages
