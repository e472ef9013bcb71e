#include "ui/charts/run_plot.h"

#include <QEvent>
#include <QKeyEvent>
#include <algorithm>
#include <numbers>

#include "ui/charts/readings.h"

namespace prefbench::charts {
namespace {

constexpr int replotInterval = 50;  // ms: at most twenty pictures a second
constexpr int stillInterval = 200;  // ms without movement until full line quality

}  // namespace

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
    connect(this, &QCustomPlot::afterLayout, this, &RunPlot::fitPanels);
    connect(this, &QCustomPlot::mouseMove, this, [this](QMouseEvent* event) {
        const RunPanel* panel = panelAt(event->position());
        if (event->buttons() == Qt::NoButton) {
            setCursor(panel ? std::optional(panel->x()->pixelToCoord(event->position().x())) : std::nullopt);
        }
    });
    const auto chooseOrientation = [this](Qt::KeyboardModifiers modifiers) {
        const Qt::Orientation orientation = modifiers & Qt::ShiftModifier ? Qt::Vertical : Qt::Horizontal;
        for (RunPanel& panel : panels_) {
            panel.rect()->setRangeDrag(orientation);
            panel.rect()->setRangeZoom(orientation);
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
    const methods::MethodUnits units = methods::unitsOf(QStringLiteral("dpo"));
    RunPanel& loss =
        addPanel(0, 0, {tr("Loss"), units.loss, tr("The loss appears here with the first training step.")});
    loss.addMetric(Metric::Loss, &ChartColours::loss, QCPScatterStyle::ssCircle, {});
    loss.addGuide(std::numbers::ln2, tr("ln 2 = knows nothing"), Qt::AlignBottom);
    loss.addLegend(Qt::AlignBottom | Qt::AlignLeft);

    RunPanel& rewards = addPanel(0, 1,
                                 {tr("Rewards"), units.reward,
                                  tr("How far the model has moved towards chosen and away from rejected answers "
                                     "appears here with the first training step.")});
    rewards.addMetric(Metric::Chosen, &ChartColours::chosen, QCPScatterStyle::ssTriangle, tr("chosen"));
    rewards.addMetric(Metric::Rejected, &ChartColours::rejected, QCPScatterStyle::ssTriangleInverted, tr("rejected"));
    rewards.addLegend(Qt::AlignBottom | Qt::AlignLeft);

    RunPanel& margin = addPanel(1, 0,
                                {tr("Margin"), units.reward,
                                 tr("Chosen minus rejected reward appears here with the first training step, and its "
                                    "spread with each evaluation.")});
    margin.addBand(data_.evaluation(Metric::MarginP10), data_.evaluation(Metric::MarginP90), &ChartColours::margin,
                   tr("10–90 %"));
    margin.addMetric(Metric::Margin, &ChartColours::margin, QCPScatterStyle::ssDiamond, {});
    margin.addLegend(Qt::AlignTop | Qt::AlignLeft);

    RunPanel& accuracy = addPanel(1, 1,
                                  {tr("Accuracy"), tr("share of pairs"),
                                   tr("How often the model prefers the chosen answer appears here with the first "
                                      "training step.")});
    accuracy.fixRange();
    accuracy.addBand(data_.accuracyLow(), data_.accuracyHigh(), &ChartColours::accuracy, tr("95 %"));
    accuracy.addMetric(Metric::Accuracy, &ChartColours::accuracy, QCPScatterStyle::ssSquare, {});
    accuracy.addGuide(0.5, tr("chance"), Qt::AlignTop);
    accuracy.addLegend(Qt::AlignBottom | Qt::AlignLeft);

    auto* left = new QCPMarginGroup(this);
    auto* right = new QCPMarginGroup(this);
    for (std::size_t index = 0; index < panels_.size(); ++index) {
        panels_[index].rect()->setMarginGroup(QCP::msLeft, index % 2 == 0 ? left : right);
    }
}

RunPanel& RunPlot::addPanel(int row, int column, const RunPanel::Text& text) {
    RunPanel& panel = panels_.emplace_back(*this, data_, row, column, text);
    for (QCPAxis* axis : {panel.x(), panel.y()}) {
        connect(axis, qOverload<const QCPRange&>(&QCPAxis::rangeChanged), this, [this, axis] { takeRange(axis); });
    }
    return panel;
}

void RunPlot::setUnits(const methods::MethodUnits& units) {
    RunPanel &loss = panels_[0], &rewards = panels_[1], &margin = panels_[2];
    loss.header().setTitle(loss.header().title(), units.loss);
    loss.setGuided(units.startsAtLn2);
    for (RunPanel* panel : {&rewards, &margin}) {
        panel->header().setTitle(panel->header().title(), units.reward);
    }
    refresh();
}

void RunPlot::applyColours() {
    colours_ = ChartColours::forPalette(palette());
    setBackground(QBrush(colours_.background));
    const int em = QFontMetrics(font()).height();
    plotLayout()->setMargins(QMargins(em / 2, em / 4, em / 2, em / 4));
    static_cast<QCPLayoutGrid*>(plotLayout())->setRowSpacing(em / 2);
    static_cast<QCPLayoutGrid*>(plotLayout())->setColumnSpacing(em);
    for (RunPanel& panel : panels_) {
        panel.applyColours(colours_, font());
    }
    applyPens();
}

void RunPlot::applyPens() {
    for (RunPanel& panel : panels_) {
        panel.applyPens(colours_, font(), moving_);
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
    for (RunPanel& panel : panels_) {
        panel.showContent();
        panel.scaleY();
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
    for (RunPanel& panel : panels_) {
        panel.x()->setRange(-0.01 * last, 1.02 * last);
    }
}

/// Runs between layout and drawing, when the size is known: what stands beside the curves has one in pixels.
void RunPlot::fitPanels() {
    bool moved = false;
    adjusting_ = true;
    for (RunPanel& panel : panels_) {
        const QCPRange before = panel.y()->range();
        panel.scaleY();
        moved = moved || panel.y()->range() != before;
    }
    adjusting_ = false;
    if (moved) {
        updateLayout();
    }
    for (RunPanel& panel : panels_) {
        panel.fillGraphs(std::max(50, static_cast<int>(panel.rect()->width() * bufferDevicePixelRatio())));
    }
}

QCPRange RunPlot::stepRange() const {
    return panels_.front().x()->range();
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
        for (RunPanel& panel : panels_) {
            panel.x()->setRange(range);
        }
        for (RunPanel& panel : panels_) {
            panel.scaleY();
        }
    } else {
        for (RunPanel& panel : panels_) {
            panel.setZoomed(panel.isZoomed() || panel.y() == axis);
        }
    }
    adjusting_ = false;
    setMoving(true);
    if (!wasZoomed) {
        Q_EMIT zoomedChanged(true);
    }
}

bool RunPlot::isZoomed() const {
    return xZoomed_ ||
           std::any_of(panels_.begin(), panels_.end(), [](const RunPanel& panel) { return panel.isZoomed(); });
}

void RunPlot::resetZoom() {
    xZoomed_ = false;
    for (RunPanel& panel : panels_) {
        panel.setZoomed(false);
    }
    prepare();
    replot(rpQueuedReplot);
    Q_EMIT zoomedChanged(false);
}

void RunPlot::showSteps(double from, double to) {
    panels_.front().x()->setRange(from, to);
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

RunPanel* RunPlot::panelAt(const QPointF& position) {
    for (RunPanel& panel : panels_) {
        if (panel.rect()->rect().contains(position.toPoint())) {
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
    const double pixels = panels_.front().rect()->width();
    // A pixel at least, a step at least: holding the key crosses a long run in seconds.
    setCursor(std::clamp(from + direction * std::max(1.0, range.size() / std::max(1.0, pixels) * 2), 0.0,
                         static_cast<double>(data_.lastStep())));
}

void RunPlot::updateReadings() {
    QStringList description;
    for (RunPanel& panel : panels_) {
        panel.header().setReadings(readings(data_, panel.read(), cursor_));
        panel.placeCursor(cursor_);
        const QString& note = panel.note();
        description << panel.header().title() + QStringLiteral(": ") +
                           (note.isEmpty() ? panel.header().reading() : note);
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
