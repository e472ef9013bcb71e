#include "core/training/run_data.h"

#include <cstdio>
#include <filesystem>

#include "core/files/error.h"
#include "core/model/architecture.h"
#include "core/training/losses.h"
#include "core/training/resources.h"

namespace prefbench::training {
namespace {

void requireSureLabels(const Dataset& dataset, const Method& method) {
    for (const Example& example : dataset.examples) {
        if (example.preference != 1 && !method.takesPreference) {
            char preference[32];
            std::snprintf(preference, sizeof preference, "%g", example.preference);
            throw Error("pair " + example.id + " is not sure (preference " + preference + "), but method " +
                        std::string(method.name) + " takes sure labels only; dpo and cdpo take ties");
        }
    }
}

}  // namespace

RunData loadRunData(const contract::RunDirectory& run, const contract::RunSpec& spec, const files::ModelFolder& folder,
                    const text::Conversations& conversations) {
    const Method& method = methodNamed(spec.method);
    const auto architecture = model::architectureFromConfig(folder.config, (folder.folder / "config.json").string());
    RunData data;
    data.unit = nameOf(method.data);
    data.maxLength = sequenceLimit(spec.hyperparameters.maxLength, architecture);
    data.train = loadDataset(run.trainData(), method.data, conversations, data.maxLength);
    if (std::filesystem::exists(run.evalData())) {
        data.eval = loadDataset(run.evalData(), method.data, conversations, data.maxLength);
    }
    for (Dataset* set : {&data.train, &data.eval}) {
        requireSureLabels(*set, method);
        if (method.needsMismatched) {
            addMismatchedCompletions(*set, data.maxLength);
        }
    }
    return data;
}

void requireData(const contract::RunDirectory& run, const RunData& data) {
    if (data.train.read == 0) {
        throw Error(run.trainData().string() + ": no " + data.unit + " to train on");
    }
    if (data.train.examples.empty()) {
        throw Error(run.trainData().string() + ": nothing is left of its " + std::to_string(data.train.read) + " " +
                    data.unit + " within max_length = " + std::to_string(data.maxLength) + " tokens; raise it");
    }
}

std::vector<std::string> describe(const RunData& data) {
    std::vector<std::string> lines;
    for (const Dataset* set : {&data.train, &data.eval}) {
        lines.push_back(std::string(set == &data.train ? "train: " : "eval: ") + std::to_string(set->examples.size()) +
                        " " + data.unit + ", " + std::to_string(set->truncated) + " truncated, " +
                        std::to_string(set->dropped) + " dropped");
    }
    return lines;
}

}  // namespace prefbench::training
