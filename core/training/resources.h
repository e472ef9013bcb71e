#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/contract/run_directory.h"
#include "core/contract/run_spec.h"
#include "core/files/json.h"
#include "core/files/model_folder.h"
#include "core/model/architecture.h"
#include "core/model/lora_config.h"
#include "core/model/torch.h"
#include "core/model/transformer.h"

namespace prefbench::training {

/// Choices that a run makes once, by looking at the machine and the model, and keeps: run.json's "resolved".
struct Resolved {
    std::int64_t threads = 1;
    std::int64_t tokenBudget = 4096;
    std::int64_t evalEvery = 1;  ///< steps
};

/// {"forward": "blas", "input_gradient": …, "weight_gradient": …, "head": {the same of the head}}
files::OrderedJson toJson(const model::ModelLibraries& libraries);
/// Which library multiplies: from `spec.resolved`, or measured with `model` and added there.
model::ModelLibraries resolveLibraries(contract::RunSpec& spec, const model::Transformer& model);

/// Takes them from `spec.resolved`; what is not there is chosen and added, together with the versions that chose.
Resolved resolve(contract::RunSpec& spec, const model::Architecture& architecture, std::int64_t totalSteps);

/// Tokens that a sequence may have: `maxLength` (0: no limit), and no more than the model has positions.
std::int64_t sequenceLimit(std::int64_t maxLength, const model::Architecture& architecture);

/// Tokens whose activations fit a fixed share of memory (1 GiB) for this model.
std::int64_t tokenBudgetFor(const model::Architecture& architecture);

/// Cores, not hyper-threads, that this process may run on.
std::int64_t physicalCores();
/// Most memory this process has had resident so far.
std::int64_t peakMemoryBytes();

/// A path of run.json, which may be relative to the run directory.
std::filesystem::path resolvePath(const contract::RunDirectory& run, const std::filesystem::path& path);

/// The model that a run starts from. Error as openModelFolder, or when it is an adapter that the settings ask to be of
/// another rank.
files::ModelFolder openStartModel(const contract::RunDirectory& run, const contract::RunSpec& spec);
/// Of a fresh adapter.
model::LoraSettings loraSettings(const contract::Hyperparameters& hyperparameters);

at::Device deviceNamed(const std::string& name);
/// What a run's `dtype` stands for.
struct Precision {
    at::ScalarType weights = at::kFloat;   ///< also of gradients, moments and all that is not a product
    at::ScalarType products = at::kFloat;  ///< of what products multiply
};
Precision precisionNamed(const std::string& dtype);

}  // namespace prefbench::training
