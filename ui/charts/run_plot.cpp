#include "ui/charts/run_plot.h"

#include <QEvent>
#include <QKeyEvent>
#include <QLocale>
#include <cmath>
#include <numbers>

namespace prefbench::charts {
namespace {

constexpr int replotInterval = 50;  // ms: at most twenty pictures a second
constexpr int stillInterval = 200;  // ms without movement until full line quality
constexpr auto cursorLayer = "cursor";
constexpr auto bandLayer = "bands";
constexpr auto evaluationLayer = "evaluations";

QVector<QCPGraphData> toGraphData(const std::vector<CurvePoint>& points) {
    QVector<QCPGraphData> data;
    data.reserve(static_cast<qsizetype>(points.size()));
    for (const CurvePoint& point : points) {
        data.append(QCPGraphData(point.x, std::isfinite(point.y) ? point.y : std::nan("")));
    }
    return data;
}

}  // namespace

QString readable(double value) {
    if (!std::isfinite(value)) {
        return QStringLiteral("–");
    }
    const QLocale locale;
    const double size = std::abs(value);
    if (size != 0 && (size < 1e-4 || size >= 1e7)) {
        return locale.toString(value, 'e', 1);
    }
    const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4;
    return locale.toString(value, 'f', decimals).replace(QLatin1Char('-'), QChar(0x2212));
}

RunPlot::RunPlot(const RunData& data, QWidget* parent) : QCustomPlot(parent), data_(data) {
    setLocale(QLocale());
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setAutoAddPlottableToLegend(false);
    setPlottingHint(QCP::phFastPolylines);  // thick antialiased lines as one path take ten times as long
    setInteractions(QCP::iRangeDrag | QCP::iRangeZoom);
    addLayer(QLatin1String(bandLayer), layer(QStringLiteral("grid")), limAbove);
    addLayer(QLatin1String(evaluationLayer), layer(QStringLiteral("main")), limAbove);
    addLayer(QLatin1String(cursorLayer), layer(QStringLiteral("legend")), limAbove);
    layer(QLatin1String(cursorLayer))->setMode(QCPLayer::lmBuffered);
    buildPanels();
    applyColours();

    refreshTimer_.setSingleShot(true);
    refreshTimer_.setInterval(replotInterval);
    connect(&refreshTimer_, &QTimer::timeout, this, [this] {
        prepare();
        replot();
    });
    stillTimer_.setSingleShot(true);
    stillTimer_.setInterval(stillInterval);
    connect(&stillTimer_, &QTimer::timeout, this, [this] { setMoving(false); });
    connect(this, &QCustomPlot::afterLayout, this, &RunPlot::fillGraphs);
    connect(this, &QCustomPlot::mouseMove, this, [this](QMouseEvent* event) {
        const Panel* panel = panelAt(event->position());
        if (event->buttons() == Qt::NoButton) {
            setCursor(panel ? std::optional(panel->rect->axis(QCPAxis::atBottom)->pixelToCoord(event->position().x()))
                            : std::nullopt);
        }
    });
    const auto chooseOrientation = [this](Qt::KeyboardModifiers modifiers) {
        const Qt::Orientation orientation = modifiers & Qt::ShiftModifier ? Qt::Vertical : Qt::Horizontal;
        for (Panel& panel : panels_) {
            panel.rect->setRangeDrag(orientation);
            panel.rect->setRangeZoom(orientation);
        }
    };
    connect(this, &QCustomPlot::mousePress, this,
            [chooseOrientation](QMouseEvent* event) { chooseOrientation(event->modifiers()); });
    connect(this, &QCustomPlot::mouseWheel, this,
            [chooseOrientation](QWheelEvent* event) { chooseOrientation(event->modifiers()); });
    connect(this, &QCustomPlot::mouseDoubleClick, this, &RunPlot::resetZoom);
    prepare();
}

void RunPlot::buildPanels() {
    plotLayout()->clear();
    panels_.push_back(
        makePanel(0, 0, tr("Loss"), tr("nats a pair"), tr("The loss appears here with the first training step.")));
    addMetric(panels_.back(), Metric::Loss, &ChartColours::loss, QCPScatterStyle::ssCircle, {});
    addGuide(panels_.back(), std::numbers::ln2, tr("ln 2 = knows nothing"), Qt::AlignBottom);
    addLegend(panels_.back(), Qt::AlignBottom | Qt::AlignLeft);

    panels_.push_back(makePanel(0, 1, tr("Rewards"), tr("nats × β"),
                                tr("How far the model has moved towards chosen and away from rejected answers "
                                   "appears here with the first training step.")));
    addMetric(panels_.back(), Metric::Chosen, &ChartColours::chosen, QCPScatterStyle::ssTriangle, tr("chosen"));
    addMetric(panels_.back(), Metric::Rejected, &ChartColours::rejected, QCPScatterStyle::ssTriangleInverted,
              tr("rejected"));
    addLegend(panels_.back(), Qt::AlignBottom | Qt::AlignLeft);

    panels_.push_back(makePanel(1, 0, tr("Margin"), tr("nats × β"),
                                tr("Chosen minus rejected reward appears here with the first training step, and its "
                                   "spread with each evaluation.")));
    addBand(panels_.back(), data_.evaluation(Metric::MarginP10), data_.evaluation(Metric::MarginP90),
            &ChartColours::margin, tr("10–90 %"));
    addMetric(panels_.back(), Metric::Margin, &ChartColours::margin, QCPScatterStyle::ssDiamond, {});
    addLegend(panels_.back(), Qt::AlignTop | Qt::AlignLeft);

    panels_.push_back(makePanel(1, 1, tr("Accuracy"), tr("share of pairs"),
                                tr("How often the model prefers the chosen answer appears here with the first "
                                   "training step.")));
    panels_.back().fixedRange = true;
    addBand(panels_.back(), data_.accuracyLow(), data_.accuracyHigh(), &ChartColours::accuracy, tr("95 %"));
    addMetric(panels_.back(), Metric::Accuracy, &ChartColours::accuracy, QCPScatterStyle::ssSquare, {});
    addGuide(panels_.back(), 0.5, tr("chance"), Qt::AlignTop);
    addLegend(panels_.back(), Qt::AlignBottom | Qt::AlignLeft);

    for (Panel& panel : panels_) {
        QCPAxis* x = panel.rect->axis(QCPAxis::atBottom);
        QCPAxis* y = panel.rect->axis(QCPAxis::atLeft);
        for (QCPAxis* axis : {x, y}) {
            connect(axis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, [this, axis] { takeRange(axis); });
        }
    }
    auto* left = new QCPMarginGroup(this);
    auto* right = new QCPMarginGroup(this);
    for (std::size_t index = 0; index < panels_.size(); ++index) {
        panels_[index].rect->setMarginGroup(QCP::msLeft, index % 2 == 0 ? left : right);
    }
}

RunPlot::Panel RunPlot::makePanel(int row, int column, const QString& title, const QString& unit,
                                  const QString& emptyText) {
    Panel panel;
    panel.emptyText = emptyText;
    auto* cell = new QCPLayoutGrid;
    cell->setRowSpacing(0);
    plotLayout()->addElement(row, column, cell);
    panel.header = new ChartHeader(this);
    panel.header->setTitle(title, unit);
    panel.header->setLayer(QLatin1String(cursorLayer));
    cell->addElement(0, 0, panel.header);
    panel.rect = new QCPAxisRect(this, false);
    cell->addElement(1, 0, panel.rect);
    cell->setRowStretchFactor(1, 100);
    QCPAxis* x = panel.rect->addAxis(QCPAxis::atBottom);
    QCPAxis* y = panel.rect->addAxis(QCPAxis::atLeft);
    panel.rect->setRangeDragAxes(x, y);
    panel.rect->setRangeZoomAxes(x, y);
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
    if (row == 1) {
        x->setLabel(tr("training step"));
    }
    panel.note = new EmptyNote(this);
    panel.note->setLayer(QStringLiteral("legend"));
    panel.rect->insetLayout()->addElement(panel.note, QRectF(0, 0, 1, 1));
    panel.cursor = new QCPItemStraightLine(this);
    panel.cursor->setLayer(QLatin1String(cursorLayer));
    panel.cursor->setClipAxisRect(panel.rect);
    panel.cursor->setVisible(false);
    for (QCPItemPosition* position : panel.cursor->positions()) {
        position->setAxisRect(panel.rect);
        position->setAxes(x, y);
    }
    return panel;
}

void RunPlot::addMetric(Panel& panel, Metric metric, QColor ChartColours::*colour, QCPScatterStyle::ScatterShape marker,
                        const QString& name) {
    QCPAxis* x = panel.rect->axis(QCPAxis::atBottom);
    QCPAxis* y = panel.rect->axis(QCPAxis::atLeft);
    const auto add = [&](Series::Kind kind, const Curve& curve, const QString& graphName) {
        QCPGraph* graph = addGraph(x, y);
        graph->setAdaptiveSampling(false);
        graph->setName(graphName);
        panel.series.push_back({kind, &curve, graph, colour});
        return graph;
    };
    const bool alone = name.isEmpty();
    add(Series::Kind::Raw, data_.train(metric), {});
    // Named for the legend, whose icons then stay strong when the raw line fades.
    add(Series::Kind::Smooth, data_.smoothed(metric), alone ? tr("training") : name);
    QCPGraph* evaluation = add(Series::Kind::Evaluation, data_.evaluation(metric),
                               alone ? tr("evaluation") : tr("%1, evaluation").arg(name));
    evaluation->setScatterStyle(QCPScatterStyle(marker));
    evaluation->setLayer(QLatin1String(evaluationLayer));
    panel.read.emplace_back(metric, name);
}

void RunPlot::addBand(Panel& panel, const Curve& low, const Curve& high, QColor ChartColours::*colour,
                      const QString& name) {
    QCPAxis* x = panel.rect->axis(QCPAxis::atBottom);
    QCPAxis* y = panel.rect->axis(QCPAxis::atLeft);
    QCPGraph* lower = addGraph(x, y);
    QCPGraph* upper = addGraph(x, y);
    lower->setName({});
    upper->setName(name);
    for (QCPGraph* graph : {lower, upper}) {
        graph->setAdaptiveSampling(false);
        graph->setPen(Qt::NoPen);
        graph->setLayer(QLatin1String(bandLayer));
    }
    upper->setChannelFillGraph(lower);
    panel.series.push_back({Series::Kind::Band, &low, lower, colour});
    panel.series.push_back({Series::Kind::Band, &high, upper, colour});
}

void RunPlot::addGuide(Panel& panel, double value, const QString& name, Qt::Alignment side) {
    QCPAxis* x = panel.rect->axis(QCPAxis::atBottom);
    QCPAxis* y = panel.rect->axis(QCPAxis::atLeft);
    panel.guideValue = value;
    panel.guide = new QCPItemStraightLine(this);
    panel.guideName = new QCPItemText(this);
    for (QCPAbstractItem* item :
         {static_cast<QCPAbstractItem*>(panel.guide), static_cast<QCPAbstractItem*>(panel.guideName)}) {
        item->setClipAxisRect(panel.rect);
        for (QCPItemPosition* position : item->positions()) {
            position->setAxisRect(panel.rect);
            position->setAxes(x, y);
        }
    }
    panel.guide->setLayer(QLatin1String(bandLayer));
    panel.guide->point1->setCoords(0, value);
    panel.guide->point2->setCoords(1, value);
    panel.guideName->setLayer(QStringLiteral("legend"));
    panel.guideName->setText(name);
    panel.guideName->setPositionAlignment(side | Qt::AlignRight);
    panel.guideName->position->setTypeX(QCPItemPosition::ptAxisRectRatio);
    panel.guideName->position->setCoords(1, value);
}

void RunPlot::addLegend(Panel& panel, Qt::Alignment corner) {
    panel.legend = new QCPLegend;
    panel.legendOnTop = corner.testFlag(Qt::AlignTop);
    panel.rect->insetLayout()->addElement(panel.legend, corner);
    panel.rect->insetLayout()->setMargins(QMargins(4, 2, 4, 2));
    panel.legend->setLayer(QStringLiteral("legend"));
    panel.legend->setBorderPen(Qt::NoPen);
    panel.legend->setMargins(QMargins(4, 1, 4, 1));
    panel.legend->setRowSpacing(0);
    panel.legend->setFillOrder(QCPLayoutGrid::foColumnsFirst);
    panel.legend->setWrap(panel.series.size() > 4 && panel.read.size() > 1 ? 2 : 3);
    std::vector<Series> ordered = panel.series;
    std::stable_partition(ordered.begin(), ordered.end(),
                          [](const Series& series) { return series.kind != Series::Kind::Band; });
    for (const Series& series : ordered) {
        if (!series.graph->name().isEmpty()) {
            panel.legend->addItem(new QCPPlottableLegendItem(panel.legend, series.graph));
        }
    }
}

void RunPlot::applyColours() {
    colours_ = ChartColours::forPalette(palette());
    setBackground(QBrush(colours_.background));
    QFont small = font();
    small.setPointSizeF(font().pointSizeF() > 0 ? font().pointSizeF() * 0.9 : 9);
    const int em = QFontMetrics(font()).height();
    plotLayout()->setMargins(QMargins(em / 2, em / 4, em / 2, em / 4));
    static_cast<QCPLayoutGrid*>(plotLayout())->setRowSpacing(em / 2);
    static_cast<QCPLayoutGrid*>(plotLayout())->setColumnSpacing(em);
    for (Panel& panel : panels_) {
        panel.header->setStyle(font(), colours_.text, colours_.muted);
        panel.note->setStyle(font(), colours_.muted);
        for (const auto type : {QCPAxis::atBottom, QCPAxis::atLeft}) {
            QCPAxis* axis = panel.rect->axis(type);
            axis->setTickLabelFont(small);
            axis->setLabelFont(small);
            axis->setTickLabelColor(colours_.muted);
            axis->setLabelColor(colours_.muted);
            axis->setTickPen(QPen(colours_.guide, 1));
            axis->grid()->setPen(QPen(colours_.grid, 1));
            axis->grid()->setZeroLinePen(QPen(colours_.grid, 1));
        }
        panel.rect->axis(QCPAxis::atBottom)->setBasePen(QPen(colours_.grid, 1));
        if (panel.guide) {
            panel.guide->setPen(QPen(colours_.guide, 1, Qt::DashLine));
            panel.guideName->setColor(colours_.muted);
            panel.guideName->setFont(small);
        }
        QColor ground = colours_.background;
        ground.setAlphaF(0.75F);
        panel.legend->setBrush(ground);
        panel.legend->setFont(small);
        panel.legend->setTextColor(colours_.muted);
        panel.legend->setIconSize(em, em * 3 / 4);
        panel.cursor->setPen(QPen(colours_.guide, 1));
    }
    applyPens();
}

void RunPlot::applyPens() {
    const double width = moving_ ? 1 : 1.5;
    const bool smoothed = data_.smoothing() > 0;
    const int em = QFontMetrics(font()).height();
    for (Panel& panel : panels_) {
        for (Series& series : panel.series) {
            QColor colour = colours_.*series.colour;
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
                    marker.setBrush(colours_.background);
                    marker.setSize(em * 0.45);
                    series.graph->setScatterStyle(marker);
                    series.graph->setPen(QPen(colour, 1));
                    break;
                }
                case Series::Kind::Band:
                    colour.setAlphaF(colours_.dark ? 0.28F : 0.18F);
                    if (series.graph->channelFillGraph()) {
                        series.graph->setBrush(colour);
                    }
                    break;
            }
        }
    }
}

