#include "core/files/model_folder.h"

#include <set>
#include <system_error>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/safetensors.h"
#include "core/files/sha256.h"

namespace prefbench::files {

namespace {

namespace fs = std::filesystem;

bool isFile(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

/// The name of a PyTorch pickle in the folder; empty when there is none.
std::string pickledWeights(const fs::path& folder) {
    std::set<std::string> names;
    std::error_code ignored;
    for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored)) {
        const std::string extension = entry->path().extension().string();
        if (extension == ".bin" || extension == ".pt" || extension == ".pth" || extension == ".ckpt") {
            names.insert(entry->path().filename().string());
        }
    }
    return names.empty() ? std::string() : *names.begin();
}

/// The file names of an index, each once.
std::set<std::string> indexedNames(const fs::path& index) {
    const Json json = readJsonFile(index);
    const auto fail = [&index](const std::string& reason) { throw Error(index.string() + ": " + reason); };
    if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object() ||
        json["weight_map"].empty()) {
        fail("weight_map must be an object that names a file for each tensor");
    }
    std::set<std::string> names;
    for (const auto& [tensor, value] : json["weight_map"].items()) {
        if (!value.is_string()) {
            fail("tensor \"" + tensor + "\": expected a file name, found " + toLine(value));
        }
        const std::string name = value.get<std::string>();
        if (name.empty() || fs::path(name).filename() != fs::path(name) || name == "." || name == "..") {
            fail("\"" + name + "\" must be a file of the same folder");
        }
        names.insert(name);
    }
    return names;
}

std::vector<fs::path> shards(const fs::path& folder, const fs::path& index) {
    std::vector<fs::path> files;
    for (const std::string& name : indexedNames(index)) {
        files.push_back(folder / name);
        if (!isFile(files.back())) {
            throw Error(index.string() + ": names the shard " + name + ", which is missing from the folder");
        }
    }
    return files;
}

std::vector<fs::path> findWeights(const fs::path& folder) {
    const fs::path single = folder / "model.safetensors";
    if (isFile(single)) {
        return {single};
    }
    const fs::path index = folder / "model.safetensors.index.json";
    if (isFile(index)) {
        return shards(folder, index);
    }
    const std::string pickle = pickledWeights(folder);
    if (!pickle.empty()) {
        throw Error(folder.string() + ": holds " + pickle +
                    " but no model.safetensors; PyTorch files are refused because they can hold code: load the model "
                    "in transformers where you trust it and save it with save_pretrained(…, safe_serialization=True)");
    }
    throw Error(folder.string() + ": no model.safetensors and no model.safetensors.index.json");
}

std::vector<fs::path> existing(const fs::path& folder, std::initializer_list<const char*> names) {
    std::vector<fs::path> files;
    for (const char* name : names) {
        if (isFile(folder / name)) {
            files.push_back(folder / name);
        }
    }
    return files;
}

ModelFolder openPlainFolder(const fs::path& folder) {
    std::error_code ignored;
    if (!fs::exists(folder, ignored)) {
        throw Error(folder.string() + ": no such model folder");
    }
    if (!fs::is_directory(folder, ignored)) {
        throw Error(folder.string() + ": is not a folder; a model is a folder with config.json and model.safetensors");
    }
    const fs::path configFile = folder / "config.json";
    if (!isFile(configFile)) {
        throw Error(folder.string() + ": config.json is missing");
    }
    ModelFolder model;
    model.folder = folder;
    model.config = readOrderedJsonFile(configFile);
    if (!model.config.is_object()) {
        throw Error(configFile.string() + ": expected an object");
    }
    const auto type = model.config.find("model_type");
    if (type == model.config.end()) {
        throw Error(configFile.string() + ": model_type is missing");
    }
    if (!type->is_string() || type->get_ref<const std::string&>().empty()) {
        throw Error(configFile.string() + ": model_type must be a name, found " + toLine(*type));
    }
    model.modelType = type->get<std::string>();
    model.weightFiles = findWeights(folder);
    model.tokenizer = folder;
    return model;
}

}  // namespace

ModelFolder openModelFolder(const fs::path& folder, const fs::path& base) {
    if (!isAdapterFolder(folder)) {
        return openPlainFolder(folder);
    }
    AdapterFolder adapter = openAdapterFolder(folder);
    ModelFolder model = openPlainFolder(baseFolderOf(adapter, base));
    model.tokenizer = tokenizerFolder(folder, model.folder);
    model.relativeBase =
        base.empty() && fs::path(adapter.config.value("base_model_name_or_path", std::string())).is_relative();
    model.adapter = std::move(adapter);
    return model;
}

ModelFolder checkModelFolder(const fs::path& folder) {
    ModelFolder model = openModelFolder(folder);
    for (const fs::path& file : model.weightFiles) {
        SafetensorsFile::open(file);
    }
    if (model.adapter) {
        SafetensorsFile::open(model.adapter->weightFile);
    }
    return model;
}

std::vector<fs::path> companionFiles(const fs::path& folder) {
    return existing(folder,
                    {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.json", "merges.txt",
                     "tokenizer.model", "generation_config.json", "chat_template.jinja", "added_tokens.json"});
}

std::string weightsHash(const ModelFolder& model) {
    std::set<fs::path> ordered(model.weightFiles.begin(), model.weightFiles.end());
    Sha256 hash;
    for (const fs::path& file : ordered) {
        updateFromFile(hash, file);
    }
    if (model.adapter) {
        updateFromFile(hash, model.adapter->weightFile);
        hash.update(adapterConfigText(model.adapter->config, {}));
    }
    return hash.hex();
}

std::string tokenizerHash(const fs::path& folder) {
    Sha256 hash;
    for (const fs::path& file :
         existing(folder, {"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "chat_template.jinja"})) {
        // Name and size keep apart the same bytes split differently over files.
        const std::string bytes = readFile(file);
        hash.update(file.filename().string() + " " + std::to_string(bytes.size()) + "\n");
        hash.update(bytes);
    }
    return hash.hex();
}

}  // namespace prefbench::files
