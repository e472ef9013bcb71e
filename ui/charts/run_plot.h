#pragma once

#include <qcustomplot.h>

#include <QTimer>
#include <optional>
#include <vector>

#include "ui/charts/run_panel.h"
#include "ui/methods/method_units.h"

namespace prefbench::charts {

/// The drawing surface of RunCharts: four charts over one RunData, which outlives it. Wheel: zoom in x (with Shift: in
/// y), drag: pan, double click or 0: back to everything. Arrow keys move the cursor, + and − zoom at it.
class RunPlot : public QCustomPlot {
    Q_OBJECT
  public:
    explicit RunPlot(const RunData& data, QWidget* parent = nullptr);

    /// Units and guide of the method that made the data; dpo's until then.
    void setUnits(const methods::MethodUnits& units);
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
    RunPanel& addPanel(int row, int column, const RunPanel::Text& text);
    void buildPanels();
    void applyColours();
    void applyPens();
    void setMoving(bool moving);
    void scaleX();
    void fitPanels();
    void setCursor(std::optional<double> step);
    void moveCursor(int direction);
    void zoomBy(double factor);
    void panBy(double share);
    void updateReadings();
    void takeRange(QCPAxis* axis);
    RunPanel* panelAt(const QPointF& position);

    const RunData& data_;
    ChartColours colours_;
    std::vector<RunPanel> panels_;
    QTimer refreshTimer_, stillTimer_;
    std::optional<double> cursor_;
    bool xZoomed_ = false, adjusting_ = false, moving_ = false;
};

}  // namespace prefbench::charts
