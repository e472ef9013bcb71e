#pragma once

#include <QAbstractButton>
#include <QButtonGroup>
#include <QWidget>

class QVBoxLayout;

namespace prefbench::widgets {

/// One entry of the rail: icon and word; the chosen one has a bar at its edge.
class RailButton : public QAbstractButton {
    Q_OBJECT
  public:
    RailButton(const QString& iconName, const QString& text, QWidget* parent = nullptr);
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    QIcon icon_;
};

/// The pages, one below the other; arrow keys move among them.
class Rail : public QWidget {
    Q_OBJECT
  public:
    explicit Rail(QWidget* parent = nullptr);
    /// Returns the entry's index. `text` may hold a mnemonic mark, which is not shown.
    int add(const QString& iconName, const QString& text, const QString& shortcut);
    void setCurrent(int index);
    void setEntryEnabled(int index, bool enabled);

  Q_SIGNALS:
    void chosen(int index);

  protected:
    void paintEvent(QPaintEvent* event) override;

  private:
    QVBoxLayout* column_;
    QButtonGroup group_;
};

}  // namespace prefbench::widgets