/// Thin lines without antialiasing while things move, full quality a moment after.
void RunPlot::setMoving(bool moving) {
    if (moving) {
        stillTimer_.start();
    }
    if (moving == moving_) {
        return;
    }
    moving_ = moving;
    applyPens();
    setNotAntialiasedElements(moving ? QCP::AntialiasedElements(QCP::aePlottables) : QCP::AntialiasedElements());
    replot(rpQueuedReplot);
}

void RunPlot::refresh() {
    if (!refreshTimer_.isActive()) {
        refreshTimer_.start();
    }
}

void RunPlot::prepare() {
    adjusting_ = true;
    scaleX();
    for (Panel& panel : panels_) {
        const bool empty = std::all_of(panel.series.begin(), panel.series.end(),
                                       [](const Series& series) { return series.curve->size() == 0; });
        const bool neverHere = empty && data_.lastStep() > 0 && !data_.hasRewards();
        panel.note->setText(neverHere ? tr("This run learns from single answers: there are no pairs to compare.")
                            : empty   ? panel.emptyText
                                      : QString());
        panel.legend->setVisible(!empty);
        for (const auto type : {QCPAxis::atBottom, QCPAxis::atLeft}) {
            panel.rect->axis(type)->setVisible(!empty);
            panel.rect->axis(type)->grid()->setVisible(!empty && type == QCPAxis::atLeft);
        }
        if (panel.guide) {
            const bool guided = !empty && data_.hasRewards();
            panel.guide->setVisible(guided);
            panel.guideName->setVisible(guided);
        }
        scaleY(panel);
    }
    applyPens();
    adjusting_ = false;
    updateReadings();
}

