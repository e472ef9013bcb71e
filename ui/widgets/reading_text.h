#pragma once

#include <QTextEdit>

#include "ui/widgets/text_difference.h"
#include "ui/widgets/turn.h"

namespace prefbench::widgets {

/// Text to be read and judged: 1.15 of the usual size times the person's own scale, line height 1.45, a column of at
/// most about 75 characters. Markup is never interpreted; the writing direction is each paragraph's own.
class ReadingText : public QTextEdit {
    Q_OBJECT
  public:
    explicit ReadingText(QWidget* parent = nullptr);

    /// Shows `text` without blank ends and starts at its top.
    void setReading(const QString& text);
    /// Shows a conversation: each part below its speaker. Plain text is one part without a speaker.
    void setTurns(const QList<Turn>& turns);
    QString reading() const { return reading_; }
    void setScale(double scale);
    /// The first `characters` step back in colour.
    void setDimmed(qsizetype characters);
    /// Underlined and shaded, in no colour of its own.
    void setMarked(const QList<TextRange>& ranges);
    /// Height that shows all of it at the present width.
    int fullHeight() const;

  Q_SIGNALS:
    /// The text or its size changed: fullHeight is another.
    void heightChanged();

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    void begin();
    void applyFormat();
    void applyColumn();
    void applySelections();
    QString reading_;
    double scale_ = 1;
    qsizetype dimmed_ = 0;
    QList<TextRange> marked_;
};

}  // namespace prefbench::widgets
