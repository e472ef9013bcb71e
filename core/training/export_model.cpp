#include "core/training/export_model.h"

#include <set>
#include <string>
#include <system_error>

#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/training/durable_folder.h"

namespace prefbench::training {
namespace {

std::filesystem::path modelFolderOf(const std::filesystem::path& source) {
    if (std::filesystem::exists(source / kManifestName)) {
        return source;
    }
    const contract::RunDirectory run{source};
    if (!std::filesystem::exists(run.spec())) {
        throw Error(source.string() + ": neither a run directory nor a checkpoint");
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

}  // namespace

void exportModel(const std::filesystem::path& source, const std::filesystem::path& target) {
    const std::filesystem::path folder = modelFolderOf(source);
    if (const auto defect = folderDefect(folder)) {
        throw Error(*defect);
    }
    if (std::filesystem::exists(target) && !std::filesystem::is_empty(target)) {
        throw Error(target.string() + ": exists and is not an empty folder");
    }
    writeFolderDurably(
        std::filesystem::absolute(target),
        [&](const std::filesystem::path& partial) {
            for (const auto& entry : std::filesystem::directory_iterator(folder)) {
                const std::string name = entry.path().filename().string();
                if (!isBookkeeping(name)) {
                    std::filesystem::copy_file(entry.path(), partial / name);
                }
            }
        },
        Manifest::No);
}

}  // namespace prefbench::training
