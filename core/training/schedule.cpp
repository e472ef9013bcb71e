#include "core/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/files/error.h"

namespace prefbench::training {
namespace {

constexpr const char* kOriginal = "constant_original";

using Shape = double (*)(double stepsSinceWarmup, double stepsAfterWarmup);

// The order of the operations is that of transformers' optimization.py: another one differs in the last bit.
double linearShape(double since, double after) {
    return std::max(0.0, (after - since) / std::max(1.0, after));
}

double cosineShape(double since, double after) {
    const double progress = since / std::max(1.0, after);
    return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * 0.5 * 2.0 * progress)));
}

double constantShape(double, double) {
    return 1;
}

Shape shapeNamed(const std::string& name) {
    static constexpr std::pair<const char*, Shape> table[] = {
        {"linear", linearShape}, {"cosine", cosineShape}, {"constant", constantShape}, {kOriginal, constantShape}};
    for (const auto& [known, shape] : table) {
        if (name == known) {
            return shape;
        }
    }
    throw Error("lr_scheduler_type \"" + name +
                "\" is not known; known are linear, cosine, constant, constant_original");
}

}  // namespace

void checkScheduleName(const std::string& name) {
    shapeNamed(name);
}

double Schedule::learningRate(std::int64_t stepsDone) const {
    const Shape shape = shapeNamed(name);
    if (name == kOriginal) {
        return peak * std::min(1.0, static_cast<double>(stepsDone + 1) / static_cast<double>(warmupSteps + 1));
    }
    if (stepsDone < warmupSteps) {
        return peak * (static_cast<double>(stepsDone) / static_cast<double>(std::max<std::int64_t>(1, warmupSteps)));
    }
    return peak * shape(static_cast<double>(stepsDone - warmupSteps), static_cast<double>(totalSteps - warmupSteps));
}

}  // namespace prefbench::training
