#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

// What the loops of this folder are written with: sixteen floats at a time, compiled for AVX-512, AVX2 and plain x86-64
// and chosen by what the CPU has. Only for files that CMakeLists.txt gives the compiler's options for it.

#define PREFBENCH_INLINE [[gnu::always_inline]] inline

/// Defines NAMEBest, a function of these parameters that returns CALL: a body inlined into functions that may use newer
/// instructions. CALL may ask `registers`, how many of the CPU's hold sixteen floats together.
#if defined(__x86_64__)
#define PREFBENCH_FOR_CPUS(NAME, RESULT, PARAMETERS, CALL)                                     \
    [[gnu::target("arch=x86-64-v4,prefer-vector-width=512")]] RESULT NAME##Avx512 PARAMETERS { \
        [[maybe_unused]] constexpr int registers = 32;                                         \
        return CALL;                                                                           \
    }                                                                                          \
    [[gnu::target("arch=x86-64-v3")]] RESULT NAME##Avx2 PARAMETERS {                           \
        [[maybe_unused]] constexpr int registers = 8;                                          \
        return CALL;                                                                           \
    }                                                                                          \
    RESULT NAME##Plain PARAMETERS {                                                            \
        [[maybe_unused]] constexpr int registers = 4;                                          \
        return CALL;                                                                           \
    }                                                                                          \
    const auto NAME##Best = __builtin_cpu_supports("x86-64-v4")   ? &NAME##Avx512              \
                            : __builtin_cpu_supports("x86-64-v3") ? &NAME##Avx2                \
                                                                  : &NAME##Plain;
#else
#define PREFBENCH_FOR_CPUS(NAME, RESULT, PARAMETERS, CALL) \
    RESULT NAME##Best PARAMETERS {                         \
        [[maybe_unused]] constexpr int registers = 8;      \
        return CALL;                                       \
    }
#endif

namespace prefbench::model {

/// One AVX-512 register; the compiler makes two or four registers of it for older CPUs.
constexpr std::int64_t lanes = 16;
using Floats = float [[gnu::vector_size(lanes * sizeof(float))]];
using Ints = std::int32_t [[gnu::vector_size(lanes * sizeof(std::int32_t))]];

PREFBENCH_INLINE Floats load(const float* from) {
    Floats values;
    std::memcpy(&values, from, sizeof values);
    return values;
}

PREFBENCH_INLINE void store(float* to, const Floats& values) {
    std::memcpy(to, &values, sizeof values);
}

/// Of all lanes, halving step by step.
PREFBENCH_INLINE float sumOf(const Floats& v) {
    const auto eight = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
                       __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
    const auto four =
        __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    const auto two = __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
    return two[0] + two[1];
}

/// exp by 2^k · e^r, |r| ≤ ½ ln 2, e^r by its Taylor polynomial to r^7. Below −87 it is 0, above 88 e^88.
PREFBENCH_INLINE Floats exponential(const Floats& x) {
    constexpr float log2E = 1.44269504F, ln2High = 0.693359375F, ln2Low = -2.12194440e-4F;
    constexpr float toNearest = 12582912.0F;  // adding 1.5·2^23 leaves no bits for a fraction
    const Floats bounded = x < -87.0F ? Floats{} - 87.0F : x > 88.0F ? Floats{} + 88.0F : x;
    const Floats k = (bounded * log2E + toNearest) - toNearest;
    const Floats r = (bounded - k * ln2High) - k * ln2Low;
    Floats p = r * (1.0F / 5040) + 1.0F / 720;
    p = p * r + 1.0F / 120;
    p = p * r + 1.0F / 24;
    p = p * r + 1.0F / 6;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    const Ints exponent = (__builtin_convertvector(k, Ints) + 127) << 23;
    Floats power;
    std::memcpy(&power, &exponent, sizeof power);
    return x < -87.0F ? Floats{} : p * power;
}

/// One of the four steps that turn sixteen rows of sixteen into columns.
template <int STEP, std::size_t... LANE>
PREFBENCH_INLINE void exchange(Floats (&rows)[lanes], std::index_sequence<LANE...> /*all lanes*/) {
    for (int i = 0; i < lanes; ++i) {
        if ((i & STEP) == 0) {
            const Floats a = rows[i], b = rows[i + STEP];
            rows[i] = __builtin_shufflevector(a, b, ((LANE & STEP) != 0 ? int(LANE) + 16 - STEP : int(LANE))...);
            rows[i + STEP] = __builtin_shufflevector(a, b, ((LANE & STEP) != 0 ? int(LANE) + 16 : int(LANE) + STEP)...);
        }
    }
}

/// Sixteen rows of sixteen become columns.
PREFBENCH_INLINE void transpose(Floats (&rows)[lanes]) {
    constexpr auto all = std::make_index_sequence<lanes>();
    exchange<8>(rows, all);
    exchange<4>(rows, all);
    exchange<2>(rows, all);
    exchange<1>(rows, all);
}

}  // namespace prefbench::model
