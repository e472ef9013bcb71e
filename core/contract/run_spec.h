#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/contract/sampling.h"
#include "core/files/json.h"

namespace prefbench::contract {

/// Training settings; JSON keys are TRL's names (learning_rate, per_device_train_batch_size → batch_size …, see
/// run_spec.cpp's table, which is also what `--set KEY=VALUE` and docs/run-directory.md list).
struct Hyperparameters {
    double beta = 0.1;
    double labelSmoothing = 0;
    std::string divergence = "reverse_kl";  ///< reverse_kl, forward_kl, js_divergence, alpha_divergence
    double divergenceAlpha = 0.5;
    double lengthAlpha = 1;   ///< weight of tokens past the end of the pair's shorter completion; LD-DPO
    double simpoGamma = 0.5;  ///< margin that simpo asks for
    double nllWeight = 1;     ///< of the chosen completions' likelihood in cpo… and orpo
    double discopopTau = 0.05;
    std::string ties = "drop";  ///< drop, or soft: labels of probability ½; decided when the data is written
    double strengthGamma = 1;   ///< dpo_margin: margin asked for a unit of strength
    double desirableWeight = 1, undesirableWeight = 1;  ///< kto: of chosen and of rejected completions
    std::vector<double> lossWeights = {0.8, 0.2, 1};    ///< mpo: of dpo, bco_pair and the likelihood
    double learningRate = 1e-4;
    std::string schedule = "linear";  ///< linear, cosine, constant, constant_original; after warm-up
    std::int64_t warmupSteps = 0;
    std::int64_t batchSize = 16;  ///< pairs (or demonstrations) a micro-step
    std::int64_t gradientAccumulation = 1;
    double epochs = 1;
    std::int64_t maxSteps = 0;        ///< 0: by epochs
    double maxGradNorm = 1;           ///< 0 = no clipping
    std::string optimizer = "adamw";  ///< adamw, rmsprop
    double weightDecay = 0;
    double adamBeta1 = 0.9, adamBeta2 = 0.999, adamEpsilon = 1e-8;
    std::int64_t maxLength = 1024;  ///< tokens of prompt + completion, kept from the start; 0 = no limit
    bool shuffle = true;            ///< order drawn anew each epoch from the seed; else file order
    std::int64_t evalEvery = 0;  ///< steps; 0: about ten evaluations a run. Always one before step 1 and one at the end
    std::int64_t checkpointEvery = 0;    ///< steps; 0: only at the end
    std::int64_t evalSamples = 8;        ///< prompts answered at each evaluation for samples.jsonl
    double dropout = 0;                  ///< share of elements dropped in a training step wherever the family drops any
    bool gradientCheckpointing = false;  ///< the backward pass computes every layer anew
    std::int64_t loraRank = 0;           ///< r of LoRA; 0: all weights are trained
    double loraAlpha = 16, loraDropout = 0;
    std::string loraTargets = "all-linear";  ///< or PEFT's names of modules with commas between; see loraTargetNames

    bool operator==(const Hyperparameters&) const = default;
};

/// run.json: what a run is to do. Paths are absolute or relative to the run directory.
struct RunSpec {
    std::string id;               ///< UUID
    std::string name;             ///< what people call it
    std::string created;          ///< ISO 8601, UTC
    std::string method = "dpo";   ///< one of methodNames()
    std::filesystem::path model;  ///< Hugging Face folder the policy starts from; also the reference
    std::filesystem::path base;   ///< of `model` where that is an adapter; empty: as the adapter says
    std::string modelHash;        ///< SHA-256 of its weights; empty = not checked
    Hyperparameters hyperparameters;
    SamplingSettings sampling;  ///< for samples.jsonl
    std::string device = "auto", dtype = "float32";
    std::int64_t threads = 0;  ///< 0 = physical cores
    std::uint64_t seed = 0;
    files::OrderedJson resolved =
        files::OrderedJson::object();  ///< choices made by measurement; written by the engine once
    files::OrderedJson unknown = files::OrderedJson::object();  ///< keys we don't know, kept
};

files::OrderedJson toJson(const RunSpec& spec);
/// Errors name `what` (the file), the key, the value and the rule.
RunSpec runSpecFromJson(const files::OrderedJson& json, const std::string& what);

/// Applies "KEY=VALUE" to the spec's hyperparameters (and seed, dtype, device, threads); Error for an unknown key or a
/// bad value.
void applySetting(RunSpec& spec, const std::string& assignment);
/// The names that lora_target_modules lists; none: all linear layers but the head.
std::vector<std::string> loraTargetNames(const Hyperparameters& hyperparameters);
/// Every method that a run may name.
const std::vector<std::string>& methodNames();
/// Names of every key that applySetting takes, in order.
std::vector<std::string> settingNames();
/// Throws Error naming key, value and rule.
void check(const RunSpec& spec);

}  // namespace prefbench::contract
