#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/contract/run_spec.h"
#include "core/files/available_memory.h"
#include "core/files/model_folder.h"
#include "core/model/architecture.h"
#include "core/training/dataset.h"

namespace prefbench::training {

/// Bytes that a training run takes at its peak, by what takes them.
struct MemoryNeed {
    std::int64_t program = 0;     ///< LibTorch with its kernels' buffers, and the data
    std::int64_t parameters = 0;  ///< with their rounded copies, where a run has any
    std::int64_t gradients = 0, moments = 0;
    std::int64_t activations = 0;  ///< of the longest batch: what the backward pass needs, masks, logits
    std::int64_t batchTokens = 0;  ///< in that batch

    std::int64_t total() const { return program + parameters + gradients + moments + activations; }
};

/// What a run is measured by.
struct MemoryShape {
    const contract::RunSpec& spec;
    const model::Architecture& architecture;
    std::int64_t tokenBudget = 0;
    const Dataset& train;
    std::int64_t adapter = 0;  ///< numbers in the adapter that the run starts from; 0: it starts from none
};
MemoryNeed estimateMemory(const MemoryShape& shape);

/// Numbers in the weights that the run trains: the model's, a tied head counted once, or an adapter's.
std::int64_t trainedParameters(const MemoryShape& shape);

/// Numbers in the folder's adapter; 0 where it is a whole model.
std::int64_t adapterSize(const files::ModelFolder& folder);

/// Estimated bytes of activations that training keeps for one token, without checkpointing and dropout; the head aside.
std::int64_t activationBytesPerToken(const model::Architecture& architecture);

/// Error when the run does not fit, in one line with the figures and the setting that would make it fit.
void requireMemory(const MemoryShape& shape, const files::MemoryAvailable& available);

/// "1.2 GB"
std::string gigabytes(std::int64_t bytes);

}  // namespace prefbench::training
