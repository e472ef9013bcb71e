#pragma once

#include <qcustomplot.h>

#include <QCoreApplication>
#include <optional>
#include <vector>

#include "ui/charts/chart_colours.h"
#include "ui/charts/chart_elements.h"
#include "ui/charts/run_data.h"

namespace prefbench::charts {

/// Layers of a RunPlot beside QCustomPlot's own, from the lowest up: bands under the lines, evaluations over them, and
/// what moves with the cursor in a buffer of its own.
inline constexpr auto bandLayer = "bands";
inline constexpr auto evaluationLayer = "evaluations";
inline constexpr auto cursorLayer = "cursor";

/// One of the charts of a RunPlot: a header over an axis rectangle with its curves, bands, guide line and legend. What
/// it holds belongs to the plot; the data outlives it.
class RunPanel {
    Q_DECLARE_TR_FUNCTIONS(RunPanel)
  public:
    struct Text {
        QString title, unit, empty;  ///< `empty` stands in the chart until there is something to draw
    };
    RunPanel(QCustomPlot& plot, const RunData& data, int row, int column, const Text& text);

    /// A training line (raw and smoothed) and evaluation markers. An empty `name`: it is the chart's only metric.
    void addMetric(Metric metric, QColor ChartColours::*colour, QCPScatterStyle::ScatterShape marker,
                   const QString& name);
    void addBand(const Curve& low, const Curve& high, QColor ChartColours::*colour, const QString& name);
    void addGuide(double value, const QString& name, Qt::Alignment side);
    /// Whether the guide says something of the run on show.
    void setGuided(bool guided) { guided_ = guided; }
    /// After everything that has a name.
    void addLegend(Qt::Alignment corner);
    /// Shows the share 0…1 whatever the data.
    void fixRange() { fixedRange_ = true; }

    void applyColours(const ChartColours& colours, const QFont& font);
    /// `moving`: thinner lines, drawn faster.
    void applyPens(const ChartColours& colours, const QFont& font, bool moving);
    /// Shows axes, legend and guide, or the note while there is nothing to draw.
    void showContent();
    /// Fits the values of the visible steps, unless the person chose a range.
    void scaleY();
    /// Gives each graph what the visible steps need on `columns` pixel columns.
    void fillGraphs(int columns);
    /// At `step`, or nowhere.
    void placeCursor(std::optional<double> step);

    QCPAxisRect* rect() const { return rect_; }
    QCPAxis* x() const { return rect_->axis(QCPAxis::atBottom); }
    QCPAxis* y() const { return rect_->axis(QCPAxis::atLeft); }
    ChartHeader& header() const { return *header_; }
    const QString& note() const { return note_->text(); }
    /// What the header reads off, each with its name (empty: only one).
    const std::vector<std::pair<Metric, QString>>& read() const { return read_; }
    bool isZoomed() const { return zoomed_; }
    void setZoomed(bool zoomed) { zoomed_ = zoomed; }

  private:
    struct Series {
        enum class Kind { Raw, Smooth, Evaluation, Band };
        Kind kind;
        const Curve* curve;
        QCPGraph* graph;
        QColor ChartColours::*colour;
    };
    void buildAxes(bool lowest);
    QCPGraph* addGraph(Series::Kind kind, const Curve& curve, QColor ChartColours::*colour, const QString& name);
    bool isGuided() const { return guide_ && guided_ && data_->hasRewards(); }
    void stylePen(Series& series, const ChartColours& colours, int em, bool moving) const;

    QCustomPlot* plot_;
    const RunData* data_;
    QCPAxisRect* rect_ = nullptr;
    ChartHeader* header_ = nullptr;
    EmptyNote* note_ = nullptr;
    QCPLegend* legend_ = nullptr;
    QCPItemStraightLine* guide_ = nullptr;
    QCPItemText* guideName_ = nullptr;
    QCPItemStraightLine* cursor_ = nullptr;
    std::vector<Series> series_;
    std::vector<std::pair<Metric, QString>> read_;
    QString emptyText_;
    double guideValue_ = 0;
    bool guided_ = true, fixedRange_ = false, zoomed_ = false, legendOnTop_ = false;
};

}  // namespace prefbench::charts