void RunPlot::scaleX() {
    if (xZoomed_) {
        return;
    }
    const double last = static_cast<double>(std::max<std::int64_t>(1, data_.lastStep()));
    for (Panel& panel : panels_) {
        panel.rect->axis(QCPAxis::atBottom)->setRange(-0.01 * last, 1.02 * last);
    }
}

void RunPlot::scaleY(Panel& panel) {
    if (panel.zoomed) {
        return;
    }
    QCPAxis* y = panel.rect->axis(QCPAxis::atLeft);
    if (panel.fixedRange) {
        y->setRange(-0.02, 1.02);
        return;
    }
    const QCPRange steps = stepRange();
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Series& series : panel.series) {
        const MinMaxPyramid::Extremes extremes = series.curve->extremes(steps.lower, steps.upper);
        low = std::min(low, extremes.min);
        high = std::max(high, extremes.max);
    }
    if (low > high) {
        return;
    }
    if (panel.guide && data_.hasRewards()) {
        low = std::min(low, panel.guideValue);
        high = std::max(high, panel.guideValue);
    }
    const double least = std::max(1e-3, std::abs(high) * 1e-3);
    if (high - low < least) {
        low -= least / 2;
        high += least / 2;
    }
    const double span = high - low;
    // Room for the legend's rows, which lie over the curves' quiet end.
    const double legend = span * 0.09 * panel.legend->rowCount();
    y->setRange(low - span * 0.06 - (panel.legendOnTop ? 0 : legend),
                high + span * 0.06 + (panel.legendOnTop ? legend : 0));
}

