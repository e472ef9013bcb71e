#include "core/model/tree_kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "core/model/vector_lanes.h"

// Sixteen queries at a time, one in each lane. Scores and their softmax's weights lie as [key][16 queries], so that a
// softmax works lane by lane, and every product is a sum over k of a number of one matrix times sixteen of the other.

namespace prefbench::model {
namespace {

constexpr float hidden = -std::numeric_limits<float>::infinity();

/// Up to sixteen neighbouring keys of one branch or of the prefix.
struct Panel {
    std::int64_t token = 0, count = 0;
    std::int64_t position = 0;
};

/// The prefix, or a branch.
struct Segment {
    std::int64_t begin = 0, end = 0;  ///< tokens
    std::int64_t position = 0;        ///< of its first
    std::size_t firstPanel = 0;
};

struct Layout {
    std::vector<Segment> segments;  ///< the prefix first, which may be empty
    std::vector<Panel> panels;

    explicit Layout(const TreeHead& head) {
        std::int64_t begin = 0;
        const auto add = [&](std::int64_t length, std::int64_t position) {
            segments.push_back({begin, begin + length, position, panels.size()});
            for (std::int64_t k = 0; k < length; k += lanes) {
                panels.push_back({begin + k, std::min(lanes, length - k), position + k});
            }
            begin += length;
        };
        add(head.prefix, 0);
        for (const std::int64_t length : head.branches) {
            add(length, head.prefix);
        }
    }
};

/// Sixteen neighbouring queries of a segment, and what they see.
struct QueryBlock {
    std::int64_t token = 0, count = 0, position = 0;
    const std::vector<Panel>* all = nullptr;
    std::vector<std::size_t> panels{};  ///< seen by at least one of them, in the order of tokens
    std::int64_t keys = 0;              ///< in these panels

    QueryBlock(const Layout& layout, const Segment& segment, std::int64_t first, std::int64_t window)
        : token(first),
          count(std::min(lanes, segment.end - first)),
          position(segment.position + first - segment.begin),
          all(&layout.panels) {
        const Segment& prefix = layout.segments.front();
        const std::int64_t oldest = window > 0 ? position - window + 1 : 0;
        const auto see = [&](std::size_t begin, std::size_t end) {
            for (std::size_t p = begin; p < end; ++p) {
                const Panel& panel = layout.panels[p];
                if (panel.position + panel.count > oldest && panel.token < first + count) {
                    panels.push_back(p);
                    keys += panel.count;
                }
            }
        };
        if (segment.begin != prefix.begin || segment.end != prefix.end) {
            see(0, layout.segments[1].firstPanel);
        }
        const std::int64_t own = (first + count - segment.begin + lanes - 1) / lanes;
        see(segment.firstPanel, segment.firstPanel + static_cast<std::size_t>(own));
    }
};

/// Where the arrays of a call lie in its scratch.
class Scratch {
  public:
    Scratch(std::vector<float>& memory, std::int64_t floats) {
        const auto needed = static_cast<std::size_t>(floats + lanes);
        if (memory.size() < needed) {
            memory.resize(needed);
        }
        void* begin = memory.data();
        std::size_t room = memory.size() * sizeof(float);
        next_ = static_cast<float*>(std::align(sizeof(Floats), needed * sizeof(float) - sizeof(Floats), begin, room));
    }
    /// `floats`: a multiple of sixteen, so that all arrays begin at a cache line's begin.
    float* take(std::int64_t floats) { return std::exchange(next_, next_ + floats); }

