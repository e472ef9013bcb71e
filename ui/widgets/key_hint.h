#pragma once

#include <QAbstractButton>
#include <QLabel>

namespace prefbench::widgets {

/// A key cap: the key that presses the thing beside it.
class KeyHint : public QLabel {
    Q_OBJECT
  public:
    explicit KeyHint(const QString& key, QWidget* parent = nullptr);
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

    /// Paints a key cap into `area`.
    static void paintCap(QPainter& painter, const QRectF& area, const QString& key, const QPalette& palette,
                         bool enabled = true);
    static QSizeF capSize(const QFont& font, const QString& key);

  protected:
    void paintEvent(QPaintEvent* event) override;
};

/// A flat button with the key that presses it: cap and word side by side, or the cap over the word.
class KeyButton : public QAbstractButton {
    Q_OBJECT
  public:
    enum class Shape { Beside, Above };
    KeyButton(const QString& key, const QString& text, Shape shape = Shape::Beside, QWidget* parent = nullptr);
    /// Marks the button as the one just taken; the mark is neutral in colour and goes by itself after `milliseconds`.
    void flash(int milliseconds);
    /// Keeps the mark: the answer as it stands.
    void setMarked(bool marked);
    bool isMarked() const { return marked_; }
    bool isFlashing() const { return flashing_; }
    QString key() const { return key_; }
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
    void enterEvent(QEnterEvent* event) override;
    void leaveEvent(QEvent* event) override;

  private:
    QString key_;
    Shape shape_;
    bool marked_ = false;
    bool flashing_ = false;
    int flashes_ = 0;
};

}  // namespace prefbench::widgets
