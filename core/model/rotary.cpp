#include "core/model/rotary.h"

#include <numbers>

namespace prefbench::model {
namespace {

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

}  // namespace

at::Tensor rotaryFrequencies(const Architecture& architecture) {
    const at::Tensor exponents =
        at::arange(0, architecture.headDim, 2, at::kFloat) / static_cast<double>(architecture.headDim);
    const at::Tensor frequencies = at::pow(architecture.ropeTheta, exponents).reciprocal();
    const bool scaled = architecture.ropeScaling.kind == RopeScaling::Kind::Llama3;
    return (scaled ? scaleLlama3(frequencies, architecture.ropeScaling) : frequencies).to(at::kDouble);
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
