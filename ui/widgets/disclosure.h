#pragma once

#include <QString>
#include <QWidget>

class QToolButton;
class QVBoxLayout;

namespace prefbench::widgets {

/// A heading with an arrow that shows or hides what stands below it.
class Disclosure : public QWidget {
    Q_OBJECT
  public:
    /// Closed at first; with `settingsKey` as the person left it.
    explicit Disclosure(const QString& text, const QString& settingsKey = {}, QWidget* parent = nullptr);
    /// Takes the content; call once.
    void setContent(QWidget* content);
    QToolButton* button() const { return button_; }
    bool isOpen() const;
    void setOpen(bool open);

  Q_SIGNALS:
    void toggled(bool open);

  private:
    void apply(bool open);
    QToolButton* button_;
    QVBoxLayout* column_;
    QWidget* content_ = nullptr;
    QString settingsKey_;
};

}  // namespace prefbench::widgets
