#include "core/model/rotary.h"

#include <cmath>
#include <numbers>

namespace prefbench::model {
namespace {

/// Slow waves are slowed by `factor`, fast ones kept, those between blended.
double scaleLlama3(double frequency, const RopeScaling& scaling) {
    const double turns = static_cast<double>(scaling.originalMaxPositions) * frequency / (2 * std::numbers::pi);
    if (turns < scaling.lowFrequencyFactor) {
        return frequency / scaling.factor;
    }
    if (turns > scaling.highFrequencyFactor) {
        return frequency;
    }
    const double blend =
        (turns - scaling.lowFrequencyFactor) / (scaling.highFrequencyFactor - scaling.lowFrequencyFactor);
    return (1 - blend) * frequency / scaling.factor + blend * frequency;
}

}  // namespace

std::vector<double> rotaryFrequencies(const Architecture& architecture) {
    std::vector<double> frequencies;
    for (std::int64_t i = 0; i < architecture.headDim; i += 2) {
        const double exponent = static_cast<double>(i) / static_cast<double>(architecture.headDim);
        const double frequency = std::pow(architecture.ropeTheta, -exponent);
        frequencies.push_back(architecture.ropeScaling.kind == RopeScaling::Kind::Llama3
                                  ? scaleLlama3(frequency, architecture.ropeScaling)
                                  : frequency);
    }
    return frequencies;
}

RotaryTable rotaryTable(const at::Tensor& frequencies, const at::Tensor& positions, at::ScalarType type) {
    const at::Tensor angles = positions.to(at::kDouble).view({-1, 1, 1}) * frequencies;
    return {angles.cos().to(type), angles.sin().to(type)};
}

at::Tensor rotate(const at::Tensor& x, const RotaryTable& table) {
    const auto halves = x.chunk(2, -1);
    return at::cat(
        {halves[0] * table.cosine - halves[1] * table.sine, halves[1] * table.cosine + halves[0] * table.sine}, -1);
}

}  // namespace prefbench::model