/// Gives each graph what the visible steps need at the present width; runs between layout and drawing.
void RunPlot::fillGraphs() {
    const QCPRange steps = stepRange();
    for (Panel& panel : panels_) {
        const int columns = std::max(50, static_cast<int>(panel.rect->width() * bufferDevicePixelRatio()));
        for (Series& series : panel.series) {
            series.graph->data()->set(toGraphData(series.curve->decimated(steps.lower, steps.upper, columns)), true);
        }
    }
}

QCPRange RunPlot::stepRange() const {
    return panels_.front().rect->axis(QCPAxis::atBottom)->range();
}

/// A range moved: x is the same everywhere, and unless the program moved it, the person's zoom stands from now on.
void RunPlot::takeRange(QCPAxis* axis) {
    if (adjusting_) {
        return;
    }
    adjusting_ = true;
    const bool wasZoomed = isZoomed();
    if (axis->orientation() == Qt::Horizontal) {
        xZoomed_ = true;
        const double last = static_cast<double>(std::max<std::int64_t>(1, data_.lastStep()));
        QCPRange range = axis->range();
        const double size = std::clamp(range.size(), 2.0, 4 * last + 2);
        const double centre = std::clamp(range.center(), 0.0, last);
        range = QCPRange(centre - size / 2, centre + size / 2);
        for (Panel& panel : panels_) {
            panel.rect->axis(QCPAxis::atBottom)->setRange(range);
        }
        for (Panel& panel : panels_) {
            scaleY(panel);
        }
    } else {
        for (Panel& panel : panels_) {
            panel.zoomed = panel.zoomed || panel.rect->axis(QCPAxis::atLeft) == axis;
        }
    }
    adjusting_ = false;
    setMoving(true);
    if (!wasZoomed) {
        Q_EMIT zoomedChanged(true);
    }
}

