#pragma once

#include <QList>
#include <QString>
#include <array>
#include <bitset>
#include <vector>

#include "core/contract/metrics.h"
#include "ui/charts/curve.h"

namespace prefbench::charts {

/// Metrics that the charts draw.
enum class Metric { Loss, Chosen, Rejected, Margin, MarginP10, MarginP90, Accuracy, Count };
/// As metrics.jsonl names it.
const char* metricName(Metric metric);

/// One record, reduced to what is drawn; NaN where it has no such value.
struct MetricRow {
    std::int64_t step = 0, count = 0;
    bool evaluation = false;
    std::bitset<static_cast<std::size_t>(Metric::Count)> recorded;  ///< the record has it, be it NaN
    std::array<double, static_cast<std::size_t>(Metric::Count)> values{};
    double operator[](Metric metric) const { return values[static_cast<std::size_t>(metric)]; }
};
MetricRow toRow(const contract::MetricRecord& record);

/// Wilson's score interval for a share of `count` trials, 95 %.
struct Interval {
    double low, high;
};
Interval wilson(double share, std::int64_t count);

/// True while the chosen and rejected answers are told apart by less than 1e-3 nats × β: accuracy is then made of
/// rounding and not worth a number.
bool isUntouched(const MetricRow& row);

/// A run's records as curves. Grows by appending; every curve is kept at full length. An accuracy made of rounding
/// (`isUntouched`) is a gap in its curve; the rows keep the number.
class RunData {
  public:
    void clear();
    void append(const contract::MetricRecord& record);
    /// 0 ≤ weight < 1; refills the smoothed curves.
    void setSmoothing(double weight);
    double smoothing() const { return smoothing_; }

    const std::vector<MetricRow>& rows() const { return rows_; }
    const Curve& train(Metric metric) const { return train_[index(metric)]; }
    const Curve& smoothed(Metric metric) const { return smoothed_[index(metric)]; }
    const Curve& evaluation(Metric metric) const { return evaluation_[index(metric)]; }
    /// Ends of the 95 % interval of the accuracy at each evaluation.
    const Curve& accuracyLow() const { return accuracyLow_; }
    const Curve& accuracyHigh() const { return accuracyHigh_; }
    /// "loss/train", "rewards/margins/eval"…; nullptr for another name.
    const Curve* find(const QString& name) const;
    /// The margins beside the n-th accuracy of the training or evaluation curve, NaN where there are none.
    MetricRow trainRow(std::size_t n) const { return marginsAt(train_, n); }
    MetricRow evaluationRow(std::size_t n) const { return marginsAt(evaluation_, n); }
    /// True when some record compares two answers, which fine-tuning on demonstrations never does.
    bool hasRewards() const { return hasRewards_; }
    std::int64_t lastStep() const { return lastStep_; }

  private:
    static constexpr std::size_t metrics = static_cast<std::size_t>(Metric::Count);
    static MetricRow marginsAt(const std::array<Curve, metrics>& curves, std::size_t n);
    static std::size_t index(Metric metric) { return static_cast<std::size_t>(metric); }

    std::vector<MetricRow> rows_;
    std::array<Curve, metrics> train_, smoothed_, evaluation_;
    std::array<MovingAverage, metrics> averages_;
    Curve accuracyLow_, accuracyHigh_;
    double smoothing_ = 0;
    bool hasRewards_ = false;
    std::int64_t lastStep_ = 0;
};

}  // namespace prefbench::charts
