#pragma once

#include <QList>
#include <QWidget>
#include <optional>

class QKeyEvent;

namespace prefbench::widgets {

class KeyButton;

/// What a key or button of the Label page asks for.
struct AnswerCommand {
    enum class Kind { Score, BothBad, Skip, Undo, Reason, Differences };
    Kind kind = Kind::Score;
    int screen = 0;  ///< of Score: −3…3, positive = left better
    bool operator==(const AnswerCommand&) const = default;
};

/// The command of a bare key. The letter or digit on the key decides; a key that carries neither (another script, the
/// digit row of a French keyboard) counts by its place on the keyboard. ← and → are "better", two steps of three.
std::optional<AnswerCommand> answerCommand(const QKeyEvent& event);

/// The seven-step scale and the commands under it, each with its key.
class AnswerBar : public QWidget {
    Q_OBJECT
  public:
    explicit AnswerBar(QWidget* parent = nullptr);

    /// Shows for a moment what was just chosen.
    void flash(const AnswerCommand& command);
    /// Keeps a mark on an answer that stands, or none.
    void mark(const std::optional<AnswerCommand>& command);
    void setDifferencesShown(bool shown);
    void setUndoEnabled(bool enabled);
    /// The button of a command; ← and → share Score ±2 with 2 and 6, whose buttons are meant.
    KeyButton* button(const AnswerCommand& command) const;
    static constexpr int kTraceMilliseconds = 350;

  Q_SIGNALS:
    void pressed(const prefbench::widgets::AnswerCommand& command);

  private:
    KeyButton* add(const AnswerCommand& command, const QString& key, const QString& text, const QString& fullName,
                   bool scale);
    struct Entry {
        AnswerCommand command;
        KeyButton* button;
    };
    QList<Entry> entries_;
};

}  // namespace prefbench::widgets
