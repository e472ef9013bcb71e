#include "ui/charts/min_max_pyramid.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace prefbench::charts {
namespace {

constexpr MinMaxPyramid::Extremes none{std::numeric_limits<double>::infinity(),
                                       -std::numeric_limits<double>::infinity()};

void widen(MinMaxPyramid::Extremes& extremes, const MinMaxPyramid::Extremes& other) {
    extremes.min = std::min(extremes.min, other.min);
    extremes.max = std::max(extremes.max, other.max);
}

}  // namespace

/// Block `index` of `level`; level 0 is the values themselves.
MinMaxPyramid::Extremes MinMaxPyramid::block(std::size_t level, std::size_t index) const {
    if (level > 0) {
        return levels_[level - 1][index];
    }
    const double value = values_[index];
    return std::isfinite(value) ? Extremes{value, value} : none;
}

void MinMaxPyramid::append(double value) {
    values_.push_back(value);
    const Extremes added = block(0, values_.size() - 1);
    std::size_t blocks = values_.size();
    for (std::size_t level = 0; blocks > 1; ++level) {
        blocks = (blocks + blockSize - 1) / blockSize;
        if (level == levels_.size()) {
            levels_.emplace_back();
            for (std::size_t index = 0; index < blocks; ++index) {
                levels_[level].push_back(none);
                refreshLast(level);
            }
        } else if (levels_[level].size() < blocks) {
            levels_[level].push_back(added);
        } else {
            widen(levels_[level].back(), added);
        }
    }
}

/// Computes the last block of levels_[level] from the level below.
void MinMaxPyramid::refreshLast(std::size_t level) {
    const std::size_t below = level == 0 ? values_.size() : levels_[level - 1].size();
    const std::size_t begin = (levels_[level].size() - 1) * blockSize;
    Extremes& last = levels_[level].back();
    last = none;
    for (std::size_t index = begin; index < std::min(begin + blockSize, below); ++index) {
        widen(last, block(level, index));
    }
}

void MinMaxPyramid::truncate(std::size_t size) {
    if (size >= values_.size()) {
        return;
    }
    values_.resize(size);
    std::size_t blocks = size;
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        if (blocks <= 1) {
            levels_.resize(level);
            return;
        }
        blocks = (blocks + blockSize - 1) / blockSize;
        levels_[level].resize(blocks, none);
        refreshLast(level);
    }
}

void MinMaxPyramid::clear() {
    values_.clear();
    levels_.clear();
}

MinMaxPyramid::Extremes MinMaxPyramid::extremes(std::size_t begin, std::size_t end) const {
    end = std::min(end, values_.size());
    Extremes result = none;
    // Loose ends of each level are taken singly, whole blocks one level up.
    for (std::size_t level = 0; begin < end; ++level) {
        const bool top = level == levels_.size();
        while (begin < end && (top || begin % blockSize != 0)) {
            widen(result, block(level, begin++));
        }
        while (begin < end && end % blockSize != 0) {
            widen(result, block(level, --end));
        }
        begin /= blockSize;
        end /= blockSize;
    }
    return result;
}

}  // namespace prefbench::charts
