#pragma once

#include <QWidget>

class QScrollBar;

namespace prefbench::widgets {

class ReadingText;

/// Two texts side by side: equal width, same font, scrolled together, the common beginning dimmed. Left stays left in
/// right-to-left languages.
class ComparedTexts : public QWidget {
    Q_OBJECT
  public:
    explicit ComparedTexts(QWidget* parent = nullptr);
    void setTexts(const QString& left, const QString& right);
    void setScale(double scale);
    void showDifferences(bool show);
    bool showsDifferences() const { return differences_; }
    /// Both at once, in lines or pages (negative: up).
    void scrollLines(int lines);
    void scrollPages(int pages);
    ReadingText* left() const { return left_; }
    ReadingText* right() const { return right_; }

  private:
    void applyMarks();
    QScrollBar* longerBar() const;
    ReadingText* left_;
    ReadingText* right_;
    bool differences_ = false;
    bool scrolling_ = false;
};

}  // namespace prefbench::widgets
