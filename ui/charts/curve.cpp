#include "ui/charts/curve.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prefbench::charts {

void Curve::append(double x, double y) {
    if (!x_.empty() && x < x_.back()) {
        const auto end = std::lower_bound(x_.begin(), x_.end(), x);
        y_.truncate(static_cast<std::size_t>(end - x_.begin()));
        x_.erase(end, x_.end());
    }
    x_.push_back(x);
    y_.append(y);
}

void Curve::clear() {
    x_.clear();
    y_.clear();
}

std::vector<CurvePoint> Curve::decimated(double from, double to, int columns) const {
    std::size_t begin = std::lower_bound(x_.begin(), x_.end(), from) - x_.begin();
    std::size_t end = std::upper_bound(x_.begin(), x_.end(), to) - x_.begin();
    begin = begin > 0 ? begin - 1 : 0;
    end = std::min(end + 1, x_.size());
    std::vector<CurvePoint> points;
    const std::size_t most = 2 * static_cast<std::size_t>(std::max(columns, 1));
    if (end - begin <= most) {
        for (std::size_t index = begin; index < end; ++index) {
            points.push_back({x_[index], y_[index]});
        }
        return points;
    }
    const std::size_t stride = (end - begin + columns - 1) / columns;
    double last = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t block = begin / stride * stride; block < end; block += stride) {
        const std::size_t blockEnd = std::min(block + stride, x_.size());
        const MinMaxPyramid::Extremes extremes = y_.extremes(block, blockEnd);
        if (extremes.empty()) {
            points.push_back({x_[block], std::numeric_limits<double>::quiet_NaN()});
            continue;
        }
        // The extreme nearer to where the line comes from goes first: no strokes that the data does not have.
        const bool rising = !(std::abs(extremes.max - last) < std::abs(extremes.min - last));
        points.push_back({x_[block], rising ? extremes.min : extremes.max});
        last = rising ? extremes.max : extremes.min;
        points.push_back({x_[blockEnd - 1], last});
    }
    return points;
}

MinMaxPyramid::Extremes Curve::extremes(double from, double to) const {
    return y_.extremes(std::lower_bound(x_.begin(), x_.end(), from) - x_.begin(),
                       std::upper_bound(x_.begin(), x_.end(), to) - x_.begin());
}

std::optional<std::size_t> Curve::nearest(double x) const {
    if (x_.empty()) {
        return std::nullopt;
    }
    const auto above = std::lower_bound(x_.begin(), x_.end(), x);
    if (above == x_.begin()) {
        return 0;
    }
    if (above == x_.end() || x - *(above - 1) <= *above - x) {
        return above - x_.begin() - 1;
    }
    return above - x_.begin();
}

double MovingAverage::next(double value) {
    if (!std::isfinite(value)) {
        return value;
    }
    sum_ = weight_ * sum_ + (1 - weight_) * value;
    total_ = weight_ * total_ + (1 - weight_);
    return sum_ / total_;
}

}  // namespace prefbench::charts
