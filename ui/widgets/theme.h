#pragma once

#include <QColor>
#include <QFont>
#include <QFrame>
#include <QLabel>
#include <QPalette>
#include <QPushButton>

namespace prefbench::widgets {

/// `count` units of the layout grid in pixels: one unit is 8 px at a 12 px font and grows with the font.
int grid(const QWidget* widget, double count = 1);
/// `count` times the font's size in pixels.
int em(const QWidget* widget, double count = 1);

/// Grid units: page margins and the space between groups, between things of one group, and between a thing and its
/// label.
constexpr double kPageMargin = 3;
constexpr double kGroupSpacing = 3;
constexpr double kSpacing = 1.5;
constexpr double kTightSpacing = 1;

/// The window colour's luminance decides (Qt 6.4 has no colour scheme).
bool isDark(const QPalette& palette);
/// `share` of `over` on `under`, 0…1.
QColor mixed(const QColor& under, const QColor& over, double share);
/// Text of second rank: at least 4.5:1 on the window's colour.
QColor mutedText(const QPalette& palette);
/// The palette's highlight, moved away from its text until that reads at 4.5:1.
QColor strongHighlight(const QPalette& palette);
/// Hairlines: borders of cards, separators.
QColor hairline(const QPalette& palette);
/// Contrast ratio of WCAG 2, 1…21.
double contrast(const QColor& a, const QColor& b);

/// Colour-blind safe series colours (Okabe and Ito), a lighter step on dark.
enum class Series { Chosen, Rejected, Margin, Accuracy, Guide };
QColor seriesColour(Series series, const QPalette& palette);
/// Colour number `index` (any, cyclic) of the palette of runs.
QColor runColour(int index, const QPalette& palette);

/// A label whose size and colour follow the application's font and palette. Shows plain text, never markup.
class Label : public QLabel {
    Q_OBJECT
  public:
    enum class Role {
        Title,      ///< 1.5, semibold
        Section,    ///< 1.15, semibold
        Body,       ///< 1.0
        Secondary,  ///< 0.9, muted
        Figure,     ///< 2.0: a number to be read from afar
    };
    explicit Label(Role role, const QString& text = {}, QWidget* parent = nullptr);

  protected:
    void changeEvent(QEvent* event) override;

  private:
    void applyRole();
    Role role_;
    bool applying_ = false;
};

Label* titleLabel(const QString& text, QWidget* parent = nullptr);
Label* sectionLabel(const QString& text, QWidget* parent = nullptr);
/// Wraps; keep its column under 75 characters (`kTextColumn`).
Label* secondaryLabel(const QString& text, QWidget* parent = nullptr);
constexpr double kTextColumn = 38;  ///< em: about 75 characters

/// A quiet rounded surface that groups things on a page.
class Card : public QFrame {
    Q_OBJECT
  public:
    explicit Card(QWidget* parent = nullptr);

  protected:
    void paintEvent(QPaintEvent* event) override;
};

/// The one button of a page that does its next step: filled with the highlight colour.
class PrimaryButton : public QPushButton {
    Q_OBJECT
  public:
    explicit PrimaryButton(const QString& text = {}, QWidget* parent = nullptr);
    QSize sizeHint() const override;

  protected:
    void paintEvent(QPaintEvent* event) override;
};

/// Sets a layout's margins and spacing in grid units of `widget`.
void setLayoutGrid(QLayout* layout, const QWidget* widget, double margin, double spacing);

}  // namespace prefbench::widgets
