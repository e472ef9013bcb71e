#include "ui/charts/run_charts.h"

#include <QAction>
#include <QBuffer>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QSaveFile>
#include <QSlider>
#include <QStackedLayout>
#include <QStandardPaths>
#include <QTableView>
#include <QTemporaryFile>
#include <QToolButton>
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "core/contract/run_directory.h"
#include "core/files/error.h"
#include "ui/charts/metric_table.h"
#include "ui/charts/run_plot.h"

namespace prefbench::charts {
namespace {

constexpr int sliderSteps = 100;

/// Slider position to weight: evenly spread over the length that the average remembers, 0.99 at the end.
double weightAt(int position) {
    return 1 - std::pow(0.01, static_cast<double>(position) / sliderSteps);
}

[[noreturn]] void refuse(const QString& file, const QString& reason) {
    throw Error(QObject::tr("%1: the picture cannot be written: %2").arg(file, reason).toStdString());
}

void writeWhole(const QString& file, const QByteArray& bytes) {
    QSaveFile out(file);
    if (!out.open(QIODevice::WriteOnly) || out.write(bytes) != bytes.size() || !out.commit()) {
        refuse(file, out.errorString());
    }
}

QByteArray pngOf(RunPlot& plot, QSize size) {
    const QPixmap picture = plot.toPixmap(size.width(), size.height(), 1.0);
    QByteArray bytes;
    QBuffer buffer(&bytes);
    buffer.open(QIODevice::WriteOnly);
    picture.save(&buffer, "PNG");
    return bytes;
}

/// QCustomPlot writes PDF to a path of its own only.
QByteArray pdfOf(RunPlot& plot, QSize size, const QString& file) {
    QTemporaryFile temporary;
    if (!temporary.open()) {
        refuse(file, temporary.errorString());
    }
    if (!plot.savePdf(temporary.fileName(), size.width(), size.height(), QCP::epAllowCosmetic,
                      QStringLiteral("Prefbench"))) {
        refuse(file, QObject::tr("no PDF could be made"));
    }
    QFile made(temporary.fileName());
    made.open(QIODevice::ReadOnly);
    return made.readAll();
}

/// A name typed without one of our suffixes takes that of the kind chosen below it, "PDF (*.pdf)".
QString withSuffixOf(const QString& file, const QString& kind) {
    static const QStringList known = {QStringLiteral("png"), QStringLiteral("pdf"), QStringLiteral("csv")};
    const QString wanted = kind.section(QStringLiteral("*."), 1).remove(QLatin1Char(')'));
    return known.contains(QFileInfo(file).suffix().toLower()) || !known.contains(wanted)
               ? file
               : file + QLatin1Char('.') + wanted;
}

/// Empty where there is no run.json to say it: metrics alone can be drawn too.
QString methodOf(const contract::RunDirectory& run) {
    return std::filesystem::exists(run.spec()) ? QString::fromStdString(contract::readRunSpec(run).method) : QString();
}

}  // namespace

RunCharts::RunCharts(QWidget* parent) : QWidget(parent) {
    plot_ = new RunPlot(data_, this);
    plot_->setAccessibleName(tr("Charts of the run: loss, rewards, margin, accuracy"));
    model_ = new MetricTable(data_, this);
    table_ = new QTableView(this);
    table_->setModel(model_);
    table_->setAccessibleName(tr("Numbers of the run"));
    table_->verticalHeader()->hide();
    table_->setAlternatingRowColors(true);
    table_->setShowGrid(false);
    table_->setFrameShape(QFrame::NoFrame);
    table_->setSelectionBehavior(QAbstractItemView::SelectRows);
    table_->verticalHeader()->setDefaultSectionSize(fontMetrics().height() * 3 / 2);
    table_->horizontalHeader()->setSectionResizeMode(QHeaderView::Stretch);
    table_->horizontalHeader()->setMinimumSectionSize(fontMetrics().height() * 4);
    table_->horizontalHeader()->setTextElideMode(Qt::ElideRight);
    bar_ = new QWidget(this);
    buildBar();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(fontMetrics().height() / 2);
    layout->addWidget(bar_);
    stack_ = new QStackedLayout;
    stack_->addWidget(plot_);
    stack_->addWidget(table_);
    layout->addLayout(stack_, 1);
    const int em = fontMetrics().height();
    plot_->setMinimumSize(em * 20, em * 14);
    setFocusProxy(plot_);
}

RunCharts::~RunCharts() = default;

void RunCharts::buildBar() {
    auto* row = new QHBoxLayout(bar_);
    row->setContentsMargins(0, 0, 0, 0);
    row->setSpacing(fontMetrics().height() / 2);
    auto* label = new QLabel(tr("S&moothing"), bar_);
    smoothing_ = new QSlider(Qt::Horizontal, bar_);
    smoothing_->setRange(0, sliderSteps);
    smoothing_->setFixedWidth(fontMetrics().height() * 8);
    smoothing_->setAccessibleName(tr("Smoothing of the training lines"));
    smoothing_->setToolTip(tr("Draws the training lines as a moving average over the faint raw ones"));
    label->setBuddy(smoothing_);
    connect(smoothing_, &QSlider::valueChanged, this, [this](int position) {
        data_.setSmoothing(weightAt(position));
        plot_->refresh();
        Q_EMIT smoothingChanged(data_.smoothing());
    });
    row->addWidget(label);
    row->addWidget(smoothing_);
    row->addStretch(1);
    const auto button = [&](const QString& text, const QString& tip, const QKeySequence& key) {
        auto* made = new QToolButton(bar_);
        made->setText(text);
        made->setToolTip(tip);
        made->setAutoRaise(true);
        auto* action = new QAction(made);
        action->setShortcut(key);
        action->setShortcutContext(Qt::WidgetWithChildrenShortcut);
        addAction(action);
        connect(action, &QAction::triggered, made, &QToolButton::click);
        row->addWidget(made);
        return made;
    };
    reset_ = button(tr("Show all  0"), tr("Back to the whole run (0, or double click on a chart)"), Qt::Key_0);
    reset_->setEnabled(false);
    connect(reset_, &QToolButton::clicked, plot_, &RunPlot::resetZoom);
    connect(plot_, &RunPlot::zoomedChanged, reset_, &QToolButton::setEnabled);
    tableButton_ = button(tr("Table  T"), tr("The numbers as a table (T)"), Qt::Key_T);
    tableButton_->setCheckable(true);
    connect(tableButton_, &QToolButton::toggled, this, &RunCharts::showTable);
    auto* saveButton = button(tr("Save…"), tr("Save the charts as PNG or PDF, or the numbers as CSV"), {});
    connect(saveButton, &QToolButton::clicked, this, &RunCharts::chooseFile);
}

void RunCharts::clear() {
    data_.clear();
    model_->reset();
    plot_->resetZoom();
}

void RunCharts::setMethod(const QString& method) {
    plot_->setUnits(methods::unitsOf(method));
}

void RunCharts::setRecords(const QList<contract::MetricRecord>& records) {
    data_.clear();
    for (const contract::MetricRecord& record : records) {
        data_.append(record);
    }
    model_->reset();
    plot_->refresh();
}

void RunCharts::addRecords(std::span<const contract::MetricRecord> records) {
    for (const contract::MetricRecord& record : records) {
        data_.append(record);
    }
    model_->sync();
    plot_->refresh();
}

void RunCharts::setSmoothing(double weight) {
    const double position = std::log(1 - std::clamp(weight, 0.0, 0.99)) / std::log(0.01) * sliderSteps;
    const QSignalBlocker quiet(smoothing_);
    smoothing_->setValue(static_cast<int>(std::lround(position)));
    data_.setSmoothing(weight);
    plot_->refresh();
}

void RunCharts::save(const QString& file, QSize size) {
    const QString suffix = QFileInfo(file).suffix().toLower();
    if (suffix == QLatin1String("csv")) {
        writeWhole(file, toCsv(data_));
        return;
    }
    plot_->prepare();
    writeWhole(file, suffix == QLatin1String("pdf") ? pdfOf(*plot_, size, file) : pngOf(*plot_, size));
}

int RunCharts::pointCount(const QString& curve) const {
    const Curve* found = data_.find(curve);
    return found ? static_cast<int>(found->size()) : 0;
}

bool RunCharts::showsTable() const {
    return stack_->currentWidget() == table_;
}

void RunCharts::showTable(bool table) {
    stack_->setCurrentWidget(table ? static_cast<QWidget*>(table_) : plot_);
    setFocusProxy(stack_->currentWidget());
    tableButton_->setChecked(table);
    if (table) {
        table_->scrollToBottom();
    }
    stack_->currentWidget()->setFocus();
}

void RunCharts::chooseFile() {
    if (lastFolder_.isEmpty()) {
        lastFolder_ = QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation);
    }
    const QString name = runName_.isEmpty() ? tr("training") : runName_;
    const QString start = lastFolder_ + QLatin1Char('/') + name + QStringLiteral(".png");
    QString kind;
    QString file = QFileDialog::getSaveFileName(this, tr("Save the charts"), start,
                                                tr("Picture (*.png);;PDF (*.pdf);;Numbers (*.csv)"), &kind);
    if (file.isEmpty()) {
        return;
    }
    file = withSuffixOf(file, kind);
    lastFolder_ = QFileInfo(file).path();
    try {
        save(file, plot_->size());
        Q_EMIT saved(file);
    } catch (const Error& error) {
        Q_EMIT saveFailed(QString::fromUtf8(error.what()));
    }
}

void plotRun(const QString& runFolder, const QString& file, QSize size) {
    const contract::RunDirectory run{runFolder.toStdString()};
    contract::MetricsReader reader(run.metrics());
    reader.read();
    if (reader.records().empty()) {
        throw Error(run.metrics().string() + ": there is nothing to draw yet: no step has been recorded");
    }
    RunCharts charts;
    charts.setMethod(methodOf(run));
    charts.setRecords(QList<contract::MetricRecord>(reader.records().begin(), reader.records().end()));
    charts.save(file, size);
}

}  // namespace prefbench::charts
