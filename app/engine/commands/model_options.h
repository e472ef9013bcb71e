#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "core/model/panel_kernels.h"
#include "core/model/transformer.h"
#include "core/text/conversation.h"

namespace prefbench::engine {

/// Which model, and how it is computed.
struct ModelOptions {
    std::string folder;
    std::string base;  ///< of an adapter; empty: as the adapter says
    std::string device = "auto";
    std::string dtype = "float32";
    std::int64_t threads = 0;
    bool decodes = false;  ///< the command draws tokens: then dtype may be int8
};

/// Adds addFolderOptions', --device, --dtype and --threads.
void addModelOptions(CLI::App& command, ModelOptions& options);

struct LoadedModel {
    std::shared_ptr<const text::Tokenizer> tokenizer;
    text::Conversations conversations;
    model::Transformer transformer;
    model::WeightFormat weights = model::WeightFormat::Float32;  ///< of the products of decoding
};

/// Sets the process's threads, then loads all of it. A folder without a chat template is no Error here. Throws Error.
LoadedModel loadModel(const ModelOptions& options);

}  // namespace prefbench::engine
