#pragma once

#include <cstdint>

namespace prefbench::model {

// Loops over float32 in ordinary memory, each compiled for AVX-512, AVX2 and plain x86-64 and chosen by what the CPU
// has. One thread; exp is within 2 ulp. A value does not depend on where it stands, so splitting over threads changes
// nothing.

/// y = x·σ(x) (Elfwing et al. 2017) and its derivative, n each. `slope` may be null.
void siluWithSlope(const float* x, float* y, float* slope, std::int64_t n);
/// GELU by tanh (Hendrycks and Gimpel 2016), ½x(1 + tanh(√(2/π)(x + 0.044715x³))), and its derivative.
void geluTanhWithSlope(const float* x, float* y, float* slope, std::int64_t n);

struct ExponentialRow {
    float most = 0;  ///< of the row as it was
    double sum = 0;  ///< of exp(x − most)
};
/// Turns a row into exp(x − its greatest); −inf becomes 0. A NaN or +inf anywhere makes the sum NaN.
ExponentialRow exponentiateRow(float* row, std::int64_t n);

/// One head's attention of one new token over all that came before it.
struct TokenAttention {
    const float* query = nullptr;   ///< [dim]
    const float* keys = nullptr;    ///< [tokens, dim], rows `keyStride` apart
    const float* values = nullptr;  ///< [tokens, dim], rows `valueStride` apart
    /// Where the first `shared` tokens' keys and values are read instead, with the same strides: other sequences read
    /// the same ones at about the same time.
    const float* sharedKeys = nullptr;
    const float* sharedValues = nullptr;
    std::int64_t shared = 0;
    const float* mask = nullptr;  ///< added to the scores [tokens]; may be null
    float* scores = nullptr;      ///< room for [tokens]
    float* output = nullptr;      ///< [dim]
    std::int64_t tokens = 0, dim = 0, keyStride = 0, valueStride = 0;
    float scale = 1;
};
/// output = softmax(scale · keys · query + mask) · values. `dim` must be a multiple of 16.
void attendToken(const TokenAttention& attention);

}  // namespace prefbench::model
