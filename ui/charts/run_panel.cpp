#include "ui/charts/run_panel.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prefbench::charts {
namespace {

QVector<QCPGraphData> toGraphData(const std::vector<CurvePoint>& points) {
    QVector<QCPGraphData> data;
    data.reserve(static_cast<qsizetype>(points.size()));
    for (const CurvePoint& point : points) {
        data.append(QCPGraphData(point.x, std::isfinite(point.y) ? point.y : std::nan("")));
    }
    return data;
}

}  // namespace

// --- building ------------------------------------------------------------------------------------------------------

RunPanel::RunPanel(QCustomPlot& plot, const RunData& data, int row, int column, const Text& text)
    : plot_(&plot), data_(&data), emptyText_(text.empty) {
    auto* cell = new QCPLayoutGrid;
    cell->setRowSpacing(0);
    plot_->plotLayout()->addElement(row, column, cell);
    header_ = new ChartHeader(plot_);
    header_->setTitle(text.title, text.unit);
    header_->setLayer(QLatin1String(cursorLayer));
    cell->addElement(0, 0, header_);
    rect_ = new QCPAxisRect(plot_, false);
    cell->addElement(1, 0, rect_);
    cell->setRowStretchFactor(1, 100);
    buildAxes(row == 1);
    note_ = new EmptyNote(plot_);
    note_->setLayer(QStringLiteral("legend"));
    rect_->insetLayout()->addElement(note_, QRectF(0, 0, 1, 1));
    cursor_ = new QCPItemStraightLine(plot_);
    cursor_->setLayer(QLatin1String(cursorLayer));
    cursor_->setClipAxisRect(rect_);
    cursor_->setVisible(false);
    for (QCPItemPosition* position : cursor_->positions()) {
        position->setAxisRect(rect_);
        position->setAxes(x(), y());
    }
}

void RunPanel::buildAxes(bool lowest) {
    QCPAxis* x = rect_->addAxis(QCPAxis::atBottom);
    QCPAxis* y = rect_->addAxis(QCPAxis::atLeft);
    rect_->setRangeDragAxes(x, y);
    rect_->setRangeZoomAxes(x, y);
    x->setTicker(QSharedPointer<StepTicker>::create());
    x->setNumberFormat(QStringLiteral("f"));
    x->setNumberPrecision(0);
    x->setSubTicks(false);
    x->setTickLength(0, 3);
    y->setSubTicks(false);
    y->setTickLength(0, 0);
    y->setNumberFormat(QStringLiteral("g"));
    y->setNumberPrecision(5);
    y->setBasePen(Qt::NoPen);
    x->grid()->setVisible(false);
    y->ticker()->setTickCount(4);
    x->ticker()->setTickCount(5);
    for (QCPAxis* axis : {x, y}) {
        axis->setLayer(QStringLiteral("axes"));
        axis->grid()->setLayer(QStringLiteral("grid"));
    }
    if (lowest) {
        x->setLabel(tr("training step"));
    }
}

QCPGraph* RunPanel::addGraph(Series::Kind kind, const Curve& curve, QColor ChartColours::*colour, const QString& name) {
    QCPGraph* graph = plot_->addGraph(x(), y());
    graph->setAdaptiveSampling(false);
    graph->setName(name);
    series_.push_back({kind, &curve, graph, colour});
    return graph;
}

void RunPanel::addMetric(Metric metric, QColor ChartColours::*colour, QCPScatterStyle::ScatterShape marker,
                         const QString& name) {
    const bool alone = name.isEmpty();
    addGraph(Series::Kind::Raw, data_->train(metric), colour, {});
    // Named for the legend, whose icons then stay strong when the raw line fades.
    addGraph(Series::Kind::Smooth, data_->smoothed(metric), colour, alone ? tr("training") : name);
    QCPGraph* evaluation = addGraph(Series::Kind::Evaluation, data_->evaluation(metric), colour,
                                    alone ? tr("evaluation") : tr("%1, evaluation").arg(name));
    evaluation->setScatterStyle(QCPScatterStyle(marker));
    evaluation->setLayer(QLatin1String(evaluationLayer));
    read_.emplace_back(metric, name);
}

