#pragma once

#include <cstdint>
#include <string>

namespace prefbench::training {

/// How the learning rate runs over a run of `totalSteps` optimizer steps: up from 0 over `warmupSteps`, then as `name`
/// says. The same numbers, bit for bit, as transformers' get_{linear,cosine,constant}_schedule_with_warmup; so the
/// first step under a warm-up has a learning rate of 0. constant_original warms up as the original DPO code does: step
/// n of the warm-up has n / (warmupSteps + 1) of the peak.
struct Schedule {
    std::string name = "linear";  ///< linear (to 0), cosine (half a wave, to 0), constant, constant_original
    double peak = 1e-4;
    std::int64_t warmupSteps = 0;
    std::int64_t totalSteps = 0;

    /// The learning rate used by the step that follows `stepsDone` steps.
    double learningRate(std::int64_t stepsDone) const;
};

/// Error naming the value when there is no schedule of that name.
void checkScheduleName(const std::string& name);

}  // namespace prefbench::training
