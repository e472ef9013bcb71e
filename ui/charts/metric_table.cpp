#include "ui/charts/metric_table.h"

#include <QLocale>
#include <array>
#include <cmath>

#include "ui/charts/readable.h"

namespace prefbench::charts {
namespace {

enum Column { Step, Split, FirstMetric };
constexpr int metricColumns = static_cast<int>(Metric::Count);
constexpr int pairsColumn = FirstMetric + metricColumns;

Metric metricOf(int column) {
    return static_cast<Metric>(column - FirstMetric);
}

QString heading(Metric metric) {
    switch (metric) {
        case Metric::Loss:
            return MetricTable::tr("Loss\n(nats a pair)");
        case Metric::Chosen:
            return MetricTable::tr("Chosen\nreward");
        case Metric::Rejected:
            return MetricTable::tr("Rejected\nreward");
        case Metric::Margin:
            return MetricTable::tr("Margin");
        case Metric::MarginP10:
            return MetricTable::tr("Margin\n10 %");
        case Metric::MarginP90:
            return MetricTable::tr("Margin\n90 %");
        case Metric::Accuracy:
            return MetricTable::tr("Accuracy");
        case Metric::Count:
            break;
    }
    return {};
}

/// As many decimals in every row, so that the points stand below one another.
QString tabular(double value) {
    const bool plain = value == 0 || (std::abs(value) >= 1e-4 && std::abs(value) < 1e4);
    return std::isnan(value) ? QString()
           : plain           ? QLocale().toString(value, 'f', 4).replace(QLatin1Char('-'), QChar(0x2212))
                             : readable(value);
}

QString cell(const MetricRow& row, int column) {
    switch (column) {
        case Step:
            return QLocale().toString(static_cast<qlonglong>(row.step));
        case Split:
            return row.evaluation ? MetricTable::tr("evaluation") : MetricTable::tr("training");
        case pairsColumn:
            return row.count > 0 ? QLocale().toString(static_cast<qlonglong>(row.count)) : QString();
        default:
            if (metricOf(column) == Metric::Accuracy && isUntouched(row)) {
                return MetricTable::tr("untouched");
            }
            return tabular(row[metricOf(column)]);
    }
}

}  // namespace

MetricTable::MetricTable(const RunData& data, QObject* parent) : QAbstractTableModel(parent), data_(data) {}

void MetricTable::sync() {
    const int rows = static_cast<int>(data_.rows().size());
    if (rows > rows_) {
        beginInsertRows({}, rows_, rows - 1);
        rows_ = rows;
        endInsertRows();
    } else if (rows < rows_) {
        reset();
    }
}

void MetricTable::reset() {
    beginResetModel();
    rows_ = static_cast<int>(data_.rows().size());
    endResetModel();
}

int MetricTable::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : rows_;
}
int MetricTable::columnCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : pairsColumn + 1;
}

QVariant MetricTable::data(const QModelIndex& index, int role) const {
    if (!index.isValid() || index.row() >= rows_) {
        return {};
    }
    if (role == Qt::TextAlignmentRole) {
        return QVariant(index.column() == Split ? Qt::AlignLeft | Qt::AlignVCenter : Qt::AlignRight | Qt::AlignVCenter);
    }
    return role == Qt::DisplayRole ? cell(data_.rows()[static_cast<std::size_t>(index.row())], index.column())
                                   : QVariant();
}

QVariant MetricTable::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation == Qt::Horizontal && role == Qt::TextAlignmentRole) {
        return QVariant((section == Split ? Qt::AlignLeft : Qt::AlignRight) | Qt::AlignBottom);
    }
    if (orientation == Qt::Horizontal && role == Qt::ToolTipRole) {
        return headerData(section, orientation, Qt::DisplayRole)
            .toString()
            .replace(QLatin1Char('\n'), QLatin1Char(' '));
    }
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole) {
        return {};
    }
    switch (section) {
        case Step:
            return tr("Step");
        case Split:
            return tr("Kind");
        case pairsColumn:
            return tr("Pairs");
        default:
            return heading(metricOf(section));
    }
}

QByteArray toCsv(const RunData& data) {
    QByteArray csv = "step,split,count";
    for (int metric = 0; metric < metricColumns; ++metric) {
        csv += ',';
        csv += metricName(static_cast<Metric>(metric));
    }
    csv += '\n';
    for (const MetricRow& row : data.rows()) {
        csv += QByteArray::number(static_cast<qlonglong>(row.step)) + (row.evaluation ? ",eval," : ",train,") +
               QByteArray::number(static_cast<qlonglong>(row.count));
        for (const double value : row.values) {
            csv += ',';
            if (!std::isnan(value)) {
                csv += QByteArray::number(value, 'g', 17);
            }
        }
        csv += '\n';
    }
    return csv;
}

}  // namespace prefbench::charts
