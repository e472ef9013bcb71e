#pragma once

#include <cstdint>
#include <vector>

namespace prefbench::model {

// Products of rows with a matrix that is packed into panels of sixteen outputs, so that weights are read one after the
// other and once for sixteen rows. One thread; compiled for what CPUs have and chosen by what this one has. What a row
// gets depends neither on the other rows nor on how panels are shared among threads.

constexpr std::int64_t panelOutputs = 16;
constexpr std::int64_t blockRows = 16;  ///< rows that a pass over a panel takes

/// How a packed matrix holds its elements.
enum class WeightFormat {
    Float32,   ///< panel [inputs][16]
    BFloat16,  ///< panel [inputs / 2][16][2]: rounded to nearest; multiplied and summed in float32
    Int8,      ///< panel [inputs / 4][16][4]: −127 … 127, one scale an output; summed exactly in int32
};

/// "float32", "bfloat16" or "int8".
const char* weightFormatName(WeightFormat format);

/// Neighbouring inputs that a panel keeps together; the number of inputs is rounded up to a multiple, by zeros.
constexpr std::int64_t inputsTogether(WeightFormat format) {
    return format == WeightFormat::Float32 ? 1 : format == WeightFormat::BFloat16 ? 2 : 4;
}

struct PanelProduct {
    const void* panels = nullptr;
    /// In blocks of sixteen rows, the last one filled up with zeros: float32 [blocks][inputs][16], or where weights are
    /// Int8 [blocks][inputs / 4][16][4] of value + 128.
    const void* x = nullptr;
    const float* bias = nullptr;  ///< [outputs]; may be null
    float* y = nullptr;           ///< [rows, outputs]
    std::int64_t rows = 0, inputs = 0, outputs = 0;
    const float* rowScales = nullptr;             ///< of Int8 [rows]
    const float* outputScales = nullptr;          ///< of Int8 [outputs, rounded up to 16]
    const std::int32_t* outputOffsets = nullptr;  ///< 128 · the sum of an output's weights, as outputScales
};

/// Computes the outputs of panels begin … end − 1.
using PanelKernel = void (*)(const PanelProduct& product, std::int64_t begin, std::int64_t end);
/// All that this CPU can run, the fastest first. Those of Int8 give the same bits.
std::vector<PanelKernel> panelKernels(WeightFormat format);

/// Up to sixteen rows [count, inputs] as PanelProduct::x has a block of them, with `paddedInputs` inputs.
void packRows(const float* x, std::int64_t count, std::int64_t inputs, std::int64_t paddedInputs, float* block);
/// The same for Int8: each row by its own scale, greatest magnitude / 127, which is NaN where the row is not finite.
void quantizeRows(const float* x, std::int64_t count, std::int64_t inputs, std::int64_t paddedInputs,
                  std::uint8_t* block, float* scales);

}  // namespace prefbench::model
