#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/contract/run_directory.h"
#include "core/training/trainer.h"

namespace prefbench::training {

/// trainer.json: what a checkpoint holds beside weights and optimizer.
struct CheckpointState {
    std::int64_t step = 0;
    std::int64_t skippedInARow = 0;
    std::string lastFinite = "none";  ///< of the steps: its number and loss, for people
    std::optional<double> evalLoss;   ///< of the last evaluation before it; what "best" goes by

    bool operator==(const CheckpointState&) const = default;
};

/// Writes checkpoints/step-NNNNNN: the model (or its adapter) as a Hugging Face folder, optimizer.safetensors,
/// trainer.json, manifest.json. One that is there already, whole and of this state, is kept. Afterwards all but the
/// newest three and the one with the lowest evaluation loss are removed. Returns its folder.
std::filesystem::path writeCheckpoint(const contract::RunDirectory& run, const Trainer& trainer,
                                      const CheckpointState& state);

struct FoundCheckpoint {
    std::filesystem::path folder;
    CheckpointState state;
};
/// The newest checkpoint that is whole: its manifest verifies and lists all that resuming needs. `onDamaged` is told of
/// each that does not.
std::optional<FoundCheckpoint> newestCheckpoint(const contract::RunDirectory& run,
                                                const std::function<void(const std::string&)>& onDamaged);

/// Bytes that the rest of a run with a checkpoint every `saveEvery` steps (0: only the last) adds on disk, with room to
/// write one checkpoint beside those kept.
std::uint64_t bytesToWrite(const contract::RunDirectory& run, const Trainer& trainer, std::int64_t saveEvery);

std::filesystem::path optimizerFile(const std::filesystem::path& checkpoint);

/// Checkpoints kept in a run directory: the newest, and the best beside them.
inline constexpr std::int64_t kNewestKept = 3;

}  // namespace prefbench::training
