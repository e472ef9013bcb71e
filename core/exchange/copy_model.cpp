#include <QFile>
#include <filesystem>
#include <system_error>

#include "core/exchange/export.h"
#include "core/files/durable_file.h"
#include "core/files/model_folder.h"

namespace prefbench::exchange {

namespace fs = std::filesystem;

namespace {

void copyFile(const fs::path& from, const fs::path& folder) {
    const fs::path to = folder / from.filename();
    std::error_code error;
    fs::copy_file(from, to, error);
    if (error) {
        throw Error(to.string() + ": cannot be written: " + error.message());
    }
    files::syncPath(to);
}

/// An adapter is copied without its base, which is then named by its absolute path.
void copyAdapterFiles(const files::ModelFolder& model, const fs::path& folder) {
    const std::string base = fs::absolute(model.folder).lexically_normal().string();
    files::writeDurably(folder / "adapter_config.json", files::adapterConfigText(model.adapter->config, base));
    copyFile(model.adapter->weightFile, folder);
    for (const fs::path& file : files::companionFiles(model.adapter->folder)) {
        copyFile(file, folder);
    }
}

void copyModelFiles(const files::ModelFolder& model, const fs::path& folder) {
    if (model.adapter) {
        copyAdapterFiles(model, folder);
        return;
    }
    copyFile(model.folder / "config.json", folder);
    for (const fs::path& file : model.weightFiles) {
        copyFile(file, folder);
    }
    const fs::path index = model.folder / "model.safetensors.index.json";
    if (model.weightFiles.size() > 1 || model.weightFiles.front().filename() != "model.safetensors") {
        copyFile(index, folder);
    }
    for (const fs::path& file : files::companionFiles(model.folder)) {
        copyFile(file, folder);
    }
}

void requireFree(const fs::path& folder) {
    std::error_code error;
    if (!fs::exists(folder, error)) {
        return;
    }
    if (!fs::is_directory(folder, error) || !fs::is_empty(folder, error) || error) {
        throw Error(folder.string() + ": must be a new or an empty folder");
    }
}

}  // namespace

void exportModel(const QString& modelFolder, const QString& folder) {
    const files::ModelFolder model = files::openModelFolder(QFile::encodeName(modelFolder).toStdString());
    fs::path target = fs::absolute(QFile::encodeName(folder).toStdString()).lexically_normal();
    if (!target.has_filename()) {
        target = target.parent_path();  // "folder/"
    }
    requireFree(target);
    // Under another name first: what stands under the name asked for is whole.
    const fs::path temporary = target.parent_path() / ("." + target.filename().string() + ".partial");
    std::error_code error;
    fs::remove_all(temporary, error);
    fs::create_directories(temporary, error);
    if (error) {
        throw Error(target.string() + ": cannot be created: " + error.message());
    }
    try {
        copyModelFiles(model, temporary);
        fs::rename(temporary, target);
        files::syncPath(target.parent_path());
    } catch (const fs::filesystem_error& failure) {
        fs::remove_all(temporary, error);
        throw Error(target.string() + ": cannot be created: " + failure.code().message());
    } catch (...) {
        fs::remove_all(temporary, error);
        throw;
    }
}

}  // namespace prefbench::exchange
