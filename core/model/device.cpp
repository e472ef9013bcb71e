#include "core/model/device.h"

#include <sched.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <set>
#include <utility>

#include "core/files/error.h"

namespace prefbench::model {
namespace {

constexpr std::array<std::pair<const char*, at::ScalarType>, 4> computeTypes{{
    {"float32", at::kFloat},
    {"float64", at::kDouble},
    {"bfloat16", at::kBFloat16},
    {"float16", at::kHalf},
}};

/// Processors of this process's affinity mask, counting those that share a core once.
std::int64_t physicalCores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
        return 1;
    }
    std::set<std::string> cores;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed)) {
            continue;
        }
        const std::string file = "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list";
        std::ifstream in(file);
        std::string siblings;
        cores.insert(std::getline(in, siblings) ? siblings : file);
    }
    return std::max<std::int64_t>(1, static_cast<std::int64_t>(cores.size()));
}

}  // namespace

at::Device deviceFromName(const std::string& name) {
    if (name == "cpu") {
        return at::kCPU;
    }
    const auto devices = torch::cuda::is_available() ? static_cast<std::int64_t>(torch::cuda::device_count()) : 0;
    if (name == "auto") {
        return devices > 0 ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU);
    }
    if (name == "cuda" || (name.starts_with("cuda:") && name.size() > 5 &&
                           name.find_first_not_of("0123456789", 5) == std::string::npos && name.size() < 9)) {
        const std::int64_t index = name == "cuda" ? 0 : std::stoll(name.substr(5));
        if (index >= devices) {
            throw Error("device is " + name + ", but there are " + std::to_string(devices) + " CUDA devices");
        }
        return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
    }
    throw Error("device is \"" + name + "\", must be auto, cpu, cuda or cuda:N");
}

at::ScalarType computeTypeFromName(const std::string& name) {
    for (const auto& [known, type] : computeTypes) {
        if (name == known) {
            return type;
        }
    }
    throw Error("dtype is \"" + name + "\", must be float32, float64, bfloat16 or float16");
}

const char* computeTypeName(at::ScalarType type) {
    for (const auto& [name, known] : computeTypes) {
        if (type == known) {
            return name;
        }
    }
    throw Error("elements of type " + std::string(c10::toString(type)) + " cannot hold a model");
}

void setThreads(std::int64_t threads) {
    at::set_num_threads(static_cast<int>(threads > 0 ? threads : physicalCores()));
}

}  // namespace prefbench::model