bool RunPlot::isZoomed() const {
    return xZoomed_ || std::any_of(panels_.begin(), panels_.end(), [](const Panel& panel) { return panel.zoomed; });
}

void RunPlot::resetZoom() {
    xZoomed_ = false;
    for (Panel& panel : panels_) {
        panel.zoomed = false;
    }
    prepare();
    replot(rpQueuedReplot);
    Q_EMIT zoomedChanged(false);
}

void RunPlot::showSteps(double from, double to) {
    panels_.front().rect->axis(QCPAxis::atBottom)->setRange(from, to);
    replot(rpQueuedReplot);
}

void RunPlot::zoomBy(double factor) {
    const QCPRange range = stepRange();
    const double centre = cursor_ && range.contains(*cursor_) ? *cursor_ : range.center();
    showSteps(centre + (range.lower - centre) * factor, centre + (range.upper - centre) * factor);
}

void RunPlot::panBy(double share) {
    const QCPRange range = stepRange();
    showSteps(range.lower + share * range.size(), range.upper + share * range.size());
}

RunPlot::Panel* RunPlot::panelAt(const QPointF& position) {
    for (Panel& panel : panels_) {
        if (panel.rect->rect().contains(position.toPoint())) {
            return &panel;
        }
    }
    return nullptr;
}

