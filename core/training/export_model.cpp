#include "core/training/export_model.h"

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/model_folder.h"
#include "core/model/device.h"
#include "core/model/transformer.h"
#include "core/model/weights.h"
#include "core/training/durable_folder.h"

namespace prefbench::training {
namespace {

std::filesystem::path modelFolderOf(const std::filesystem::path& source) {
    const bool isModel = std::filesystem::exists(source / "config.json") || files::isAdapterFolder(source);
    if (isModel || std::filesystem::exists(source / kManifestName)) {
        return source;
    }
    const contract::RunDirectory run{source};
    if (!std::filesystem::exists(run.spec())) {
        throw Error(source.string() + ": neither a run directory, nor a checkpoint, nor a model folder");
    }
    if (!std::filesystem::exists(run.finalModel())) {
        throw Error(source.string() + ": this run has no final model yet; name one of its checkpoints (" +
                    run.checkpoints().string() + "/step-…)");
    }
    return run.finalModel();
}

bool isBookkeeping(const std::string& name) {
    static const std::set<std::string> names = {kManifestName, "trainer.json", "optimizer.safetensors"};
    return names.contains(name);
}

void copyFiles(const std::filesystem::path& folder, const std::filesystem::path& target) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (entry.is_regular_file() && !isBookkeeping(name)) {
            std::filesystem::copy_file(entry.path(), target / name);
            std::filesystem::permissions(target / name, std::filesystem::perms::owner_write,
                                         std::filesystem::perm_options::add);
        }
    }
}

/// The base is named by its absolute path: the copy stands elsewhere. A base that is not here keeps its name.
std::string baseNameFor(const files::AdapterFolder& adapter, const std::filesystem::path& base) {
    if (!base.empty()) {
        return std::filesystem::absolute(files::baseFolderOf(adapter, base)).lexically_normal().string();
    }
    try {
        return std::filesystem::absolute(files::baseFolderOf(adapter, {})).lexically_normal().string();
    } catch (const Error&) {
        const auto named = adapter.config.find("base_model_name_or_path");
        return named != adapter.config.end() && named->is_string() ? named->get<std::string>() : std::string();
    }
}

/// Nothing where it is empty.
std::optional<at::ScalarType> storedType(const std::string& dtype) {
    return dtype.empty() ? std::nullopt : std::optional(model::computeTypeFromName(dtype));
}

void convertTensors(const std::filesystem::path& from, const std::filesystem::path& to, at::ScalarType type) {
    const files::SafetensorsFile file = files::SafetensorsFile::open(from);
    std::vector<model::Parameter> tensors;
    std::vector<const model::Parameter*> pointers;
    tensors.reserve(file.tensors().size());
    for (const files::TensorInfo& info : file.tensors()) {
        pointers.push_back(&tensors.emplace_back(model::Parameter{
            info.name, model::readTensor(file, info, info.shape, "", type, model::WeightStorage::Owned)}));
    }
    model::saveTensorFile(to, pointers);
}

void writeAdapter(const std::filesystem::path& folder, const std::filesystem::path& target,
                  const ExportOptions& options) {
    const files::AdapterFolder adapter = files::openAdapterFolder(folder);
    copyFiles(folder, target);
    files::writeDurably(target / adapter.configFile().filename(),
                        files::adapterConfigText(adapter.config, baseNameFor(adapter, options.base)));
    if (const auto type = storedType(options.dtype)) {
        convertTensors(adapter.weightFile, target / adapter.weightFile.filename(), *type);
    }
}

void writeMerged(const files::ModelFolder& folder, const std::filesystem::path& target, const std::string& dtype) {
    const auto type = storedType(dtype).value_or(at::kFloat);
    model::Transformer transformer =
        model::Transformer::load(folder, at::kCPU, type == at::kDouble ? at::kDouble : at::kFloat);
    transformer.mergeAdapter();
    transformer.save(target, type);
}

void write(const std::filesystem::path& folder, const std::filesystem::path& target, const ExportOptions& options) {
    const bool isAdapter = files::isAdapterFolder(folder);
    if (options.merge && !isAdapter) {
        throw Error(folder.string() + ": no adapter, so that there is nothing to merge; export it without --merge");
    }
    if (options.merge) {
        writeMerged(files::openModelFolder(folder, options.base), target, options.dtype);
    } else if (isAdapter) {
        writeAdapter(folder, target, options);
    } else if (const auto type = storedType(options.dtype)) {
        model::Transformer::load(files::openModelFolder(folder), at::kCPU, *type).save(target);
    } else {
        copyFiles(folder, target);
    }
}

}  // namespace

void exportModel(const std::filesystem::path& source, const std::filesystem::path& target,
                 const ExportOptions& options) {
    const std::filesystem::path folder = modelFolderOf(source);
    if (std::filesystem::exists(folder / kManifestName)) {
        if (const auto defect = folderDefect(folder)) {
            throw Error(*defect);
        }
    }
    if (std::filesystem::exists(target) && !std::filesystem::is_empty(target)) {
        throw Error(target.string() + ": exists and is not an empty folder");
    }
    writeFolderDurably(
        std::filesystem::absolute(target),
        [&](const std::filesystem::path& partial) { write(folder, partial, options); }, Manifest::No);
}

}  // namespace prefbench::training
