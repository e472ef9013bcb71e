#include "core/model/panel_kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/model/vector_lanes.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace prefbench::model {
namespace {

/// Bytes before they are needed: a panel is read faster than the CPU fetches by itself.
constexpr std::int64_t ahead = 2048;
/// Panels that stay in the second cache while all blocks of rows pass.
constexpr std::int64_t groupBytes = 512 * 1024;

/// Sixteen outputs of one row, or what is left of them.
PREFBENCH_INLINE void storeOutputs(const PanelProduct& p, std::int64_t row, std::int64_t output, Floats values) {
    float* y = p.y + row * p.outputs + output;
    if (output + lanes <= p.outputs) {
        store(y, p.bias == nullptr ? values : values + load(p.bias + output));
        return;
    }
    for (std::int64_t i = 0; output + i < p.outputs; ++i) {
        y[i] = values[i] + (p.bias == nullptr ? 0.0F : p.bias[output + i]);
    }
}

struct FloatPanel {
    static constexpr std::int64_t bytesPerInput = panelOutputs * sizeof(float);

    template <std::int64_t ROWS>
    PREFBENCH_INLINE static void sum(const float* x, const char* panel, std::int64_t inputs, Floats (&sums)[ROWS]) {
        const auto* w = reinterpret_cast<const float*>(panel);
        for (std::int64_t k = 0; k < inputs; ++k, w += lanes, x += blockRows) {
            __builtin_prefetch(reinterpret_cast<const char*>(w) + ahead);
            const Floats weights = load(w);
#pragma GCC unroll 16
            for (std::int64_t r = 0; r < ROWS; ++r) {
                sums[r] += x[r] * weights;
            }
        }
    }
};

struct BFloat16Panel {
    static constexpr std::int64_t bytesPerInput = panelOutputs * 2;