void RunPlot::setCursor(std::optional<double> step) {
    if (step) {
        const Curve& train = data_.train(Metric::Loss);
        const Curve& curve = train.size() > 0 ? train : data_.evaluation(Metric::Loss);
        const auto nearest = curve.nearest(*step);
        step = nearest ? std::optional(curve.x(*nearest)) : std::nullopt;
    }
    if (step == cursor_) {
        return;
    }
    cursor_ = step;
    updateReadings();
    layer(QLatin1String(cursorLayer))->replot();
}

void RunPlot::moveCursor(int direction) {
    const QCPRange range = stepRange();
    const double from = cursor_.value_or(direction > 0 ? range.lower : range.upper);
    const double pixels = panels_.front().rect->width();
    // A pixel at least, a step at least: holding the key crosses a long run in seconds.
    setCursor(std::clamp(from + direction * std::max(1.0, range.size() / std::max(1.0, pixels) * 2), 0.0,
                         static_cast<double>(data_.lastStep())));
}

QStringList RunPlot::readings(const Panel& panel) const {
    QStringList trained, evaluated;
    std::optional<double> step;
    for (const auto& [metric, name] : panel.read) {
        const auto indexIn = [&](const Curve& curve, bool atOrBefore) {
            if (!cursor_) {
                return curve.size() - 1;
            }
            const std::size_t index = *curve.nearest(*cursor_);
            return atOrBefore && curve.x(index) > *cursor_ && index > 0 ? index - 1 : index;
        };
        const Curve& train = data_.train(metric);
        const Curve& line = data_.smoothing() > 0 ? data_.smoothed(metric) : train;
        const QString label = name.isEmpty() ? QString() : name + QLatin1Char(' ');
        if (line.size() > 0) {
            const std::size_t index = indexIn(line, false);
            const bool untouched = metric == Metric::Accuracy && isUntouched(data_.trainRow(index));
            trained << label + (untouched ? tr("untouched") : readable(line.y(index)));
            step = line.x(index);
        }
        if (const Curve& evaluation = data_.evaluation(metric); evaluation.size() > 0) {
            const std::size_t index = indexIn(evaluation, true);
            const bool untouched = metric == Metric::Accuracy && isUntouched(data_.evaluationRow(index));
            evaluated << (untouched ? tr("untouched") : readable(evaluation.y(index)));
        }
    }
    const QString where = step ? tr("step %1").arg(QLocale().toString(static_cast<qlonglong>(*step))) : QString();
    const QString training = trained.join(QStringLiteral(", "));
    const QString evaluation =
        evaluated.isEmpty() ? QString() : tr("evaluation %1").arg(evaluated.join(QStringLiteral(", ")));
    QStringList readings;
    for (QStringList parts : {QStringList{where, training, evaluation}, {training, evaluation}, {training}}) {
        parts.removeAll(QString());
        readings << parts.join(QStringLiteral(" · "));
    }
    return readings;
}

