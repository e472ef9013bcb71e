#include "core/model/lora.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "core/files/durable_file.h"
#include "core/files/error.h"

namespace prefbench::model {
namespace {

constexpr const char* kPrefix = "base_model.model.";
constexpr const char* kMatrixA = ".lora_A.weight";
constexpr const char* kMatrixB = ".lora_B.weight";
constexpr const char* kShapeRule = "by adapter_config.json and the base model";

std::string moduleOf(const WeightSlot& slot) {
    const std::string_view end = ".weight";
    return slot.name.substr(0, slot.name.size() - end.size());
}

bool isLinearWeight(const WeightSlot& slot) {
    return !slot.bias && isLinear(slot.module);
}

struct Sizes {
    std::int64_t inputs, outputs;
};

Sizes sizesOf(const WeightSlot& slot, MatrixLayout layout) {
    const bool inputFirst = layout == MatrixLayout::InputByOutput;
    return {slot.shape[inputFirst ? 0 : 1], slot.shape[inputFirst ? 1 : 0]};
}

std::vector<std::string> linearModules(const std::vector<WeightSlot>& slots) {
    std::vector<std::string> modules;
    for (const WeightSlot& slot : slots) {
        if (isLinearWeight(slot)) {
            modules.push_back(moduleOf(slot));
        }
    }
    return modules;
}

std::set<std::string> adapted(const LoraSettings& settings, const std::vector<WeightSlot>& slots,
                              const std::string& what) {
    const std::vector<std::string> modules = targetModules(linearModules(slots), settings.targets, what);
    return {modules.begin(), modules.end()};
}

/// The modules' last names, which stand for all linear layers.
std::vector<std::string> lastNames(const std::set<std::string>& modules) {
    std::set<std::string> names;
    for (const std::string& module : modules) {
        names.insert(module.substr(module.rfind('.') + 1));
    }
    return {names.begin(), names.end()};
}

const files::TensorInfo& required(const files::SafetensorsFile& file, const std::string& name) {
    const files::TensorInfo* info = file.find(name);
    if (info == nullptr) {
        throw Error(file.path().string() + ": tensor " + name + " is missing");
    }
    return *info;
}

}  // namespace

void Lora::append(std::size_t slot, const std::string& module, at::Tensor a, at::Tensor b) {
    layerOf_[slot] = static_cast<std::int64_t>(parameters_.size() / 2);
    parameters_.push_back({kPrefix + module + kMatrixA, std::move(a), true});
    parameters_.push_back({kPrefix + module + kMatrixB, std::move(b), true});
}

const at::Tensor& Lora::matrixA(std::int64_t layer) const {
    return parameters_[static_cast<std::size_t>(2 * layer)].value;
}

const at::Tensor& Lora::matrixB(std::int64_t layer) const {
    return parameters_[static_cast<std::size_t>(2 * layer + 1)].value;
}

Lora Lora::fresh(const LoraSettings& settings, const LoraBase& base, std::uint64_t seed, const std::string& what) {
    const std::set<std::string> modules = adapted(settings, base.slots, what);
    Lora lora(base, settings.alpha / static_cast<double>(settings.rank));
    at::Generator random = at::detail::createCPUGenerator(seed);
    for (std::size_t i = 0; i < base.slots.size(); ++i) {
        const WeightSlot& slot = base.slots[i];
        if (!isLinearWeight(slot) || !modules.contains(moduleOf(slot))) {
            continue;
        }
        const Sizes sizes = sizesOf(slot, base.layout);
        const double bound = 1 / std::sqrt(static_cast<double>(sizes.inputs));
        const at::Tensor a = at::empty({settings.rank, sizes.inputs}, at::kFloat).uniform_(-bound, bound, random);
        lora.append(i, moduleOf(slot), a.to(base.device, base.type),
                    at::zeros({sizes.outputs, settings.rank}, at::TensorOptions(base.device).dtype(base.type)));
    }
    lora.dropout_ = settings.dropout;
    lora.config_ = loraConfigJson(settings, settings.targets.empty() ? lastNames(modules) : settings.targets,
                                  base.layout == MatrixLayout::InputByOutput);
    return lora;
}

Lora Lora::load(const files::AdapterFolder& folder, const LoraBase& base) {
    const LoraConfig config = loraConfigFrom(folder.config, folder.configFile().string());
    const files::SafetensorsFile file = files::SafetensorsFile::open(folder.weightFile);
    Lora lora(base, config.scale);
    std::set<std::string> used;
    for (std::size_t i = 0; i < base.slots.size(); ++i) {
        if (!isLinearWeight(base.slots[i])) {
            continue;
        }
        const std::string module = moduleOf(base.slots[i]), nameA = kPrefix + module + kMatrixA,
                          nameB = kPrefix + module + kMatrixB;
        const auto isNamed = [&](const std::string& target) { return isTarget(module, target); };
        const bool wanted =
            config.targetsAreKnown &&
            (config.targets.empty() || std::any_of(config.targets.begin(), config.targets.end(), isNamed));
        if (!wanted && file.find(nameA) == nullptr && file.find(nameB) == nullptr) {
            continue;
        }
        const Sizes sizes = sizesOf(base.slots[i], base.layout);
        const auto read = [&](const std::string& name, const std::vector<std::int64_t>& shape) {
            used.insert(name);
            return readTensor(file, required(file, name), shape, kShapeRule, base.type, WeightStorage::Owned)
                .to(base.device);
        };
        const at::Tensor a = read(nameA, {config.rank, sizes.inputs});
        lora.append(i, module, a, read(nameB, {sizes.outputs, config.rank}));
    }
    for (const files::TensorInfo& info : file.tensors()) {
        if (!used.contains(info.name)) {
            throw Error(file.path().string() + ": tensor " + info.name + " is of no linear layer of the base model");
        }
    }
    if (used.empty()) {
        throw Error(file.path().string() + ": holds no adapter of any linear layer");
    }
    lora.config_ = folder.config;
    return lora;
}

at::Tensor Lora::add(const at::Tensor& y, const ProductInput& x, std::int64_t layer, const DropoutKeys& keys,
                     RoundedWeights* rounded) const {
    const Dropout dropout(keys, dropout_, DropoutSite::Adapter, layer);
    const at::Tensor seen = dropout(x.values);
    if (rounded != nullptr) {
        const auto times = [&](const ProductInput& input, const at::Tensor& matrix) {
            return mixedProduct(input, matrix, false, {}, *rounded);
        };
        const at::Tensor inner = times(dropout.drops() ? productInput(seen, rounded) : x, matrixA(layer));
        return at::add(y, times(productInput(inner, rounded), matrixB(layer)), scale_);
    }
    return at::addmm(y, at::mm(seen, matrixA(layer).t()), matrixB(layer).t(), 1, scale_);
}

at::Tensor Lora::product(std::int64_t layer) const {
    const at::NoGradGuard noGradients;
    const at::Tensor sum = at::mm(matrixB(layer), matrixA(layer)).mul_(scale_);
    return layout_ == MatrixLayout::InputByOutput ? sum.t() : sum;
}

void Lora::setDropout(double share) {
    dropout_ = share;
    config_["lora_dropout"] = share;
}

void Lora::setBase(std::filesystem::path folder, BaseName name) {
    baseFolder_ = std::filesystem::absolute(folder).lexically_normal();
    baseName_ = name;
}

void Lora::read(const files::AdapterFolder& folder) {
    const at::NoGradGuard noGradients;
    const files::SafetensorsFile file = files::SafetensorsFile::open(folder.weightFile);
    for (Parameter& parameter : parameters_) {
        parameter.value.copy_(readTensor(file, required(file, parameter.name), parameter.value.sizes().vec(),
                                         "by the run's settings", parameter.value.scalar_type(), WeightStorage::Owned));
    }
}

void Lora::save(const std::filesystem::path& folder, std::optional<at::ScalarType> type) const {
    std::vector<const Parameter*> tensors;
    for (const Parameter& parameter : parameters_) {
        tensors.push_back(&parameter);
    }
    saveTensorFile(folder / "adapter_model.safetensors", tensors, type);
    const std::filesystem::path from = std::filesystem::absolute(folder).lexically_normal();
    const std::filesystem::path base =
        baseName_ == BaseName::Relative ? baseFolder_.lexically_relative(from) : baseFolder_;
    files::writeDurably(folder / "adapter_config.json", files::adapterConfigText(config_, base.string()));
}

Lora Lora::clone() const {
    Lora copy = *this;
    for (Parameter& parameter : copy.parameters_) {
        parameter.value = parameter.value.detach().clone();
    }
    return copy;
}

std::int64_t loraParameterCount(const LoraSettings& settings, const std::vector<WeightSlot>& slots,
                                const std::string& what) {
    const std::set<std::string> modules = adapted(settings, slots, what);
    std::int64_t count = 0;
    for (const WeightSlot& slot : slots) {
        if (isLinearWeight(slot) && modules.contains(moduleOf(slot))) {
            count += settings.rank * (slot.shape[0] + slot.shape[1]);
        }
    }
    return count;
}

}  // namespace prefbench::model
