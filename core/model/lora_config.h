#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/json.h"

namespace prefbench::model {

/// Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models": what a fresh adapter is to be.
struct LoraSettings {
    std::int64_t rank = 8;
    double alpha = 16;
    double dropout = 0;                  ///< share of a layer's inputs that the adapter does not see in training
    std::vector<std::string> targets{};  ///< PEFT's names of modules; none: all linear layers but the head
};

/// As PEFT matches them: a target is a module's whole name, or its end after a dot.
bool isTarget(const std::string& module, const std::string& target);

/// The modules, in their order, that the targets name; all of them where there are no targets. Error that starts with
/// `what` for a target that names none, with what there is.
std::vector<std::string> targetModules(const std::vector<std::string>& modules, const std::vector<std::string>& targets,
                                       const std::string& what);

/// What an adapter_config.json says that changes what the model computes.
struct LoraConfig {
    std::int64_t rank = 0;
    double scale = 0;                    ///< α / r, or α / √r where it says use_rslora
    std::vector<std::string> targets{};  ///< where they are a list; none: all linear layers, or a pattern's
    bool targetsAreKnown = false;        ///< not a pattern
};

/// Error that names the file, key and value for what is no LoRA, and for variants of it that are not known here (DoRA,
/// ranks by pattern, whole modules saved beside it, …).
LoraConfig loraConfigFrom(const files::OrderedJson& config, const std::string& file);

/// adapter_config.json of a fresh adapter as PEFT 0.21 reads it, without base_model_name_or_path. `targets` are the
/// names to write; `inputByOutput`: linear layers are stored as the Conv1D of the original GPT-2 code.
files::OrderedJson loraConfigJson(const LoraSettings& settings, const std::vector<std::string>& targets,
                                  bool inputByOutput);

}  // namespace prefbench::model