    template <std::int64_t ROWS>
    PREFBENCH_INLINE static void sum(const float* x, const char* panel, std::int64_t inputs, Floats (&sums)[ROWS]) {
        for (std::int64_t k = 0; k < inputs; k += 2, panel += 2 * bytesPerInput, x += 2 * blockRows) {
            __builtin_prefetch(panel + ahead);
            Ints pairs;
            std::memcpy(&pairs, panel, sizeof pairs);
            const Ints evenBits = pairs << 16, oddBits = pairs & ~0xffff;
            Floats even, odd;
            std::memcpy(&even, &evenBits, sizeof even);
            std::memcpy(&odd, &oddBits, sizeof odd);
#pragma GCC unroll 16
            for (std::int64_t r = 0; r < ROWS; ++r) {
                sums[r] += x[r] * even;
            }
#pragma GCC unroll 16
            for (std::int64_t r = 0; r < ROWS; ++r) {
                sums[r] += x[blockRows + r] * odd;
            }
        }
    }
};

template <class Panel, std::int64_t ROWS>
PREFBENCH_INLINE void rowsTimesPanel(const PanelProduct& p, const char* panel, std::int64_t row, std::int64_t output) {
    Floats sums[ROWS] = {};
    const float* block = static_cast<const float*>(p.x) + row / blockRows * blockRows * p.inputs;
    Panel::template sum<ROWS>(block + row % blockRows, panel, p.inputs, sums);
    for (std::int64_t r = 0; r < std::min(ROWS, p.rows - row); ++r) {
        storeOutputs(p, row + r, output, sums[r]);
    }
}

/// Calls work(row, rows of its block, panel) so that panels come from memory once: a group of them for all blocks.
template <class Work>
PREFBENCH_INLINE void overPanels(const PanelProduct& p, std::int64_t panelBytes, std::int64_t begin, std::int64_t end,
                                 const Work& work) {
    const std::int64_t group = std::max<std::int64_t>(groupBytes / panelBytes, 1);
    for (std::int64_t first = begin; first < end; first += group) {
        for (std::int64_t row = 0; row < p.rows; row += blockRows) {
            for (std::int64_t panel = first; panel < std::min(first + group, end); ++panel) {
                work(row, std::min(blockRows, p.rows - row), panel);
            }
        }
    }
}

/// Rows are taken sixteen, eight, four or one at a time, as far as sums have registers, and rounded up to that.
template <class Panel, int REGISTERS>
PREFBENCH_INLINE void floatPanels(const PanelProduct& p, std::int64_t begin, std::int64_t end) {
    const std::int64_t panelBytes = p.inputs * Panel::bytesPerInput;
    // Inlined, for a lambda of its own would be compiled for the oldest CPUs.
    overPanels(
        p, panelBytes, begin,
        end, [&](std::int64_t row, std::int64_t count, std::int64_t number) __attribute__((always_inline)) {
            const char* panel = static_cast<const char*>(p.panels) + number * panelBytes;
            const std::int64_t output = number * panelOutputs;
            if (count == 1) {
                rowsTimesPanel<Panel, 1>(p, panel, row, output);
            } else if (REGISTERS < 32 || count <= 4) {
                for (std::int64_t r = 0; r < count; r += 4) {
                    rowsTimesPanel<Panel, 4>(p, panel, row + r, output);
                }
            } else if (count <= 8) {
                rowsTimesPanel<Panel, 8>(p, panel, row, output);
            } else {
                rowsTimesPanel<Panel, 16>(p, panel, row, output);
            }
        });
}

PREFBENCH_INLINE void finishInt8(const PanelProduct& p, std::int64_t row, std::int64_t output, const Ints& sums) {
    Ints offsets;
    std::memcpy(&offsets, p.outputOffsets + output, sizeof offsets);
    const Floats exact = __builtin_convertvector(sums - offsets, Floats);
    storeOutputs(p, row, output, exact * (load(p.outputScales + output) * p.rowScales[row]));
}

/// The rows' four neighbouring inputs k … k + 3 times those of sixteen outputs, byte by byte.
PREFBENCH_INLINE void int8Panels(const PanelProduct& p, std::int64_t begin, std::int64_t end) {
    const std::int64_t panelBytes = p.inputs * panelOutputs;
    overPanels(p, panelBytes, begin, end, [&](std::int64_t firstRow, std::int64_t count, std::int64_t number) {
        const char* panel = static_cast<const char*>(p.panels) + number * panelBytes;
        const auto* block = static_cast<const std::uint8_t*>(p.x) + firstRow * p.inputs;
        for (std::int64_t r = 0; r < count; ++r) {
            Ints sums{};
            for (std::int64_t k = 0; k < p.inputs; k += 4) {
                Ints weights;
                std::memcpy(&weights, panel + k * panelOutputs, sizeof weights);
                const std::uint8_t* x = block + k * blockRows + r * 4;
                sums += (weights << 24 >> 24) * int{x[0]} + (weights << 16 >> 24) * int{x[1]} +
                        (weights << 8 >> 24) * int{x[2]} + (weights >> 24) * int{x[3]};
            }
            finishInt8(p, firstRow + r, number * panelOutputs, sums);
        }
    });
}

#if defined(__x86_64__)
#define PREFBENCH_AVX2 [[gnu::target("arch=x86-64-v3")]]
#define PREFBENCH_VNNI [[gnu::target("arch=x86-64-v4,avx512vnni,prefer-vector-width=512")]]

/// Bytes as pairs of 16-bit numbers, whose products are added two by two.
template <std::int64_t ROWS>
PREFBENCH_AVX2 void int8RowsAvx2(const PanelProduct& p, const char* panel, std::int64_t row, std::int64_t output) {
    __m256i sums[ROWS][2] = {};
    const auto* x =
        static_cast<const std::uint8_t*>(p.x) + row / blockRows * blockRows * p.inputs + row % blockRows * 4;
    for (std::int64_t k = 0; k < p.inputs; k += 4, panel += 4 * panelOutputs, x += 4 * blockRows) {
        __builtin_prefetch(panel + ahead);
        for (std::int64_t half = 0; half < 2; ++half) {
            const __m256i weights = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(panel + 32 * half));
            const __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8);
            const __m256i odd = _mm256_srai_epi16(weights, 8);
            for (std::int64_t r = 0; r < ROWS; ++r) {
                std::int32_t four = 0;
                std::memcpy(&four, x + 4 * r, sizeof four);
                const __m256i xEven = _mm256_set1_epi32(four & 0x00ff00ff);
                const __m256i xOdd = _mm256_set1_epi32(four >> 8 & 0x00ff00ff);
                sums[r][half] = _mm256_add_epi32(sums[r][half], _mm256_madd_epi16(even, xEven));
                sums[r][half] = _mm256_add_epi32(sums[r][half], _mm256_madd_epi16(odd, xOdd));
            }
        }
    }
    for (std::int64_t r = 0; r < std::min(ROWS, p.rows - row); ++r) {
        Ints result;
        std::memcpy(&result, &sums[r], sizeof result);
        finishInt8(p, row + r, output, result);
    }
}

