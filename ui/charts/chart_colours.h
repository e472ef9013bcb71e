#pragma once

#include <QColor>
#include <QPalette>

namespace prefbench::charts {

/// The theme's series colours and the quiet colours around them, for a widget's palette.
struct ChartColours {
    QColor loss, chosen, rejected, margin, accuracy;
    QColor text, muted, guide, grid, background;
    bool dark = false;

    static ChartColours forPalette(const QPalette& palette);
};

}  // namespace prefbench::charts
