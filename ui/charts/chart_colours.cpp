#include "ui/charts/chart_colours.h"

namespace prefbench::charts {
namespace {

QColor mix(const QColor& a, const QColor& b, double shareOfB) {
    return QColor::fromRgbF(a.redF() + (b.redF() - a.redF()) * shareOfB,
                            a.greenF() + (b.greenF() - a.greenF()) * shareOfB,
                            a.blueF() + (b.blueF() - a.blueF()) * shareOfB);
}

}  // namespace

bool isDark(const QPalette& palette) {
    return palette.color(QPalette::Base).lightnessF() < palette.color(QPalette::Text).lightnessF();
}

ChartColours ChartColours::forPalette(const QPalette& palette) {
    const bool dark = isDark(palette);
    ChartColours colours;
    colours.background = palette.color(QPalette::Base);
    colours.text = palette.color(QPalette::Text);
    colours.muted = mix(colours.text, colours.background, dark ? 0.3 : 0.36);
    colours.guide = mix(colours.text, colours.background, 0.45);
    colours.grid = mix(colours.text, colours.background, dark ? 0.82 : 0.9);
    colours.loss = mix(colours.text, colours.background, 0.2);
    colours.chosen = QColor(dark ? 0x56B4E9 : 0x0072B2);
    colours.rejected = QColor(dark ? 0xFF8A4C : 0xD55E00);
    colours.margin = QColor(dark ? 0x3CC7A0 : 0x009E73);
    colours.accuracy = QColor(dark ? 0xE6A6C7 : 0xCC79A7);
    return colours;
}

}  // namespace prefbench::charts
