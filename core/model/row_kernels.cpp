#include "core/model/row_kernels.h"

#include <algorithm>

#include "core/model/vector_lanes.h"

namespace prefbench::model {
namespace {

/// ROWS rows times OUTPUTS rows of weights: each pair of loads feeds ROWS · OUTPUTS products.
template <std::int64_t ROWS, std::int64_t OUTPUTS>
PREFBENCH_INLINE void dotBlock(const RowProduct& p, std::int64_t row, std::int64_t output) {
    Floats sums[ROWS][OUTPUTS] = {};
    const float* x = p.x + row * p.inputs;
    const float* w = p.weight + output * p.inputs;
    std::int64_t k = 0;
    for (; k + lanes <= p.inputs; k += lanes) {
        Floats weights[OUTPUTS];
        for (std::int64_t o = 0; o < OUTPUTS; ++o) {
            weights[o] = load(w + o * p.inputs + k);
        }
        for (std::int64_t r = 0; r < ROWS; ++r) {
            const Floats values = load(x + r * p.inputs + k);
            for (std::int64_t o = 0; o < OUTPUTS; ++o) {
                sums[r][o] += values * weights[o];
            }
        }
    }
    for (std::int64_t r = 0; r < ROWS; ++r) {
        for (std::int64_t o = 0; o < OUTPUTS; ++o) {
            float sum = sumOf(sums[r][o]);
            for (std::int64_t rest = k; rest < p.inputs; ++rest) {
                sum += x[r * p.inputs + rest] * w[o * p.inputs + rest];
            }
            p.y[(row + r) * p.outputs + output + o] = sum;
        }
    }
}

template <std::int64_t OUTPUTS>
PREFBENCH_INLINE void dotRows(const RowProduct& p, std::int64_t output) {
    std::int64_t row = 0;
    for (; row + 4 <= p.rows; row += 4) {
        dotBlock<4, OUTPUTS>(p, row, output);
    }
    for (; row < p.rows; ++row) {
        dotBlock<1, OUTPUTS>(p, row, output);
    }
}

PREFBENCH_INLINE void outputsByInputs(const RowProduct& p, std::int64_t begin, std::int64_t end) {
    std::int64_t output = begin;
    for (; output + 4 <= end; output += 4) {
        dotRows<4>(p, output);
    }
    for (; output < end; ++output) {
        dotRows<1>(p, output);
    }
}

/// ROWS rows times BLOCKS · 16 neighbouring outputs, over the inputs `first` … `last` − 1, added to what y holds.
template <std::int64_t ROWS, std::int64_t BLOCKS>
PREFBENCH_INLINE void columnBlock(const RowProduct& p, std::int64_t row, std::int64_t output, std::int64_t first,
                                  std::int64_t last) {
    constexpr std::int64_t ahead = 12;  // rows of weights: far apart, so that the CPU does not foresee them
    Floats sums[ROWS][BLOCKS] = {};
    const float* x = p.x + row * p.inputs;
    const float* w = p.weight + first * p.outputs + output;
    for (std::int64_t k = first; k < last; ++k, w += p.outputs) {
        Floats weights[BLOCKS];
        for (std::int64_t b = 0; b < BLOCKS; ++b) {
            __builtin_prefetch(w + ahead * p.outputs + b * lanes);
            weights[b] = load(w + b * lanes);
        }
        for (std::int64_t r = 0; r < ROWS; ++r) {
            const float value = x[r * p.inputs + k];
            for (std::int64_t b = 0; b < BLOCKS; ++b) {
                sums[r][b] += value * weights[b];
            }
        }
    }
    for (std::int64_t r = 0; r < ROWS; ++r) {
        for (std::int64_t b = 0; b < BLOCKS; ++b) {
            float* y = p.y + (row + r) * p.outputs + output + b * lanes;
            store(y, first == 0 ? sums[r][b] : load(y) + sums[r][b]);
        }
    }
}

PREFBENCH_INLINE void columnRest(const RowProduct& p, std::int64_t output) {
    for (std::int64_t row = 0; row < p.rows; ++row) {
        float sum = 0;
        for (std::int64_t k = 0; k < p.inputs; ++k) {
            sum += p.x[row * p.inputs + k] * p.weight[k * p.outputs + output];
        }
        p.y[row * p.outputs + output] = sum;
    }
}

template <std::int64_t BLOCKS>
PREFBENCH_INLINE void columnRows(const RowProduct& p, std::int64_t output) {
    constexpr std::int64_t together = 112;  // inputs whose weights stay in the first cache for all rows: 28 KiB
    for (std::int64_t first = 0; first < p.inputs; first += together) {
        const std::int64_t last = std::min(first + together, p.inputs);
        std::int64_t row = 0;
        for (; row + 6 <= p.rows; row += 6) {
            columnBlock<6, BLOCKS>(p, row, output, first, last);
        }
        for (; row + 2 <= p.rows; row += 2) {
            columnBlock<2, BLOCKS>(p, row, output, first, last);
        }
        for (; row < p.rows; ++row) {
            columnBlock<1, BLOCKS>(p, row, output, first, last);
        }
    }
}

PREFBENCH_INLINE void inputsByOutputs(const RowProduct& p, std::int64_t begin, std::int64_t end) {
    std::int64_t output = begin;
    for (; output + 4 * lanes <= end; output += 4 * lanes) {
        columnRows<4>(p, output);
    }
    for (; output + lanes <= end; output += lanes) {
        columnRows<1>(p, output);
    }
    for (; output < end; ++output) {
        columnRest(p, output);
    }
}

PREFBENCH_FOR_CPUS(outputsByInputs, void, (const RowProduct& p, std::int64_t begin, std::int64_t end),
                   outputsByInputs(p, begin, end))
PREFBENCH_FOR_CPUS(inputsByOutputs, void, (const RowProduct& p, std::int64_t begin, std::int64_t end),
                   inputsByOutputs(p, begin, end))

}  // namespace

void multiplyOutputsByInputs(const RowProduct& product, std::int64_t begin, std::int64_t end) {
    outputsByInputsBest(product, begin, end);
}

void multiplyInputsByOutputs(const RowProduct& product, std::int64_t begin, std::int64_t end) {
    inputsByOutputsBest(product, begin, end);
}

}  // namespace prefbench::model
