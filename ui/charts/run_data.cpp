#include "ui/charts/run_data.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prefbench::charts {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Metric metricAt(std::size_t index) {
    return static_cast<Metric>(index);
}

}  // namespace

const char* metricName(Metric metric) {
    switch (metric) {
        case Metric::Loss:
            return "loss";
        case Metric::Chosen:
            return "rewards/chosen";
        case Metric::Rejected:
            return "rewards/rejected";
        case Metric::Margin:
            return "rewards/margins";
        case Metric::MarginP10:
            return "rewards/margins_p10";
        case Metric::MarginP90:
            return "rewards/margins_p90";
        case Metric::Accuracy:
            return "rewards/accuracies";
        case Metric::Count:
            break;
    }
    return "";
}

MetricRow toRow(const contract::MetricRecord& record) {
    MetricRow row;
    row.step = record.step;
    row.count = record.count;
    row.evaluation = record.split == "eval";
    static const auto names = [] {
        std::array<std::string, static_cast<std::size_t>(Metric::Count)> made;
        for (std::size_t index = 0; index < made.size(); ++index) {
            made[index] = metricName(metricAt(index));
        }
        return made;
    }();
    for (std::size_t index = 0; index < row.values.size(); ++index) {
        const auto found = record.values.find(names[index]);
        row.recorded[index] = found != record.values.end();
        row.values[index] = row.recorded[index] ? found->second : nan;
    }
    return row;
}

Interval wilson(double share, std::int64_t count) {
    if (count <= 0 || !std::isfinite(share)) {
        return {nan, nan};
    }
    constexpr double z = 1.959963984540054;
    const double n = static_cast<double>(count);
    const double centre = (share + z * z / (2 * n)) / (1 + z * z / n);
    const double half = z / (1 + z * z / n) * std::sqrt(share * (1 - share) / n + z * z / (4 * n * n));
    return {std::max(0.0, centre - half), std::min(1.0, centre + half)};
}

bool isUntouched(const MetricRow& row) {
    double greatest = nan;
    for (const Metric metric : {Metric::Margin, Metric::MarginP10, Metric::MarginP90}) {
        if (std::isfinite(row[metric])) {
            greatest = std::fmax(greatest, std::abs(row[metric]));
        }
    }
    return greatest < 1e-3;
}

void RunData::clear() {
    const double weight = smoothing_;
    *this = RunData();
    setSmoothing(weight);
}

void RunData::append(const contract::MetricRecord& record) {
    const MetricRow row = toRow(record);
    rows_.push_back(row);
    lastStep_ = std::max(lastStep_, row.step);
    const double step = static_cast<double>(row.step);
    const bool untouched = isUntouched(row);
    hasRewards_ = hasRewards_ || row.recorded[index(Metric::Margin)];
    for (std::size_t metric = 0; metric < metrics; ++metric) {
        if (!row.recorded[metric]) {
            continue;
        }
        const double value = metricAt(metric) == Metric::Accuracy && untouched ? nan : row.values[metric];
        if (row.evaluation) {
            evaluation_[metric].append(step, value);
        } else {
            train_[metric].append(step, value);
            if (smoothing_ > 0) {
                smoothed_[metric].append(step, averages_[metric].next(value));
            }
        }
    }
    if (row.evaluation && row.recorded[index(Metric::Accuracy)]) {
        const Interval interval = untouched ? Interval{nan, nan} : wilson(row[Metric::Accuracy], row.count);
        accuracyLow_.append(step, interval.low);
        accuracyHigh_.append(step, interval.high);
    }
}

void RunData::setSmoothing(double weight) {
    smoothing_ = std::clamp(weight, 0.0, 0.999);
    for (std::size_t index = 0; index < metrics; ++index) {
        averages_[index] = MovingAverage(smoothing_);
        smoothed_[index].clear();
        for (std::size_t point = 0; smoothing_ > 0 && point < train_[index].size(); ++point) {
            smoothed_[index].append(train_[index].x(point), averages_[index].next(train_[index].y(point)));
        }
    }
}

MetricRow RunData::marginsAt(const std::array<Curve, metrics>& curves, std::size_t n) {
    MetricRow row;
    row.values.fill(nan);
    for (const Metric metric : {Metric::Margin, Metric::MarginP10, Metric::MarginP90}) {
        const Curve& curve = curves[index(metric)];
        if (n < curve.size()) {
            row.values[index(metric)] = curve.y(n);
        }
    }
    return row;
}

const Curve* RunData::find(const QString& name) const {
    for (std::size_t index = 0; index < metrics; ++index) {
        const QString metric = QString::fromLatin1(metricName(metricAt(index)));
        if (name == metric + QStringLiteral("/train")) {
            return &train_[index];
        }
        if (name == metric + QStringLiteral("/eval")) {
            return &evaluation_[index];
        }
    }
    return nullptr;
}

}  // namespace prefbench::charts
