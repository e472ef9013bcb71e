#pragma once

#include <cstdint>

namespace prefbench::model {

/// A product of few rows: x [rows, inputs], each row `inputs` apart → y [rows, outputs], each row `outputs` apart.
struct RowProduct {
    const float* x = nullptr;
    const float* weight = nullptr;
    float* y = nullptr;
    std::int64_t rows = 0, inputs = 0, outputs = 0;
};

/// The outputs begin … end − 1, of weight [outputs, inputs]. One thread; any split of the outputs gives the same bits.
void multiplyOutputsByInputs(const RowProduct& product, std::int64_t begin, std::int64_t end);
/// The same, of weight [inputs, outputs]; `begin` must be a multiple of 64.
void multiplyInputsByOutputs(const RowProduct& product, std::int64_t begin, std::int64_t end);

}  // namespace prefbench::model
