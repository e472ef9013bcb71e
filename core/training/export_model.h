#pragma once

#include <filesystem>

namespace prefbench::training {

/// Copies a run's model as a plain Hugging Face folder to `target`, which must not exist (an empty folder may):
/// `source` is a run directory (its final model) or one of its checkpoints/NAME. Optimizer state and bookkeeping stay
/// behind. Error when the source is damaged or there is none yet; `target` then does not exist.
void exportModel(const std::filesystem::path& source, const std::filesystem::path& target);

}  // namespace prefbench::training
