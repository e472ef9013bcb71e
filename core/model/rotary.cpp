#include "core/model/rotary.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace prefbench::model {
namespace {

using Kind = RopeScaling::Kind;

/// 0, 2/dim, 4/dim, … [dim / 2] float32
at::Tensor exponents(std::int64_t dim) {
    return at::arange(0, dim, 2, at::kFloat) / static_cast<double>(dim);
}

/// Slow waves are slowed by `factor`, fast ones kept, those between blended.
at::Tensor scaleLlama3(const at::Tensor& frequencies, const RopeScaling& scaling) {
    const auto originalPositions = static_cast<double>(scaling.originalMaxPositions);
    const at::Tensor wavelengths = 2 * std::numbers::pi / frequencies;
    const at::Tensor slowed = frequencies / scaling.factor;
    const at::Tensor blend = (originalPositions / wavelengths - scaling.lowFrequencyFactor) /
                             (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
    const at::Tensor blended = (1 - blend) * slowed + blend * frequencies;
    return at::where(wavelengths > originalPositions / scaling.lowFrequencyFactor, slowed,
                     at::where(wavelengths < originalPositions / scaling.highFrequencyFactor, frequencies, blended));
}

/// The pair of elements whose wave turns `rotations` times over the original positions.
double pairOfRotations(double rotations, const Rotary& rotary) {
    const auto positions = static_cast<double>(rotary.scaling.originalMaxPositions);
    return static_cast<double>(rotary.dim) * std::log(positions / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(rotary.theta));
}

/// Peng et al. 2023, "YaRN": as llama3, but blended by the pair's number.
at::Tensor scaleYarn(const at::Tensor& frequencies, const Rotary& rotary) {
    const RopeScaling& scaling = rotary.scaling;
    double low = pairOfRotations(scaling.betaFast, rotary), high = pairOfRotations(scaling.betaSlow, rotary);
    if (scaling.wholeDimensions) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, static_cast<double>(rotary.dim - 1));
    if (low == high) {
        high += 0.001;
    }
    const at::Tensor slowed = ((at::arange(rotary.dim / 2, at::kFloat) - low) / (high - low)).clamp(0, 1);
    return frequencies / scaling.factor * slowed + frequencies * (1 - slowed);
}

/// Ding et al. 2024, "LongRoPE": a factor of its own for every pair.
at::Tensor slowedBy(const at::Tensor& wavelengths, const std::vector<double>& factors) {
    return (wavelengths * at::tensor(factors, at::kFloat)).reciprocal();
}

}  // namespace

RotaryAngles::RotaryAngles(const Rotary& rotary, at::Device device) : rotary_(rotary) {
    const at::Tensor wavelengths = at::pow(rotary.theta, exponents(rotary.dim));  // over 2π
    at::Tensor frequencies = wavelengths.reciprocal();
    switch (rotary.scaling.kind) {
        case Kind::None:
        case Kind::Dynamic:
            break;
        case Kind::Linear:
            frequencies = frequencies / rotary.scaling.factor;
            break;
        case Kind::Llama3:
            frequencies = scaleLlama3(frequencies, rotary.scaling);
            break;
        case Kind::Yarn:
            frequencies = scaleYarn(frequencies, rotary);
            break;
        case Kind::LongRope:
            longFrequencies_ = slowedBy(wavelengths, rotary.scaling.longFactors).to(device, at::kDouble);
            frequencies = slowedBy(wavelengths, rotary.scaling.shortFactors);
            break;
    }
    frequencies_ = frequencies.to(device, at::kDouble);
}

bool RotaryAngles::dependsOnLength() const {
    return rotary_.scaling.kind == Kind::Dynamic || rotary_.scaling.kind == Kind::LongRope;
}

RotaryTable RotaryAngles::table(const at::Tensor& positions, const at::Tensor& lengths, at::ScalarType type) const {
    const auto original = static_cast<double>(rotary_.scaling.originalMaxPositions);
    at::Tensor frequencies = frequencies_;
    if (rotary_.scaling.kind == Kind::LongRope) {
        frequencies = at::where((lengths > original).unsqueeze(-1), longFrequencies_, frequencies_);
    } else if (rotary_.scaling.kind == Kind::Dynamic) {
        // A longer sequence is as if trained with a larger theta.
        const double factor = rotary_.scaling.factor;
        const auto dim = static_cast<double>(rotary_.dim);
        const at::Tensor length = lengths.to(at::kDouble).clamp_min(original);
        const at::Tensor theta = rotary_.theta * (factor * length / original - (factor - 1)).pow(dim / (dim - 2));
        frequencies = theta.unsqueeze(-1).pow(-exponents(rotary_.dim).to(positions.device(), at::kDouble));
    }
    const at::Tensor angles = (positions.to(at::kDouble).unsqueeze(-1) * frequencies).unsqueeze(1);
    const double amplitude = rotary_.scaling.amplitude;
    return {(angles.cos() * amplitude).to(type), (angles.sin() * amplitude).to(type)};
}

at::Tensor RotaryAngles::rotate(const at::Tensor& x, const RotaryTable& table) const {
    const std::int64_t rest = x.size(-1) - rotary_.dim;
    const at::Tensor turning = rest > 0 ? x.narrow(-1, 0, rotary_.dim) : x;
    at::Tensor turned;
    if (rotary_.adjacent) {
        const at::Tensor even = turning.slice(-1, 0, std::nullopt, 2), odd = turning.slice(-1, 1, std::nullopt, 2);
        turned =
            at::stack({even * table.cosine - odd * table.sine, odd * table.cosine + even * table.sine}, -1).flatten(-2);
    } else {
        const auto halves = turning.chunk(2, -1);
        turned = at::cat(
            {halves[0] * table.cosine - halves[1] * table.sine, halves[1] * table.cosine + halves[0] * table.sine}, -1);
    }
    return rest > 0 ? at::cat({turned, x.narrow(-1, rotary_.dim, rest)}, -1) : turned;
}

}  // namespace prefbench::model
