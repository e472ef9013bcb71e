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

}  // namespace prefbench::model
