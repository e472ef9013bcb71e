#include "core/model/kernels.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/model/vector_lanes.h"

namespace prefbench::model {
namespace {

PREFBENCH_INLINE Floats logistic(const Floats& x) {
    return 1.0F / (1.0F + exponential(-x));
}

struct Silu {
    PREFBENCH_INLINE static void apply(const Floats& x, Floats& y, Floats& slope) {
        const Floats s = logistic(x);
        y = x * s;
        slope = s * (1.0F + x * (1.0F - s));
    }
};

/// ½(1 + tanh z) = σ(2z)
struct GeluTanh {
    PREFBENCH_INLINE static void apply(const Floats& x, Floats& y, Floats& slope) {
        constexpr float twice = 1.5957691216F, cubic = 0.044715F;  // 2√(2/π)
        const Floats square = x * x;
        const Floats s = logistic(twice * x * (1.0F + cubic * square));
        y = x * s;
        slope = s + x * s * (1.0F - s) * twice * (1.0F + 3.0F * cubic * square);
    }
};

template <class Function>
PREFBENCH_INLINE void activateAll(const float* x, float* y, float* slope, std::int64_t n) {
    Floats in{}, out, outSlope;
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        Function::apply(load(x + i), out, outSlope);
        store(y + i, out);
        if (slope != nullptr) {
            store(slope + i, outSlope);
        }
    }
    if (i == n) {
        return;
    }
    const std::size_t rest = static_cast<std::size_t>(n - i) * sizeof(float);
    std::memcpy(&in, x + i, rest);
    Function::apply(in, out, outSlope);
    std::memcpy(y + i, &out, rest);
    if (slope != nullptr) {
        std::memcpy(slope + i, &outSlope, rest);
    }
}

PREFBENCH_INLINE float greatest(const float* row, std::int64_t n) {
    Floats most = Floats{} - std::numeric_limits<float>::infinity();
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const Floats x = load(row + i);
        most = x > most ? x : most;
    }
    float result = -std::numeric_limits<float>::infinity();
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
        result = std::max(result, most[lane]);
    }
    for (; i < n; ++i) {
        result = row[i] > result ? row[i] : result;
    }
    return result;
}

/// Floats add up at most 64 terms a lane before they go into the double.
PREFBENCH_INLINE ExponentialRow exponentiate(float* row, std::int64_t n) {
    constexpr std::int64_t block = 64 * lanes;
    ExponentialRow result{greatest(row, n), 0};
    Floats defects{};  // NaN once something in the row is
    std::int64_t i = 0;
    for (std::int64_t begin = 0; begin < n; begin += block) {
        const std::int64_t end = std::min(begin + block, n);
        Floats sums{};
        for (; i + lanes <= end; i += lanes) {
            const Floats x = load(row + i) - result.most;
            const Floats e = exponential(x);
            defects += x == x ? Floats{} : x;
            sums += e;
            store(row + i, e);
        }
        for (std::int64_t lane = 0; lane < lanes; ++lane) {
            result.sum += sums[lane];
        }
    }
    if (i < n) {
        Floats x = Floats{} - std::numeric_limits<float>::infinity();
        const std::size_t rest = static_cast<std::size_t>(n - i) * sizeof(float);
        std::memcpy(&x, row + i, rest);
        x -= result.most;
        const Floats e = exponential(x);
        for (std::int64_t lane = 0; lane < n - i; ++lane) {
            result.sum += e[lane];
            defects[lane] += x[lane] == x[lane] ? 0.0F : x[lane];
        }
        std::memcpy(row + i, &e, rest);
    }
    bool finite = std::isfinite(result.most);
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
        finite = finite && defects[lane] == 0;
    }
    result.sum = finite ? result.sum : std::numeric_limits<double>::quiet_NaN();
    return result;
}

/// Tokens before they are needed: far apart in memory, so that the CPU does not foresee them.
constexpr std::int64_t ahead = 8;

/// The weighted values' elements from `begin`, BLOCKS · 16 of them.
template <std::int64_t BLOCKS>
PREFBENCH_INLINE void addValues(const TokenAttention& a, std::int64_t begin, float scale) {
    Floats sums[BLOCKS] = {};
    for (std::int64_t token = 0; token < a.tokens; ++token) {
        const float* value = (token < a.shared ? a.sharedValues : a.values) + token * a.valueStride + begin;
        for (std::int64_t b = 0; b < BLOCKS; ++b) {
            __builtin_prefetch(value + ahead * a.valueStride + b * lanes);
            sums[b] += a.scores[token] * load(value + b * lanes);
        }
    }
    for (std::int64_t b = 0; b < BLOCKS; ++b) {
        store(a.output + begin + b * lanes, sums[b] * scale);
    }
}

PREFBENCH_INLINE void attend(const TokenAttention& a) {
    for (std::int64_t token = 0; token < a.tokens; ++token) {
        const float* key = (token < a.shared ? a.sharedKeys : a.keys) + token * a.keyStride;
        Floats products{};
        for (std::int64_t i = 0; i < a.dim; i += lanes) {
            __builtin_prefetch(key + ahead * a.keyStride + i);
            products += load(a.query + i) * load(key + i);
        }
        a.scores[token] = sumOf(products) * a.scale + (a.mask == nullptr ? 0.0F : a.mask[token]);
    }
    const auto scale = static_cast<float>(1 / exponentiate(a.scores, a.tokens).sum);
    std::int64_t i = 0;
    for (; i + 4 * lanes <= a.dim; i += 4 * lanes) {
        addValues<4>(a, i, scale);
    }
    for (; i < a.dim; i += lanes) {
        addValues<1>(a, i, scale);
    }
}

PREFBENCH_FOR_CPUS(silu, void, (const float* x, float* y, float* slope, std::int64_t n),
                   activateAll<Silu>(x, y, slope, n))
PREFBENCH_FOR_CPUS(geluTanh, void, (const float* x, float* y, float* slope, std::int64_t n),
                   activateAll<GeluTanh>(x, y, slope, n))
PREFBENCH_FOR_CPUS(attend, void, (const TokenAttention& a), attend(a))
PREFBENCH_FOR_CPUS(exponentiate, ExponentialRow, (float* row, std::int64_t n), exponentiate(row, n))

}  // namespace

void siluWithSlope(const float* x, float* y, float* slope, std::int64_t n) {
    siluBest(x, y, slope, n);
}

void geluTanhWithSlope(const float* x, float* y, float* slope, std::int64_t n) {
    geluTanhBest(x, y, slope, n);
}

ExponentialRow exponentiateRow(float* row, std::int64_t n) {
    return exponentiateBest(row, n);
}

void attendToken(const TokenAttention& attention) {
    attendBest(attention);
}

}  // namespace prefbench::model
