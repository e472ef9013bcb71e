#include "ui/charts/chart_colours.h"

#include "ui/widgets/theme.h"

namespace prefbench::charts {

ChartColours ChartColours::forPalette(const QPalette& palette) {
    const auto series = [&](widgets::Series which) { return widgets::seriesColour(which, palette); };
    ChartColours colours;
    colours.dark = widgets::isDark(palette);
    colours.background = palette.color(QPalette::Active, QPalette::Base);
    colours.text = palette.color(QPalette::Active, QPalette::Text);
    colours.muted = widgets::mutedText(palette);
    colours.guide = widgets::mixed(colours.background, series(widgets::Series::Guide), 0.8);
    colours.grid = widgets::mixed(colours.background, colours.text, colours.dark ? 0.13 : 0.1);
    colours.loss = widgets::mixed(colours.background, colours.text, 0.8);
    colours.chosen = series(widgets::Series::Chosen);
    colours.rejected = series(widgets::Series::Rejected);
    colours.margin = series(widgets::Series::Margin);
    colours.accuracy = series(widgets::Series::Accuracy);
    return colours;
}

}  // namespace prefbench::charts
