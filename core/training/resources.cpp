#include "core/training/resources.h"

#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "core/files/error.h"
#include "core/training/compute_limit.h"
#include "core/training/memory.h"

namespace prefbench::training {
namespace {

constexpr std::int64_t kActivationBytes = std::int64_t{1} << 30;

template <class Value>
Value keptOr(files::OrderedJson& resolved, const char* key, const Value& chosen) {
    if (!resolved.is_object()) {
        throw Error("run.json: resolved: " + files::toLine(resolved) + ": not what the engine writes there");
    }
    if (!resolved.contains(key)) {
        resolved[key] = chosen;
    }
    try {
        return resolved.at(key).get<Value>();
    } catch (const files::OrderedJson::exception&) {
        throw Error(std::string("run.json: resolved: ") + key + " = " + files::toLine(resolved.at(key)) +
                    ": not what the engine writes there");
    }
}

}  // namespace

std::int64_t physicalCores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return 1;
    }
    std::set<std::string> cores;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (CPU_ISSET(cpu, &allowed)) {
            std::string siblings;
            std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
            cores.insert(std::getline(file, siblings) ? siblings : "cpu" + std::to_string(cpu));
        }
    }
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(cores.size()));
}

std::int64_t peakMemoryBytes() {
    struct rusage usage {};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::filesystem::path resolvePath(const contract::RunDirectory& run, const std::filesystem::path& path) {
    return path.is_absolute() ? path : (run.path / path).lexically_normal();
}

files::ModelFolder openStartModel(const contract::RunDirectory& run, const contract::RunSpec& spec) {
    const std::filesystem::path base = spec.base.empty() ? spec.base : resolvePath(run, spec.base);
    files::ModelFolder folder = files::openModelFolder(resolvePath(run, spec.model), base);
    const std::int64_t rank = spec.hyperparameters.loraRank;
    if (folder.adapter && rank > 0) {
        const std::string file = folder.adapter->configFile().string();
        const std::int64_t its = model::loraConfigFrom(folder.adapter->config, file).rank;
        if (rank != its) {
            throw Error(run.spec().string() + ": lora_r = " + std::to_string(rank) +
                        ": the model is an adapter of r = " + std::to_string(its) +
                        ", which training goes on with; leave lora_r 0, or merge the adapter " +
                        "first (export --merge)");
        }
    }
    return folder;
}

model::LoraSettings loraSettings(const contract::Hyperparameters& h) {
    return {h.loraRank, h.loraAlpha, h.loraDropout, contract::loraTargetNames(h)};
}

at::Device deviceNamed(const std::string& name) {
    const bool hasCuda = torch::cuda::is_available();
    if (name == "cuda" && !hasCuda) {
        throw Error("device cuda: this machine or this build of LibTorch has none; choose cpu or auto");
    }
    return name == "cuda" || (name == "auto" && hasCuda) ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
}

Precision precisionNamed(const std::string& dtype) {
    if (dtype == "float32") {
        return {at::kFloat, at::kFloat};
    }
    if (dtype == "float64") {
        return {at::kDouble, at::kDouble};
    }
    if (dtype == "bfloat16") {
        return {at::kFloat, at::kBFloat16};
    }
    throw Error("dtype \"" + dtype + "\" is not known; known are float32, float64, bfloat16");
}

std::int64_t sequenceLimit(std::int64_t maxLength, const model::Architecture& architecture) {
    if (architecture.positions != model::Positions::Learned) {
        return maxLength;
    }
    return maxLength > 0 ? std::min(maxLength, architecture.maxPositions) : architecture.maxPositions;
}

std::int64_t tokenBudgetFor(const model::Architecture& architecture) {
    return std::clamp<std::int64_t>(kActivationBytes / activationBytesPerToken(architecture), 512, 16384);
}

files::OrderedJson toJson(const model::ModelLibraries& libraries) {
    const auto names = [](const model::ProductLibraries& of) -> files::OrderedJson {
        return {{"forward", productLibraryName(of.forward)},
                {"input_gradient", productLibraryName(of.inputGradient)},
                {"weight_gradient", productLibraryName(of.weightGradient)}};
    };
    files::OrderedJson json = names(libraries.layers);
    json["head"] = names(libraries.head);
    return json;
}

model::ModelLibraries resolveLibraries(contract::RunSpec& spec, const model::Transformer& model) {
    constexpr const char* key = "matrix_products";
    if (!spec.resolved.contains(key)) {
        spec.resolved[key] = toJson(fasterLibraries(model));
    }
    const auto read = [](files::OrderedJson kept) -> model::ProductLibraries {
        const auto library = [&](const char* product) {
            return model::productLibraryFromName(keptOr(kept, product, std::string("blas")));
        };
        return {library("forward"), library("input_gradient"), library("weight_gradient")};
    };
    files::OrderedJson kept = spec.resolved.at(key);
    return {read(kept), read(keptOr(kept, "head", files::OrderedJson::object()))};
}

Resolved resolve(contract::RunSpec& spec, const model::Architecture& architecture, std::int64_t totalSteps) {
    files::OrderedJson& kept = spec.resolved;
    // LibTorch's own number stands for OMP_NUM_THREADS and the like.
    const std::int64_t cores = std::min<std::int64_t>(physicalCores(), at::get_num_threads());
    const std::int64_t evalEvery = spec.hyperparameters.evalEvery;
    Resolved resolved;
    resolved.threads = keptOr(kept, "threads", spec.threads > 0 ? spec.threads : cores);
    resolved.tokenBudget = keptOr(kept, "token_budget", tokenBudgetFor(architecture));
    resolved.evalEvery =
        keptOr(kept, "eval_steps", evalEvery > 0 ? evalEvery : std::max<std::int64_t>(1, (totalSteps + 9) / 10));
    keptOr(kept, "engine_version", std::string(PREFBENCH_VERSION));
    keptOr(kept, "libtorch_version", std::string(TORCH_VERSION));
    return resolved;
}

}  // namespace prefbench::training
