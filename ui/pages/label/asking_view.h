#pragma once

#include <QWidget>

#include "core/labelling/label_session.h"
#include "ui/widgets/answer_bar.h"

class QLineEdit;

namespace prefbench::widgets {
class ComparedTexts;
class Label;
class NoticeBar;
class ReadingText;
}  // namespace prefbench::widgets

namespace prefbench::pages {

/// The Label page while it asks: prompt, two answers, notice, reason and the row of answers. Shows; decides nothing.
class AskingView : public QWidget {
    Q_OBJECT
  public:
    explicit AskingView(QWidget* parent = nullptr);

    /// Shows the question, after an undo with the answer that stood.
    void ask(const labelling::Question& question);
    /// Marks the answer and fills in its reason.
    void showAnswer(project::Outcome outcome, int screen, const QString& rationale);
    void setProgress(const QString& text, int activeSeconds, bool canUndo);
    void setTextScale(double scale);

    QString reason() const;
    void openReason();
    void clearReason();
    bool isTypingReason() const;
    void toggleDifferences();
    /// Up, Down, Page Up and Page Down scroll both answers; false for other keys and while the prompt has the focus.
    bool scroll(int key);

    widgets::NoticeBar* notice() const { return notice_; }
    widgets::AnswerBar* bar() const { return bar_; }

  Q_SIGNALS:
    void pressed(const widgets::AnswerCommand& command);
    /// Enter in the reason: back to the answers.
    void reasonGiven();

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    QWidget* buildHeader();
    QWidget* buildPrompt();
    QWidget* buildReason();
    void fitPrompt();

    QWidget* content_ = nullptr;
    widgets::Label* progress_ = nullptr;
    widgets::Label* clock_ = nullptr;
    widgets::ReadingText* prompt_ = nullptr;
    widgets::ComparedTexts* texts_ = nullptr;
    widgets::NoticeBar* notice_ = nullptr;
    QWidget* reasonRow_ = nullptr;
    QLineEdit* reason_ = nullptr;
    widgets::AnswerBar* bar_ = nullptr;
};

/// What the answer looks like on the bar.
widgets::AnswerCommand commandOf(project::Outcome outcome, int screen);

}  // namespace prefbench::pages
