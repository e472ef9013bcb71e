#pragma once

#include <cstddef>
#include <vector>

namespace prefbench::charts {

/// Least and greatest finite value over any range of an append-only sequence, in O(log n): each level keeps the
/// extremes of blocks of eight of the level below. Non-finite values are stored and never count.
class MinMaxPyramid {
  public:
    struct Extremes {
        double min, max;  ///< min > max: no finite value in the range
        bool empty() const { return min > max; }
    };

    void append(double value);
    /// Keeps the first `size` values; no effect when there are fewer.
    void truncate(std::size_t size);
    void clear();

    std::size_t size() const { return values_.size(); }
    double operator[](std::size_t index) const { return values_[index]; }
    /// Over [begin, end); `end` is cut to the size.
    Extremes extremes(std::size_t begin, std::size_t end) const;

  private:
    static constexpr std::size_t blockSize = 8;
    Extremes block(std::size_t level, std::size_t index) const;
    void refreshLast(std::size_t level);

    std::vector<double> values_;
    std::vector<std::vector<Extremes>> levels_;  ///< levels_[k][i]: values [i·8^(k+1), (i+1)·8^(k+1))
};

}  // namespace prefbench::charts
