#pragma once

#include <QTimer>
#include <QWidget>
#include <functional>

class QHBoxLayout;
class QLabel;
class QProgressBar;
class QPushButton;
class QVBoxLayout;

namespace prefbench::widgets {

class Label;
class PrimaryButton;

/// What stands in a page's or list's place while it has nothing to show: one heading, one sentence and at most the one
/// button that leads on. Put it in a QStackedLayout beside the content.
class StateView : public QWidget {
    Q_OBJECT
  public:
    explicit StateView(QWidget* parent = nullptr);

    /// Nothing here yet: what will be here and the button that fills it.
    void showEmpty(const QString& heading, const QString& sentence, const QString& button = {},
                   std::function<void()> pressed = {});
    /// Shown only when the wait has lasted 150 ms.
    void showLoading(const QString& sentence);
    /// What happened, what was kept, what to do.
    void showError(const QString& heading, const QString& sentence, const QString& button = {},
                   std::function<void()> pressed = {});
    /// A second, quiet button beside the first; after one of the calls above.
    void addSecondary(const QString& button, std::function<void()> pressed);
    void addWidget(QWidget* widget);

  protected:
    void resizeEvent(QResizeEvent* event) override;

  private:
    void fitText();
    void present(const QString& iconName, const QString& heading, const QString& sentence, const QString& button,
                 std::function<void()> pressed);
    QVBoxLayout* column_;
    QHBoxLayout* buttons_;
    QLabel* picture_;
    Label* heading_;
    Label* sentence_;
    PrimaryButton* button_;
    QProgressBar* progress_;
    QList<QPushButton*> secondary_;
    QTimer delay_;
    std::function<void()> pressed_;
};

}  // namespace prefbench::widgets
