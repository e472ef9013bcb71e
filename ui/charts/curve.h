#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "ui/charts/min_max_pyramid.h"

namespace prefbench::charts {

struct CurvePoint {
    double x, y;
};

/// One growing curve, x never falling. Non-finite y are gaps. Reading a range for drawing costs time by the width of
/// the picture, not by the number of points.
class Curve {
  public:
    /// An x below the last one means that a run went back: the points from there on are dropped first.
    void append(double x, double y);
    void clear();

    std::size_t size() const { return x_.size(); }
    double x(std::size_t index) const { return x_[index]; }
    double y(std::size_t index) const { return y_[index]; }

    /// What to draw for x in [from, to] on `columns` pixel columns: at most about two points a column, holding the
    /// least and greatest y of the points it stands for, and one point beyond each end so that the line reaches the
    /// edge. A column whose points are all gaps is one point with y = NaN. Columns lie at fixed points of the data, so
    /// panning does not shimmer.
    std::vector<CurvePoint> decimated(double from, double to, int columns) const;
    /// Extremes of y for x in [from, to].
    MinMaxPyramid::Extremes extremes(double from, double to) const;
    /// Index of the point nearest to x; nullopt when there is none.
    std::optional<std::size_t> nearest(double x) const;

  private:
    std::vector<double> x_;
    MinMaxPyramid y_;
};

/// Exponential moving average that starts unbiased (the first values weigh fully): weight 0 = raw, towards 1 =
/// smoother. A non-finite value passes through and leaves the average as it was.
class MovingAverage {
  public:
    explicit MovingAverage(double weight = 0) : weight_(weight) {}
    double next(double value);

  private:
    double weight_, sum_ = 0, total_ = 0;
};

}  // namespace prefbench::charts
