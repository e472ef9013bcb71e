#pragma once

#include "core/contract/run_directory.h"

namespace prefbench::cli {

/// Prints a line a second on standard error about the run until it is over (finished, failed, stopped or interrupted),
/// running an event loop; returns its last status. The run does not depend on anybody waiting.
contract::RunStatus waitForRun(const contract::RunDirectory& run);

/// Error unless the run finished: its own reason, or what became of it.
void requireFinished(const contract::RunDirectory& run, const contract::RunStatus& status);

}  // namespace prefbench::cli
