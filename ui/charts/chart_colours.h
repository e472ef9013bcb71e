#pragma once

#include <QColor>
#include <QPalette>

namespace prefbench::charts {

/// Series colours (Okabe and Ito's, told apart by the colour-blind; lighter steps on dark) and the quiet colours around
/// them, for a widget's palette.
struct ChartColours {
    QColor loss, chosen, rejected, margin, accuracy;
    QColor text, muted, guide, grid, background;

    static ChartColours forPalette(const QPalette& palette);
};

/// True when text is lighter than what it stands on.
bool isDark(const QPalette& palette);

}  // namespace prefbench::charts
