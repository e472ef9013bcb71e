#include "core/training/checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <system_error>
#include <vector>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/training/durable_folder.h"

namespace prefbench::training {
namespace {

constexpr const char* kStateName = "trainer.json";
constexpr const char* kPrefix = "step-";

files::OrderedJson toJson(const CheckpointState& state) {
    files::OrderedJson json = {{"format", 1},
                               {"step", state.step},
                               {"skipped_in_a_row", state.skippedInARow},
                               {"last_finite", state.lastFinite}};
    if (state.evalLoss) {
        json["eval_loss"] = files::OrderedJson(files::numberToJson(*state.evalLoss));
    }
    return json;
}

CheckpointState readState(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / kStateName;
    const files::Json json = files::readJsonFile(file);
    try {
        CheckpointState state;
        state.step = json.at("step").get<std::int64_t>();
        state.skippedInARow = json.at("skipped_in_a_row").get<std::int64_t>();
        state.lastFinite = json.value("last_finite", state.lastFinite);
        if (json.contains("eval_loss")) {
            state.evalLoss = files::numberFromJson(json.at("eval_loss"), file.string() + ": eval_loss");
        }
        return state;
    } catch (const files::Json::exception&) {
        throw Error(file.string() + ": no step, or not a whole number");
    }
}

std::string folderName(std::int64_t step) {
    char name[32];
    std::snprintf(name, sizeof name, "%s%06lld", kPrefix, static_cast<long long>(step));
    return name;
}

std::int64_t stepOf(const std::filesystem::path& folder) {
    return std::strtoll(folder.filename().string().c_str() + std::string(kPrefix).size(), nullptr, 10);
}

/// Newest first.
std::vector<std::filesystem::path> checkpointFolders(const contract::RunDirectory& run) {
    std::vector<std::filesystem::path> folders;
    if (!std::filesystem::exists(run.checkpoints())) {
        return folders;
    }
    // A folder that cannot be read is no folder without checkpoints: the run would begin anew.
    for (const auto& entry : std::filesystem::directory_iterator(run.checkpoints())) {
        if (entry.is_directory() && entry.path().filename().string().starts_with(kPrefix)) {
            folders.push_back(entry.path());
        }
    }
    std::sort(folders.begin(), folders.end(), [](const auto& a, const auto& b) { return stepOf(a) > stepOf(b); });
    return folders;
}

double evalLossOf(const std::filesystem::path& folder) {
    try {
        const double loss = readState(folder).evalLoss.value_or(std::numeric_limits<double>::infinity());
        return std::isnan(loss) ? std::numeric_limits<double>::infinity() : loss;
    } catch (const Error&) {
        return std::numeric_limits<double>::infinity();
    }
}

void removeOldCheckpoints(const contract::RunDirectory& run) {
    const std::vector<std::filesystem::path> folders = checkpointFolders(run);
    const auto best = std::min_element(folders.begin(), folders.end(),
                                       [](const auto& a, const auto& b) { return evalLossOf(a) < evalLossOf(b); });
    for (auto folder = folders.begin(); folder != folders.end(); ++folder) {
        if (folder - folders.begin() >= kNewestKept && folder != best) {
            std::error_code error;  // what cannot be removed now is tried again at the next checkpoint
            std::filesystem::remove_all(*folder, error);
        }
    }
}

}  // namespace

std::uint64_t bytesToWrite(const contract::RunDirectory& run, const Trainer& trainer, std::int64_t saveEvery) {
    std::int64_t modelBytes = 0;
    for (const model::Parameter& parameter : trainer.policy().trainable()) {
        modelBytes += static_cast<std::int64_t>(parameter.value.nbytes());
    }
    const std::int64_t steps = trainer.totalSteps() - trainer.stepsDone();
    const std::int64_t planned = saveEvery > 0 ? steps / saveEvery + 1 : 1;
    // The newest, the best, and one under way before the oldest goes.
    const std::int64_t room = kNewestKept + 2 - static_cast<std::int64_t>(checkpointFolders(run).size());
    const std::int64_t checkpoints = std::clamp<std::int64_t>(room, 1, planned);
    constexpr std::int64_t kWeightsAndMoments = 3;
    return static_cast<std::uint64_t>((checkpoints * kWeightsAndMoments + 1) * modelBytes);
}

std::filesystem::path optimizerFile(const std::filesystem::path& checkpoint) {
    return checkpoint / "optimizer.safetensors";
}

std::filesystem::path writeCheckpoint(const contract::RunDirectory& run, const Trainer& trainer,
                                      const CheckpointState& state) {
    const std::filesystem::path target = run.checkpoints() / folderName(state.step);
    if (std::filesystem::exists(target) && !folderDefect(target) && readState(target) == state) {
        return target;
    }
    writeFolderDurably(target, [&](const std::filesystem::path& folder) {
        trainer.policy().save(folder);
        trainer.saveOptimizer(optimizerFile(folder));
        files::writeDurably(folder / kStateName, toJson(state).dump(2) + "\n");
    });
    removeOldCheckpoints(run);
    return target;
}

std::optional<FoundCheckpoint> newestCheckpoint(const contract::RunDirectory& run,
                                                const std::function<void(const std::string&)>& onDamaged) {
    for (const auto& folder : checkpointFolders(run)) {
        try {
            if (const auto defect = folderDefect(folder)) {
                throw Error(*defect);
            }
            files::checkReadable(optimizerFile(folder));
            return FoundCheckpoint{folder, readState(folder)};
        } catch (const Error& error) {
            onDamaged(error.what());
        }
    }
    return std::nullopt;
}

}  // namespace prefbench::training