void RunPanel::addBand(const Curve& low, const Curve& high, QColor ChartColours::*colour, const QString& name) {
    QCPGraph* lower = addGraph(Series::Kind::Band, low, colour, {});
    QCPGraph* upper = addGraph(Series::Kind::Band, high, colour, name);
    for (QCPGraph* graph : {lower, upper}) {
        graph->setPen(Qt::NoPen);
        graph->setLayer(QLatin1String(bandLayer));
    }
    upper->setChannelFillGraph(lower);
}

void RunPanel::addGuide(double value, const QString& name, Qt::Alignment side) {
    guideValue_ = value;
    guide_ = new QCPItemStraightLine(plot_);
    guideName_ = new QCPItemText(plot_);
    for (QCPAbstractItem* item : {static_cast<QCPAbstractItem*>(guide_), static_cast<QCPAbstractItem*>(guideName_)}) {
        item->setClipAxisRect(rect_);
        for (QCPItemPosition* position : item->positions()) {
            position->setAxisRect(rect_);
            position->setAxes(x(), y());
        }
    }
    guide_->setLayer(QLatin1String(bandLayer));
    guide_->point1->setCoords(0, value);
    guide_->point2->setCoords(1, value);
    guideName_->setLayer(QStringLiteral("legend"));
    guideName_->setText(name);
    guideName_->setPositionAlignment(side | Qt::AlignRight);
    guideName_->position->setTypeX(QCPItemPosition::ptAxisRectRatio);
    guideName_->position->setCoords(1, value);
}

void RunPanel::addLegend(Qt::Alignment corner) {
    legend_ = new QCPLegend;
    legendOnTop_ = corner.testFlag(Qt::AlignTop);
    rect_->insetLayout()->addElement(legend_, corner);
    rect_->insetLayout()->setMargins(QMargins(4, 2, 4, 2));
    legend_->setLayer(QStringLiteral("legend"));
    legend_->setBorderPen(Qt::NoPen);
    legend_->setMargins(QMargins(4, 1, 4, 1));
    legend_->setRowSpacing(0);
    legend_->setFillOrder(QCPLayoutGrid::foColumnsFirst);
    legend_->setWrap(series_.size() > 4 && read_.size() > 1 ? 2 : 3);
    std::vector<Series> ordered = series_;
    std::stable_partition(ordered.begin(), ordered.end(),
                          [](const Series& series) { return series.kind != Series::Kind::Band; });
    for (const Series& series : ordered) {
        if (!series.graph->name().isEmpty()) {
            legend_->addItem(new QCPPlottableLegendItem(legend_, series.graph));
        }
    }
}

// --- looks ---------------------------------------------------------------------------------------------------------

void RunPanel::applyColours(const ChartColours& colours, const QFont& font) {
    QFont small = font;
    small.setPointSizeF(font.pointSizeF() > 0 ? font.pointSizeF() * 0.9 : 9);
    const int em = QFontMetrics(font).height();
    header_->setStyle(font, colours.text, colours.muted);
    note_->setStyle(font, colours.muted);
    for (QCPAxis* axis : {x(), y()}) {
        axis->setTickLabelFont(small);
        axis->setLabelFont(small);
        axis->setTickLabelColor(colours.muted);
        axis->setLabelColor(colours.muted);
        axis->setTickPen(QPen(colours.guide, 1));
        axis->grid()->setPen(QPen(colours.grid, 1));
        axis->grid()->setZeroLinePen(QPen(colours.grid, 1));
    }
    x()->setBasePen(QPen(colours.grid, 1));
    if (guide_) {
        guide_->setPen(QPen(colours.guide, 1, Qt::DashLine));
        guideName_->setColor(colours.muted);
        guideName_->setFont(small);
    }
    QColor ground = colours.background;
    ground.setAlphaF(0.75F);
    legend_->setBrush(ground);
    legend_->setFont(small);
    legend_->setTextColor(colours.muted);
    legend_->setIconSize(em, em * 3 / 4);
    cursor_->setPen(QPen(colours.guide, 1));
}

void RunPanel::applyPens(const ChartColours& colours, const QFont& font, bool moving) {
    const int em = QFontMetrics(font).height();
    for (Series& series : series_) {
        stylePen(series, colours, em, moving);
    }
}

