#pragma once

#include <atomic>

#include "core/contract/run_directory.h"

namespace prefbench::training {

/// Carries out the run directory `run` (docs/run-directory.md) and returns how it ended: finished, or stopped by a
/// request or by `stop` being set (asked between steps; a signal handler may set it). With `resume` it goes on from the
/// newest whole checkpoint, or begins anew where there is none. Error, with status failed and the message in it, when
/// it cannot be done; Error without touching the run when another process holds it or it has begun and `resume` is
/// false.
contract::RunState runTraining(const contract::RunDirectory& run, bool resume, const std::atomic<bool>& stop);

}  // namespace prefbench::training
