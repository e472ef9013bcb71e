#pragma once

#include <QFrame>
#include <QStringList>
#include <functional>

class QLabel;
class QPlainTextEdit;
class QPushButton;
class QToolButton;

namespace prefbench::widgets {

/// A line in place: what happened, in words, with a button where something can be done about it. Hidden until it has
/// something to say.
class NoticeBar : public QFrame {
    Q_OBJECT
  public:
    enum class Kind { Result, Problem };
    explicit NoticeBar(QWidget* parent = nullptr);

    /// `details` are listed below on request (bad lines of a file).
    void present(Kind kind, const QString& text, const QStringList& details = {});
    void setAction(const QString& button, std::function<void()> pressed);
    void setClosable(bool closable);
    void dismiss();
    QString text() const;

  protected:
    void paintEvent(QPaintEvent* event) override;
    void changeEvent(QEvent* event) override;

  private:
    void showPicture();
    QLabel* picture_;
    QLabel* text_;
    QPushButton* action_;
    QPushButton* more_;
    QToolButton* close_;
    QPlainTextEdit* details_;
    std::function<void()> pressed_;
    Kind kind_ = Kind::Result;
};

}  // namespace prefbench::widgets