void RunPlot::updateReadings() {
    QStringList description;
    for (Panel& panel : panels_) {
        panel.header->setReadings(readings(panel));
        panel.cursor->setVisible(cursor_.has_value());
        if (cursor_) {
            panel.cursor->point1->setCoords(*cursor_, 0);
            panel.cursor->point2->setCoords(*cursor_, 1);
        }
        const QString& note = panel.note->text();
        description << panel.header->title() + QStringLiteral(": ") + (note.isEmpty() ? panel.header->reading() : note);
    }
    setAccessibleDescription(description.join(QStringLiteral(". ")));
}

void RunPlot::changeEvent(QEvent* event) {
    QCustomPlot::changeEvent(event);
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
        applyColours();
        replot(rpQueuedReplot);
    }
}

void RunPlot::keyPressEvent(QKeyEvent* event) {
    const bool shift = event->modifiers() & Qt::ShiftModifier;
    switch (event->key()) {
        case Qt::Key_0:
            resetZoom();
            break;
        case Qt::Key_Plus:
        case Qt::Key_Equal:
            zoomBy(0.8);
            break;
        case Qt::Key_Minus:
            zoomBy(1.25);
            break;
        case Qt::Key_Left:
            shift ? panBy(-0.1) : moveCursor(-1);
            break;
        case Qt::Key_Right:
            shift ? panBy(0.1) : moveCursor(1);
            break;
        case Qt::Key_Home:
            setCursor(0.0);
            break;
        case Qt::Key_End:
            setCursor(static_cast<double>(data_.lastStep()));
            break;
        default:
            QCustomPlot::keyPressEvent(event);
    }
}

void RunPlot::leaveEvent(QEvent* event) {
    QCustomPlot::leaveEvent(event);
    setCursor(std::nullopt);
}

void RunPlot::showEvent(QShowEvent* event) {
    setBufferDevicePixelRatio(devicePixelRatioF());
    QCustomPlot::showEvent(event);
}

}  // namespace prefbench::charts
