#pragma once

#include "core/contract/run_directory.h"
#include "core/files/json.h"

namespace prefbench::training {

/// What a run would train on, without loading the model's weights: {"method","pairs","eval_pairs","tokens_p50",
/// "tokens_max","truncated","dropped","duplicates","steps","trained_parameters","estimated_memory_bytes",
/// "available_memory_bytes","checkpoint_bytes"}; token counts are of a whole example, prompt once; memory as training
/// measures itself by (memory.h). Error as training would give it for settings, data or a model folder that it refuses.
files::OrderedJson preflight(const contract::RunDirectory& run);

}  // namespace prefbench::training
