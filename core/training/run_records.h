#pragma once

#include <cstdint>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/training/evaluation.h"
#include "core/training/trainer.h"

namespace prefbench::training {

/// The records of metrics.jsonl (docs/run-directory.md): of a step that took `seconds`, after which `epochs` are done,
contract::MetricRecord recordOf(const StepReport& report, double epochs, double seconds);
/// and of an evaluation on `dataset` after `step` steps.
contract::MetricRecord recordOf(const Evaluation& evaluation, std::int64_t step, const Dataset& dataset);

/// Whether metrics.jsonl, as a reader sees it, has the evaluation after `step` steps.
bool hasEvaluation(const contract::RunDirectory& run, std::int64_t step);

}  // namespace prefbench::training
