#include "core/files/adapter_folder.h"

#include <system_error>

#include "core/files/error.h"

namespace prefbench::files {

namespace {

namespace fs = std::filesystem;

constexpr const char* kBaseKey = "base_model_name_or_path";

bool isFile(const fs::path& path) {
    std::error_code ignored;
    return fs::is_regular_file(path, ignored);
}

bool isFolder(const fs::path& path) {
    std::error_code ignored;
    return fs::is_directory(path, ignored);
}

fs::path namedBase(const AdapterFolder& adapter) {
    const auto named = adapter.config.find(kBaseKey);
    if (named == adapter.config.end() || !named->is_string() || named->get_ref<const std::string&>().empty()) {
        throw Error(adapter.configFile().string() + ": " + kBaseKey + " must name the base model; name it with --base");
    }
    const fs::path base = named->get<std::string>();
    const fs::path folder = base.is_absolute() ? base : (adapter.folder / base).lexically_normal();
    if (!isFolder(folder)) {
        throw Error(adapter.configFile().string() + ": " + kBaseKey + " is \"" + base.string() +
                    "\", but there is no " + "folder " + folder.string() +
                    "; name the base model's folder with --base");
    }
    return folder;
}

}  // namespace

bool isAdapterFolder(const fs::path& folder) {
    return isFile(folder / "adapter_config.json");
}

AdapterFolder openAdapterFolder(const fs::path& folder) {
    AdapterFolder adapter;
    adapter.folder = folder;
    adapter.config = readOrderedJsonFile(adapter.configFile());
    if (!adapter.config.is_object()) {
        throw Error(adapter.configFile().string() + ": expected an object");
    }
    adapter.weightFile = folder / "adapter_model.safetensors";
    if (!isFile(adapter.weightFile)) {
        const bool pickled = isFile(folder / "adapter_model.bin");
        throw Error(folder.string() + ": no adapter_model.safetensors" +
                    (pickled ? "; adapter_model.bin is refused because PyTorch files can hold code: load the adapter "
                               "in peft where you trust it and save it with save_pretrained"
                             : ""));
    }
    return adapter;
}

fs::path baseFolderOf(const AdapterFolder& adapter, const fs::path& base) {
    if (!base.empty() && !isFolder(base)) {
        throw Error(base.string() + ": no such folder for the base model of " + adapter.folder.string());
    }
    const fs::path folder = base.empty() ? namedBase(adapter) : base;
    if (isAdapterFolder(folder)) {
        throw Error(adapter.configFile().string() + ": the base model " + folder.string() +
                    " is an adapter itself; merge that one first (export --merge)");
    }
    return folder;
}

fs::path tokenizerFolder(const fs::path& folder, const fs::path& base) {
    const bool ownTokenizer = isFile(folder / "tokenizer.json") || isFile(folder / "tokenizer.model");
    return ownTokenizer || !isAdapterFolder(folder) ? folder : baseFolderOf(openAdapterFolder(folder), base);
}

std::string adapterConfigText(OrderedJson config, const std::string& baseName) {
    config[kBaseKey] = baseName;
    return config.dump(2) + "\n";
}

}  // namespace prefbench::files
