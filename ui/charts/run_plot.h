#pragma once

#include <qcustomplot.h>

#include <QTimer>
#include <optional>
#include <vector>

#include "ui/charts/chart_colours.h"
#include "ui/charts/chart_elements.h"
#include "ui/charts/run_data.h"

namespace prefbench::charts {

/// The drawing surface of RunCharts: four charts over one RunData, which outlives it. Wheel: zoom in x (with Shift: in
/// y), drag: pan, double click or 0: back to everything. Arrow keys move the cursor, + and − zoom at it.
class RunPlot : public QCustomPlot {
    Q_OBJECT
  public:
    explicit RunPlot(const RunData& data, QWidget* parent = nullptr);

    /// The data changed; drawn within 50 ms, however often this is called.
    void refresh();
    /// Back to everything, following new data again.
    void resetZoom();
    bool isZoomed() const;
    /// Puts ranges, guides, notes and readings in order for the data as it is; before a picture is taken.
    void prepare();
    /// Zooms or pans to these steps as the person would.
    void showSteps(double from, double to);
    QCPRange stepRange() const;

  Q_SIGNALS:
    void zoomedChanged(bool zoomed);

  protected:
    void changeEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void showEvent(QShowEvent* event) override;

  private:
    struct Series {
        enum class Kind { Raw, Smooth, Evaluation, Band };
        Kind kind;
        const Curve* curve;
        QCPGraph* graph;
        QColor ChartColours::*colour;
    };
    struct Panel {
        QCPAxisRect* rect = nullptr;
        ChartHeader* header = nullptr;
        EmptyNote* note = nullptr;
        QCPLegend* legend = nullptr;
        QCPItemStraightLine* guide = nullptr;
        QCPItemText* guideName = nullptr;
        QCPItemStraightLine* cursor = nullptr;
        std::vector<Series> series;
        std::vector<std::pair<Metric, QString>> read;  ///< what the header reads off, with its name (empty: only one)
        QString emptyText;
        double guideValue = 0;
        bool fixedRange = false, zoomed = false, legendOnTop = false;
    };

    Panel makePanel(int row, int column, const QString& title, const QString& unit, const QString& emptyText);
    void addMetric(Panel& panel, Metric metric, QColor ChartColours::*colour, QCPScatterStyle::ScatterShape marker,
                   const QString& name);
    void addBand(Panel& panel, const Curve& low, const Curve& high, QColor ChartColours::*colour, const QString& name);
    void addGuide(Panel& panel, double value, const QString& name, Qt::Alignment side);
    void addLegend(Panel& panel, Qt::Alignment corner);
    void buildPanels();
    void applyColours();
    void applyPens();
    void setMoving(bool moving);
    void scaleX();
    void scaleY(Panel& panel);
    void fillGraphs();
    void setCursor(std::optional<double> step);
    void moveCursor(int direction);
    void zoomBy(double factor);
    void panBy(double share);
    void updateReadings();
    QStringList readings(const Panel& panel) const;
    void takeRange(QCPAxis* axis);
    Panel* panelAt(const QPointF& position);

    const RunData& data_;
    ChartColours colours_;
    std::vector<Panel> panels_;
    QTimer refreshTimer_, stillTimer_;
    std::optional<double> cursor_;
    bool xZoomed_ = false, adjusting_ = false, moving_ = false;
};

/// A value as the page shows it: three significant digits, grouped thousands.
QString readable(double value);

}  // namespace prefbench::charts