PREFBENCH_AVX2 void int8sAvx2(const PanelProduct& p, std::int64_t begin, std::int64_t end) {
    const std::int64_t panelBytes = p.inputs * panelOutputs;
    overPanels(p, panelBytes, begin, end, [&](std::int64_t row, std::int64_t count, std::int64_t number) {
        const char* panel = static_cast<const char*>(p.panels) + number * panelBytes;
        const auto multiply = count == 1 ? &int8RowsAvx2<1> : &int8RowsAvx2<4>;
        for (std::int64_t r = 0; r < count; r += 4) {
            multiply(p, panel, row + r, number * panelOutputs);
        }
    });
}

template <std::int64_t ROWS>
PREFBENCH_VNNI void int8RowsVnni(const PanelProduct& p, const char* panel, std::int64_t row, std::int64_t output) {
    __m512i sums[ROWS] = {};
    const auto* x = static_cast<const std::uint8_t*>(p.x) + row * p.inputs;
    for (std::int64_t k = 0; k < p.inputs; k += 4, panel += 4 * panelOutputs, x += 4 * blockRows) {
        __builtin_prefetch(panel + ahead);
        const __m512i weights = _mm512_loadu_si512(panel);
        for (std::int64_t r = 0; r < ROWS; ++r) {
            std::int32_t four = 0;
            std::memcpy(&four, x + 4 * r, sizeof four);
            sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_set1_epi32(four), weights);
        }
    }
    for (std::int64_t r = 0; r < std::min(ROWS, p.rows - row); ++r) {
        Ints result;
        std::memcpy(&result, &sums[r], sizeof result);
        finishInt8(p, row + r, output, result);
    }
}

PREFBENCH_VNNI void int8sVnni(const PanelProduct& p, std::int64_t begin, std::int64_t end) {
    const std::int64_t panelBytes = p.inputs * panelOutputs;
    overPanels(p, panelBytes, begin, end, [&](std::int64_t row, std::int64_t count, std::int64_t number) {
        const char* panel = static_cast<const char*>(p.panels) + number * panelBytes;
        const auto multiply = count > 8   ? &int8RowsVnni<16>
                              : count > 4 ? &int8RowsVnni<8>
                              : count > 1 ? &int8RowsVnni<4>
                                          : &int8RowsVnni<1>;
        multiply(p, panel, row, number * panelOutputs);
    });
}
#undef PREFBENCH_AVX2
#undef PREFBENCH_VNNI
#endif

void int8sPlain(const PanelProduct& p, std::int64_t begin, std::int64_t end) {
    int8Panels(p, begin, end);
}

PREFBENCH_FOR_CPUS(floats, void, (const PanelProduct& p, std::int64_t begin, std::int64_t end),
                   (floatPanels<FloatPanel, registers>(p, begin, end)))
PREFBENCH_FOR_CPUS(bfloat16s, void, (const PanelProduct& p, std::int64_t begin, std::int64_t end),
                   (floatPanels<BFloat16Panel, registers>(p, begin, end)))

PREFBENCH_INLINE void packBlock(const float* x, std::int64_t count, std::int64_t inputs, std::int64_t paddedInputs,
                                float* block) {
    static_assert(blockRows == lanes);
    std::int64_t k = 0;
    for (; k + lanes <= inputs; k += lanes) {
        Floats rows[lanes] = {};
        for (std::int64_t row = 0; row < count; ++row) {
            rows[row] = load(x + row * inputs + k);
        }
        transpose(rows);
        for (std::int64_t i = 0; i < lanes; ++i) {
            store(block + (k + i) * blockRows, rows[i]);
        }
    }
    for (; k < paddedInputs; ++k) {
        for (std::int64_t row = 0; row < blockRows; ++row) {
            block[k * blockRows + row] = row < count && k < inputs ? x[row * inputs + k] : 0;
        }
    }
}

using Bytes = std::uint8_t [[gnu::vector_size(lanes)]];