  private:
    float* next_;
};

/// sums[r] += Σ_k a[k · stepA + r · ROW] · b[k · stepB …], sixteen at once.
template <std::int64_t ROWS, std::int64_t ROW>
PREFBENCH_INLINE void addProducts(const float* a, std::int64_t stepA, const float* b, std::int64_t stepB,
                                  std::int64_t count, Floats* sums) {
    Floats local[ROWS];
    for (std::int64_t r = 0; r < ROWS; ++r) {
        local[r] = sums[r];
    }
    for (std::int64_t k = 0; k < count; ++k, a += stepA, b += stepB) {
        const Floats other = load(b);
#pragma GCC unroll 16
        for (std::int64_t r = 0; r < ROWS; ++r) {
            local[r] += a[r * ROW] * other;
        }
    }
    for (std::int64_t r = 0; r < ROWS; ++r) {
        sums[r] = local[r];
    }
}

/// All sixteen rows, as many at once as have registers.
template <int REGISTERS, std::int64_t ROW>
PREFBENCH_INLINE void addBlock(const float* a, std::int64_t stepA, const float* b, std::int64_t stepB,
                               std::int64_t count, Floats (&sums)[lanes]) {
    constexpr std::int64_t rows = REGISTERS >= 32 ? 16 : 4;
    for (std::int64_t r = 0; r < lanes; r += rows) {
        addProducts<rows, ROW>(a + r * ROW, stepA, b, stepB, count, sums + r);
    }
}

/// Rows [count, dim] to columns [dim][16], times `factor`; columns that there are not are zeros.
PREFBENCH_INLINE void toColumns(const float* rows, std::int64_t stride, std::int64_t count, std::int64_t dim,
                                float factor, float* columns) {
    for (std::int64_t d = 0; d < dim; d += lanes) {
        Floats block[lanes] = {};
        for (std::int64_t r = 0; r < count; ++r) {
            block[r] = load(rows + r * stride + d) * factor;
        }
        transpose(block);
        for (std::int64_t i = 0; i < lanes; ++i) {
            store(columns + (d + i) * lanes, block[i]);
        }
    }
}

/// Columns d … d + 15 of sixteen rows to the rows that there are.
PREFBENCH_INLINE void toRows(Floats (&columns)[lanes], float* rows, std::int64_t stride, std::int64_t count) {
    transpose(columns);
    for (std::int64_t r = 0; r < count; ++r) {
        store(rows + r * stride, columns[r]);
    }
}

PREFBENCH_INLINE void packPanels(const Layout& layout, const float* rows, std::int64_t stride, std::int64_t dim,
                                 float* packed) {
    for (const Panel& panel : layout.panels) {
        toColumns(rows + panel.token * stride, stride, panel.count, dim, 1, packed);
        packed += dim * lanes;
    }
}

/// The score of a key in the lanes of the queries that see it, −∞ in the others.
PREFBENCH_INLINE Floats visibleScores(const Floats& scores, const QueryBlock& block, const Panel& panel,
                                      std::int64_t key, std::int64_t window) {
    const auto first = static_cast<std::int32_t>(std::max<std::int64_t>(panel.token + key - block.token, 0));
    const std::int64_t age = block.position - (panel.position + key);  // for lane 0
    const auto end = static_cast<std::int32_t>(window > 0 ? std::min(lanes, window - age) : lanes);
    if (first == 0 && end == lanes) {
        return scores;
    }
    const Ints lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return ((lane >= first) & (lane < end)) != 0 ? scores : Floats{} + hidden;
}

/// The arrays of one call, but for those of the panels.
struct Buffers {
    float* keyPanels = nullptr;    ///< [panels][dim][16]
    float* valuePanels = nullptr;  ///< the same; backward only
    float* queries = nullptr;      ///< [dim][16]
    float* gradients = nullptr;    ///< of outputs [dim][16]; backward only
    float* weights = nullptr;      ///< [keys][16]
    float* slopes = nullptr;       ///< of scores [keys][16]; backward only
};

PREFBENCH_INLINE Buffers buffersFor(const TreeHead& head, const Layout& layout, bool backward,
                                    std::vector<float>& memory) {
    const std::int64_t panels = static_cast<std::int64_t>(layout.panels.size()) * head.dim * lanes,
                       block = head.dim * lanes, scores = (head.tokens + lanes) * lanes;
    Scratch scratch(memory, 2 * (panels + block + scores));
    Buffers buffers;
    buffers.keyPanels = scratch.take(panels);
    buffers.queries = scratch.take(block);
    buffers.weights = scratch.take(scores);
    if (backward) {
        buffers.valuePanels = scratch.take(panels);
        buffers.gradients = scratch.take(block);
        buffers.slopes = scratch.take(scores);
    }
    return buffers;
}

/// Calls work(panel, sums [16 keys][16 lanes] of the panel's rows times `columns`, its first key's place among the
/// keys that the block sees).
template <int REGISTERS, class Work>
PREFBENCH_INLINE void overPanels(const QueryBlock& block, const float* packed, const float* columns, std::int64_t dim,
                                 const Work& work) {
    std::int64_t place = 0;
    for (const std::size_t number : block.panels) {
        const Panel& panel = (*block.all)[number];
        Floats sums[lanes] = {};
        addBlock<REGISTERS, 1>(packed + static_cast<std::int64_t>(number) * dim * lanes, lanes, columns, lanes, dim,
                               sums);
        work(panel, sums, place);
        place += panel.count;
    }
}

/// sums += Σ over the block's keys of rows[key][d + r] · weights[key].
template <int REGISTERS>
PREFBENCH_INLINE void addWeighted(const QueryBlock& block, const float* rows, std::int64_t stride, const float* weights,
                                  Floats (&sums)[lanes]) {
    for (std::size_t p = 0; p < block.panels.size();) {
        // As long as they follow each other.
        const Panel& first = (*block.all)[block.panels[p]];
        std::int64_t count = 0;
        while (p < block.panels.size() && (*block.all)[block.panels[p]].token == first.token + count) {
            count += (*block.all)[block.panels[p++]].count;
        }
        addBlock<REGISTERS, 1>(rows + first.token * stride, stride, weights, lanes, count, sums);
        weights += count * lanes;
    }
}

/// Scores into buffers.weights; returns each lane's greatest.
template <int REGISTERS>
PREFBENCH_INLINE Floats scoreBlock(const TreeHead& h, const QueryBlock& block, const Buffers& buffers,
                                   const float* bias) {
    Floats most = Floats{} + hidden;
    overPanels<REGISTERS>(
        block, buffers.keyPanels, buffers.queries,
        h.dim, [&](const Panel& panel, const Floats(&sums)[lanes], std::int64_t place) __attribute__((always_inline)) {
            for (std::int64_t key = 0; key < panel.count; ++key) {
                const Floats raw = bias == nullptr ? sums[key] : sums[key] + bias[panel.position + key];
                const Floats score = visibleScores(raw, block, panel, key, h.window);
                most = score > most ? score : most;
                store(buffers.weights + (place + key) * lanes, score);
            }
        });
    return most;
}

template <int REGISTERS>
PREFBENCH_INLINE void attendBlock(const TreeHead& h, const QueryBlock& block, const Buffers& buffers,
                                  std::int64_t queryHead) {
    const std::int64_t row = block.token - h.firstQuery, column = queryHead * h.dim;
    toColumns(h.queries + row * h.queryStride + column, h.queryStride, block.count, h.dim, h.scale, buffers.queries);
    const Floats most =
        scoreBlock<REGISTERS>(h, block, buffers, h.bias == nullptr ? nullptr : h.bias + queryHead * h.biasStride);
    Floats sum{};
    for (std::int64_t key = 0; key < block.keys; ++key) {
        const Floats weight = exponential(load(buffers.weights + key * lanes) - most);
        sum += weight;
        store(buffers.weights + key * lanes, weight);
    }
    const Floats inverse = 1.0F / sum;
    for (std::int64_t d = 0; d < h.dim; d += lanes) {
        Floats sums[lanes] = {};
        addWeighted<REGISTERS>(block, h.values + d, h.valueStride, buffers.weights, sums);
        for (Floats& one : sums) {
            one *= inverse;
        }
        toRows(sums, h.outputs + row * h.outputStride + column + d, h.outputStride, block.count);
    }
    if (h.logSums != nullptr) {
        for (std::int64_t lane = 0; lane < block.count; ++lane) {
            h.logSums[queryHead * h.logStride + row + lane] = most[lane] + std::log(sum[lane]);
        }
    }
}

/// Calls work(block) for all blocks of queries.
template <class Work>
PREFBENCH_INLINE void overBlocks(const TreeHead& h, const Layout& layout, const Work& work) {
    for (const Segment& segment : layout.segments) {
        for (std::int64_t q = std::max(segment.begin, h.firstQuery); q < segment.end; q += lanes) {
            work(QueryBlock(layout, segment, q, h.window));
        }
    }
}

template <int REGISTERS>
PREFBENCH_INLINE void attendAll(const TreeHead& h, std::vector<float>& memory) {
    const Layout layout(h);
    const Buffers buffers = buffersFor(h, layout, false, memory);
    packPanels(layout, h.keys, h.keyStride, h.dim, buffers.keyPanels);
    overBlocks(
        h, layout, [&](const QueryBlock& block) __attribute__((always_inline)) {
            for (std::int64_t head = 0; head < h.queryHeads; ++head) {
                attendBlock<REGISTERS>(h, block, buffers, head);
            }
        });
}

/// The sum of an output's gradient times the output, a lane for each query.
PREFBENCH_INLINE Floats outputProducts(const TreeHead& h, const TreeHeadGradients& g, const QueryBlock& block,
                                       std::int64_t column) {
    Floats result{};
    for (std::int64_t lane = 0; lane < block.count; ++lane) {
        const std::int64_t row = block.token - h.firstQuery + lane;
        Floats sum{};
        for (std::int64_t d = 0; d < h.dim; d += lanes) {
            sum += load(h.outputs + row * h.outputStride + column + d) *
                   load(g.outputs + row * g.outputStride + column + d);
        }
        result[lane] = sumOf(sum);
    }
    return result;
}

/// target[key] += Σ_q weights[key][q] · rows[q], for a panel of keys.
template <int REGISTERS>
PREFBENCH_INLINE void addToKeys(const QueryBlock& block, const Panel& panel, std::int64_t dim, const float* weights,
                                const float* rows, std::int64_t stride, float* target, std::int64_t targetStride) {
    for (std::int64_t d = 0; d < dim; d += lanes) {
        Floats sums[lanes] = {};
        addBlock<REGISTERS, lanes>(weights, 1, rows + d, stride, block.count, sums);
        for (std::int64_t key = 0; key < panel.count; ++key) {
            float* to = target + (panel.token + key) * targetStride + d;
            store(to, load(to) + sums[key]);
        }
    }
}

/// The softmax's weights into buffers.weights, the slopes of scores into buffers.slopes, times scale.
template <int REGISTERS>
PREFBENCH_INLINE void differentiateScores(const TreeHead& h, const QueryBlock& block, const Buffers& buffers,
                                          std::int64_t queryHead, const Floats& products) {
    Floats logSums{};
    for (std::int64_t lane = 0; lane < block.count; ++lane) {
        logSums[lane] = h.logSums[queryHead * h.logStride + block.token - h.firstQuery + lane];
    }
    scoreBlock<REGISTERS>(h, block, buffers, h.bias == nullptr ? nullptr : h.bias + queryHead * h.biasStride);
    overPanels<REGISTERS>(
        block, buffers.valuePanels, buffers.gradients,
        h.dim, [&](const Panel& panel, const Floats(&sums)[lanes], std::int64_t place) __attribute__((always_inline)) {
            for (std::int64_t key = 0; key < panel.count; ++key) {
                float* weights = buffers.weights + (place + key) * lanes;
                const Floats weight = exponential(load(weights) - logSums);
                store(weights, weight);
                store(buffers.slopes + (place + key) * lanes, weight * (sums[key] - products) * h.scale);
            }
        });
}

template <int REGISTERS>
PREFBENCH_INLINE void differentiateBlock(const TreeHead& h, const TreeHeadGradients& g, const QueryBlock& block,
                                         const Buffers& buffers, std::int64_t queryHead) {
    const std::int64_t row = block.token - h.firstQuery, column = queryHead * h.dim;
    const float* queries = h.queries + row * h.queryStride + column;
    const float* outputs = g.outputs + row * g.outputStride + column;
    toColumns(queries, h.queryStride, block.count, h.dim, h.scale, buffers.queries);
    toColumns(outputs, g.outputStride, block.count, h.dim, 1, buffers.gradients);
    differentiateScores<REGISTERS>(h, block, buffers, queryHead, outputProducts(h, g, block, column));
    for (std::int64_t d = 0; d < h.dim; d += lanes) {
        Floats sums[lanes] = {};
        addWeighted<REGISTERS>(block, h.keys + d, h.keyStride, buffers.slopes, sums);
        toRows(sums, g.queries + row * g.queryStride + column + d, g.queryStride, block.count);
    }
    std::int64_t place = 0;
    for (const std::size_t number : block.panels) {
        const Panel& panel = (*block.all)[number];
        addToKeys<REGISTERS>(block, panel, h.dim, buffers.weights + place * lanes, outputs, g.outputStride, g.values,
                             g.valueStride);
        addToKeys<REGISTERS>(block, panel, h.dim, buffers.slopes + place * lanes, queries, h.queryStride, g.keys,
                             g.keyStride);
        place += panel.count;
    }
}

template <int REGISTERS>
PREFBENCH_INLINE void differentiateAll(const TreeHead& h, const TreeHeadGradients& g, std::vector<float>& memory) {
    const Layout layout(h);
    const Buffers buffers = buffersFor(h, layout, true, memory);
    packPanels(layout, h.keys, h.keyStride, h.dim, buffers.keyPanels);
    packPanels(layout, h.values, h.valueStride, h.dim, buffers.valuePanels);
    overBlocks(
        h, layout, [&](const QueryBlock& block) __attribute__((always_inline)) {
            for (std::int64_t head = 0; head < h.queryHeads; ++head) {
                differentiateBlock<REGISTERS>(h, g, block, buffers, head);
            }
        });
}

PREFBENCH_FOR_CPUS(attendTree, void, (const TreeHead& head, std::vector<float>& scratch),
                   attendAll<registers>(head, scratch))
PREFBENCH_FOR_CPUS(differentiateTree, void,
                   (const TreeHead& head, const TreeHeadGradients& gradients, std::vector<float>& scratch),
                   differentiateAll<registers>(head, gradients, scratch))

}  // namespace

std::vector<TreeKernel> treeKernels() {
    std::vector<TreeKernel> kernels;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("x86-64-v4")) {
        kernels.push_back({&attendTreeAvx512, &differentiateTreeAvx512});
    }
    if (__builtin_cpu_supports("x86-64-v3")) {
        kernels.push_back({&attendTreeAvx2, &differentiateTreeAvx2});
    }
    kernels.push_back({&attendTreePlain, &differentiateTreePlain});
#else
    kernels.push_back({&attendTreeBest, &differentiateTreeBest});
#endif
    return kernels;
}

}  // namespace prefbench::model
