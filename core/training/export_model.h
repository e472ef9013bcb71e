#pragma once

#include <filesystem>
#include <string>

namespace prefbench::training {

struct ExportOptions {
    bool merge = false;          ///< an adapter with its base as one plain model
    std::string dtype{};         ///< float32, float16, bfloat16, float64; empty: as it is stored (merged: float32)
    std::filesystem::path base;  ///< of an adapter; empty: as the adapter says
};

/// Writes a run's model as a plain Hugging Face folder, or its adapter as a PEFT folder, to `target`, which must not
/// exist (an empty folder may): `source` is a run directory (its final model), one of its checkpoints/NAME, or any
/// model folder. Optimizer state and bookkeeping stay behind. Error when the source is damaged, there is none yet, or
/// there is no adapter to merge; `target` then does not exist.
void exportModel(const std::filesystem::path& source, const std::filesystem::path& target,
                 const ExportOptions& options = {});

}  // namespace prefbench::training
