#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files/adapter_folder.h"
#include "core/files/json.h"

namespace prefbench::files {

/// A Hugging Face model folder as far as it can be known without loading it; of an adapter the base model's, with the
/// adapter that is laid over it.
struct ModelFolder {
    std::filesystem::path folder;
    OrderedJson config;  ///< config.json, unknown keys kept
    std::vector<std::filesystem::path>
        weightFiles;                  ///< model.safetensors, or the shards that the index names, each once
    std::string modelType;            ///< config's model_type
    std::filesystem::path tokenizer;  ///< where the tokenizer's files are: files::tokenizerFolder
    std::optional<AdapterFolder> adapter{};
    bool relativeBase = false;  ///< the adapter's base was named relative to its folder
};

/// Reads config.json and finds the weight files. Errors in one line: folder missing, config.json missing or not an
/// object, no model_type, no safetensors (PyTorch .bin files are refused: they can hold code), an indexed shard
/// missing. `folder` may be a PEFT adapter's, with the errors of openAdapterFolder; `base` then says where its base
/// model is, in the place of what the adapter says.
ModelFolder openModelFolder(const std::filesystem::path& folder, const std::filesystem::path& base = {});

/// openModelFolder, and the headers of the weight files too: a truncated or damaged file is an Error in one line. Reads
/// no weights, so it is quick for any model.
ModelFolder checkModelFolder(const std::filesystem::path& folder);

/// Every file beside the weights that a saved copy of the model carries along unchanged (tokenizer.json,
/// tokenizer_config.json, special_tokens_map.json, vocab.json, merges.txt, tokenizer.model, generation_config.json,
/// chat_template.jinja, added_tokens.json).
std::vector<std::filesystem::path> companionFiles(const std::filesystem::path& folder);

/// SHA-256 over the weight files' bytes, in name order; of an adapter also over its own and its configuration, wherever
/// the base is.
std::string weightsHash(const ModelFolder& model);
/// SHA-256 over the tokenizer's files (tokenizer.json, tokenizer.model, tokenizer_config.json, chat_template.jinja),
/// those that exist.
std::string tokenizerHash(const std::filesystem::path& folder);

}  // namespace prefbench::files
