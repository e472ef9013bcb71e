#pragma once

#include <algorithm>
#include <cmath>

namespace prefbench::training {

/// σ(x), accurate for any x.
inline double sigmoid(double x) {
    if (x >= 0) {
        return 1 / (1 + std::exp(-x));
    }
    const double e = std::exp(x);
    return e / (1 + e);
}

/// log σ(x), accurate for any x.
inline double logSigmoid(double x) {
    return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
}

/// A number with its derivatives by log π(chosen) and by log π(rejected): forward-mode differentiation, so that a loss
/// is written once, as its formula. Griewank and Walther 2008, "Evaluating Derivatives", chapter 3.
struct Dual {
    double value = 0, byChosen = 0, byRejected = 0;

    /// The chain rule: f(x) with f'(x) = slope.
    Dual mapped(double f, double slope) const { return {f, slope * byChosen, slope * byRejected}; }

    friend Dual operator+(const Dual& a, const Dual& b) {
        return {a.value + b.value, a.byChosen + b.byChosen, a.byRejected + b.byRejected};
    }
    friend Dual operator-(const Dual& a) { return {-a.value, -a.byChosen, -a.byRejected}; }
    friend Dual operator-(const Dual& a, const Dual& b) { return a + -b; }
    friend Dual operator*(const Dual& a, const Dual& b) {
        return {a.value * b.value, a.value * b.byChosen + a.byChosen * b.value,
                a.value * b.byRejected + a.byRejected * b.value};
    }
    friend Dual operator+(const Dual& a, double b) { return {a.value + b, a.byChosen, a.byRejected}; }
    friend Dual operator-(const Dual& a, double b) { return a + -b; }
    friend Dual operator-(double a, const Dual& b) { return -b + a; }
    /// Nothing where the factor is 0, so that a term of no weight cannot make 0 · ∞.
    friend Dual operator*(double a, const Dual& b) {
        return a == 0 ? Dual{} : Dual{a * b.value, a * b.byChosen, a * b.byRejected};
    }
    friend Dual operator/(const Dual& a, double b) { return (1 / b) * a; }
};

inline Dual sigmoid(const Dual& x) {
    return x.mapped(sigmoid(x.value), sigmoid(x.value) * sigmoid(-x.value));
}
inline Dual logSigmoid(const Dual& x) {
    return x.mapped(logSigmoid(x.value), sigmoid(-x.value));
}
inline Dual exp(const Dual& x) {
    return x.mapped(std::exp(x.value), std::exp(x.value));
}
inline Dual square(const Dual& x) {
    return x.mapped(x.value * x.value, 2 * x.value);
}
inline Dual positivePart(const Dual& x) {
    return x.value > 0 ? x : Dual{};
}
/// log(1 − eˣ) for x < 0.
inline Dual logOneMinusExp(const Dual& x) {
    return x.mapped(std::log1p(-std::exp(x.value)), std::exp(x.value) / std::expm1(x.value));
}

}  // namespace prefbench::training