/// Sixteen inputs of a row into its four bytes of each quartet.
PREFBENCH_INLINE void quantizeSome(const Floats& x, float scale, std::uint8_t* place) {
    constexpr float toNearest = 12582912.0F;  // adding 1.5·2^23 leaves no bits for a fraction
    const Floats nearest = (x * scale + toNearest) - toNearest;
    const Bytes bytes = __builtin_convertvector(__builtin_convertvector(nearest, Ints) + 128, Bytes);
    for (std::int64_t i = 0; i < lanes / 4; ++i) {
        std::memcpy(place + i * 4 * blockRows, reinterpret_cast<const char*>(&bytes) + 4 * i, 4);
    }
}

PREFBENCH_INLINE void quantizeRow(const float* x, std::int64_t inputs, std::uint8_t* block, float& scale) {
    Floats most{}, defects{}, rest{};
    std::int64_t k = 0;
    const auto look = [&](const Floats& values) {
        const Floats size = values < 0.0F ? -values : values;
        most = size > most ? size : most;
        defects += values - values;  // NaN where a value is not finite
    };
    for (; k + lanes <= inputs; k += lanes) {
        look(load(x + k));
    }
    std::memcpy(&rest, x + k, static_cast<std::size_t>(inputs - k) * sizeof(float));
    look(rest);
    float greatest = 0;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
        greatest = std::max(greatest, most[lane]);
    }
    scale = greatest / 127 + sumOf(defects);
    const float inverse = std::isfinite(scale) && greatest > 0 ? 127 / greatest : 0;
    for (k = 0; k + lanes <= inputs; k += lanes) {
        quantizeSome(load(x + k), inverse, block + k * blockRows);
    }
    alignas(64) std::uint8_t last[4 * lanes / 4 * blockRows];
    quantizeSome(rest, inverse, last);
    for (std::int64_t i = 0; k + 4 * i < inputs; ++i) {
        std::memcpy(block + (k + 4 * i) * blockRows, last + i * 4 * blockRows, 4);
    }
}

PREFBENCH_INLINE void quantizeBlock(const float* x, std::int64_t count, std::int64_t inputs, std::int64_t paddedInputs,
                                    std::uint8_t* block, float* scales) {
    std::memset(block, 0, static_cast<std::size_t>(paddedInputs * blockRows));
    for (std::int64_t row = 0; row < count; ++row) {
        quantizeRow(x + row * inputs, inputs, block + 4 * row, scales[row]);
    }
}

PREFBENCH_FOR_CPUS(packBlock, void,
                   (const float* x, std::int64_t count, std::int64_t inputs, std::int64_t paddedInputs, float* block),
                   packBlock(x, count, inputs, paddedInputs, block))
PREFBENCH_FOR_CPUS(quantizeBlock, void,
                   (const float* x, std::int64_t count, std::int64_t inputs, std::int64_t paddedInputs,
                    std::uint8_t* block, float* scales),
                   quantizeBlock(x, count, inputs, paddedInputs, block, scales))

}  // namespace

const char* weightFormatName(WeightFormat format) {
    return format == WeightFormat::Float32 ? "float32" : format == WeightFormat::BFloat16 ? "bfloat16" : "int8";
}

std::vector<PanelKernel> panelKernels(WeightFormat format) {
    const bool isFloat = format == WeightFormat::Float32, isInt8 = format == WeightFormat::Int8;
    std::vector<PanelKernel> kernels;
#if defined(__x86_64__)
    if (isInt8 ? __builtin_cpu_supports("avx512vnni") : __builtin_cpu_supports("x86-64-v4")) {
        kernels.push_back(isInt8 ? &int8sVnni : isFloat ? &floatsAvx512 : &bfloat16sAvx512);
    }
    if (__builtin_cpu_supports("x86-64-v3")) {
        kernels.push_back(isInt8 ? &int8sAvx2 : isFloat ? &floatsAvx2 : &bfloat16sAvx2);
    }
    kernels.push_back(isInt8 ? &int8sPlain : isFloat ? &floatsPlain : &bfloat16sPlain);
#else
    kernels.push_back(isInt8 ? &int8sPlain : isFloat ? &floatsBest : &bfloat16sBest);
#endif
    return kernels;
}

void packRows(const float* x, std::int64_t count, std::int64_t inputs, std::int64_t paddedInputs, float* block) {
    packBlockBest(x, count, inputs, paddedInputs, block);
}

void quantizeRows(const float* x, std::int64_t count, std::int64_t inputs, std::int64_t paddedInputs,
                  std::uint8_t* block, float* scales) {
    quantizeBlockBest(x, count, inputs, paddedInputs, block, scales);
}

}  // namespace prefbench::model
