#pragma once

#include <filesystem>
#include <string>

#include "core/files/json.h"

namespace prefbench::files {

/// A PEFT adapter's folder as far as it can be known without loading it: what is laid over a base model.
struct AdapterFolder {
    std::filesystem::path folder;
    OrderedJson config;                ///< adapter_config.json, unknown keys kept
    std::filesystem::path weightFile;  ///< adapter_model.safetensors

    std::filesystem::path configFile() const { return folder / "adapter_config.json"; }
};

bool isAdapterFolder(const std::filesystem::path& folder);

/// Errors in one line: adapter_config.json is no object, no adapter_model.safetensors (PyTorch's .bin is refused: it
/// can hold code). The base is not looked for.
AdapterFolder openAdapterFolder(const std::filesystem::path& folder);

/// The base model's folder: `base` where that is given, else base_model_name_or_path, which may be relative to the
/// adapter's folder. Error when there is no such folder, or when it is an adapter itself.
std::filesystem::path baseFolderOf(const AdapterFolder& adapter, const std::filesystem::path& base);

/// Where the tokenizer's files of the model in `folder` are: there, or where an adapter has none of its own, with its
/// base. Error as baseFolderOf.
std::filesystem::path tokenizerFolder(const std::filesystem::path& folder, const std::filesystem::path& base = {});

/// adapter_config.json's text with another base_model_name_or_path.
std::string adapterConfigText(OrderedJson config, const std::string& baseName);

}  // namespace prefbench::files
