#pragma once

#include <QWidget>
#include <optional>

#include "core/jobs/prompt_reader.h"
#include "core/project/prompts.h"
#include "ui/pages/workbench.h"

class QStackedLayout;
class QToolButton;

namespace prefbench::widgets {
class Disclosure;
class Label;
class StateView;
class TokenText;
}  // namespace prefbench::widgets

namespace prefbench::pages {

/// On request, a prompt exactly as the model reads it: after its chat template, token by token.
class ModelReading : public QWidget {
    Q_OBJECT
  public:
    explicit ModelReading(Workbench& workbench, QWidget* parent = nullptr);

    /// Which prompts (`count` of them) and which model; reads the one on show anew where that changes it.
    void setSource(const QString& modelFolder, std::optional<project::Split> split, qint64 count);
    widgets::Disclosure* disclosure() const { return disclosure_; }
    widgets::TokenText* tokenText() const { return text_; }

  Q_SIGNALS:
    void toggled(bool open);

  private:
    struct Source {
        QString modelFolder;
        std::optional<project::Split> split;
        qint64 count = 0, place = 0;
        bool operator==(const Source&) const = default;
    };
    QWidget* buildContent();
    void go(qint64 place);
    void refresh();
    void readPrompt(const project::Prompt& prompt);
    void present(const contract::Rendering& rendering);
    void showProblem(const QString& message);
    void showState();
    void describeToken();

    Workbench& workbench_;
    jobs::PromptReader reader_;
    Source source_;
    std::optional<Source> shown_;  ///< what is on show or being read
    widgets::Disclosure* disclosure_;
    widgets::Label* place_;
    widgets::Label* count_;
    widgets::Label* token_;
    QToolButton* previous_;
    QToolButton* next_;
    QWidget* bar_;
    widgets::StateView* state_;
    widgets::TokenText* text_;
    QStackedLayout* stack_;
};

}  // namespace prefbench::pages