void RunPanel::stylePen(Series& series, const ChartColours& colours, int em, bool moving) const {
    const double width = moving ? 1 : 1.5;
    const bool smoothed = data_->smoothing() > 0;
    QColor colour = colours.*series.colour;
    switch (series.kind) {
        case Series::Kind::Raw:
            colour.setAlphaF(smoothed ? 0.25F : 0.7F);
            series.graph->setPen(QPen(colour, smoothed ? 1 : width));
            break;
        case Series::Kind::Smooth:
            series.graph->setVisible(smoothed);
            series.graph->setPen(QPen(colour, width));
            break;
        case Series::Kind::Evaluation: {
            QCPScatterStyle marker = series.graph->scatterStyle();
            marker.setPen(QPen(colour, 1.5));
            marker.setBrush(colours.background);
            marker.setSize(em * 0.45);
            series.graph->setScatterStyle(marker);
            series.graph->setPen(QPen(colour, 1));
            break;
        }
        case Series::Kind::Band:
            colour.setAlphaF(colours.dark ? 0.28F : 0.18F);
            if (series.graph->channelFillGraph()) {
                series.graph->setBrush(colour);
            }
            break;
    }
}

// --- content -------------------------------------------------------------------------------------------------------

void RunPanel::showContent() {
    const bool empty =
        std::all_of(series_.begin(), series_.end(), [](const Series& series) { return series.curve->size() == 0; });
    const bool neverHere = empty && data_->lastStep() > 0 && !data_->hasRewards();
    note_->setText(neverHere ? tr("This run learns from single answers: there are no pairs to compare.")
                   : empty   ? emptyText_
                             : QString());
    legend_->setVisible(!empty);
    for (QCPAxis* axis : {x(), y()}) {
        axis->setVisible(!empty);
        axis->grid()->setVisible(!empty && axis == y());
    }
    if (guide_) {
        const bool guided = !empty && isGuided();
        guide_->setVisible(guided);
        guideName_->setVisible(guided);
    }
}

void RunPanel::scaleY() {
    if (zoomed_) {
        return;
    }
    if (fixedRange_) {
        y()->setRange(-0.02, 1.02);
        return;
    }
    const QCPRange steps = x()->range();
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Series& series : series_) {
        const MinMaxPyramid::Extremes extremes = series.curve->extremes(steps.lower, steps.upper);
        low = std::min(low, extremes.min);
        high = std::max(high, extremes.max);
    }
    if (low > high) {
        return;
    }
    if (isGuided()) {
        low = std::min(low, guideValue_);
        high = std::max(high, guideValue_);
    }
    const double least = std::max(1e-3, std::abs(high) * 1e-3);
    if (high - low < least) {
        low -= least / 2;
        high += least / 2;
    }
    // Room for the legend's rows, which lie over the curves' quiet end, and for the guide line's name above it.
    const double height = std::max(80, rect_->height());
    const double line = QFontMetrics(legend_->font()).height() / height;
    const double legend = std::min(0.3, line * legend_->rowCount() + 4 / height);
    const bool named = isGuided() && guideName_->positionAlignment().testFlag(Qt::AlignBottom);
    const double below = 0.05 + (legendOnTop_ ? 0 : legend), above = (legendOnTop_ ? legend : 0.05) + 0.02;
    const double name = named ? std::min(0.2, line) : 0;
    // Each is a share of the whole height, the curves take the rest.
    const double span = (high - low) / (1 - below - std::max(above, name + 0.02));
    y()->setRange(low - span * below, high + span * std::max(above, name + 0.02));
}

void RunPanel::fillGraphs(int columns) {
    const QCPRange steps = x()->range();
    for (Series& series : series_) {
        series.graph->data()->set(toGraphData(series.curve->decimated(steps.lower, steps.upper, columns)), true);
    }
}

void RunPanel::placeCursor(std::optional<double> step) {
    cursor_->setVisible(step.has_value());
    if (step) {
        cursor_->point1->setCoords(*step, 0);
        cursor_->point2->setCoords(*step, 1);
    }
}

}  // namespace prefbench::charts
