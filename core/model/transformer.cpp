#include "core/model/transformer.h"

#include <algorithm>
#include <utility>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/model/device.h"
#include "core/model/transformer_state.h"

namespace prefbench::model {
namespace {

/// An adapter's folder need not say how to generate; then its base does.
std::vector<SourceFile> companionsOf(const files::ModelFolder& folder) {
    std::vector<SourceFile> companions;
    const auto add = [&companions](const std::filesystem::path& file) {
        const auto isSame = [&file](const SourceFile& added) { return added.name == file.filename(); };
        if (std::none_of(companions.begin(), companions.end(), isSame)) {
            companions.push_back({file.filename(), files::readFile(file)});
        }
    };
    for (const auto& file : files::companionFiles(folder.tokenizer)) {
        add(file);
    }
    if (const auto generation = folder.folder / "generation_config.json"; std::filesystem::exists(generation)) {
        add(generation);
    }
    return companions;
}

/// config.json as it was, unless it states another element type than the weights now have.
std::string configFor(const std::string& source, at::ScalarType type) {
    files::OrderedJson config = files::parseOrderedJson(source, "config.json");
    bool changed = false;
    for (const char* key : {"dtype", "torch_dtype"}) {
        if (const auto found = config.find(key); found != config.end() && *found != computeTypeName(type)) {
            *found = computeTypeName(type);
            changed = true;
        }
    }
    return changed ? config.dump(2) + "\n" : source;
}

}  // namespace

void Transformer::State::bind() {
    if (rounded) {
        rounded = std::make_shared<RoundedWeights>(rounded->type());  // copies are of one model's weights
    }
    layers.assign(static_cast<std::size_t>(architecture.layers), {});
    for (std::size_t i = 0; i < slots.size(); ++i) {
        const WeightSlot& slot = slots[i];
        Weights& weights = inLayer(slot.module) ? layers[static_cast<std::size_t>(slot.layer)] : outer;
        ModuleWeights& module = weights[slot.module];
        (slot.bias ? module.bias : module.weight) = parameters[i].value;
        if (!slot.bias) {
            module.adapterLayer = adapter ? adapter->layerOf(i) : -1;
        }
    }
    if (architecture.tiedHead) {
        outer[Module::Head].weight = outer[Module::TokenEmbedding].weight;
    }
    head = {
        outer[Module::Head].weight, outer[Module::Head].bias, architecture.logitCap, nullptr, rounded, libraries.head};
    if (architecture.positions == Positions::Rotary) {
        rotary = RotaryAngles(architecture.rotary, device);
        windowRotary = RotaryAngles(architecture.windowRotary, device);
    } else if (architecture.positions == Positions::Alibi) {
        slopes = alibiSlopes(architecture.heads);
    }
}

void Transformer::State::pack(WeightFormat format) {
    const bool inputsFirst = family->matrices == MatrixLayout::InputByOutput;
    const auto packAll = [&](Weights& weights) {
        weights.forEach([&](Module module, ModuleWeights& m) {
            if (m.weight.defined() && isLinear(module)) {
                m.packed = std::make_shared<const PackedMatrix>(m.weight, inputsFirst, format);
            }
        });
    };
    packAll(outer);
    std::for_each(layers.begin(), layers.end(), packAll);
    head.packed = std::make_shared<const PackedMatrix>(head.weight, false, format);
}

std::int64_t Transformer::State::float32PackedBytes() const {
    std::int64_t weights = head.weight.numel();
    const auto addLinear = [&weights](const Weights& of) {
        const std::vector<at::Tensor> byModule = of.all();
        for (std::size_t i = 0; i < byModule.size(); ++i) {
            weights += byModule[i].defined() && isLinear(static_cast<Module>(i)) ? byModule[i].numel() : 0;
        }
    };
    addLinear(outer);
    std::for_each(layers.begin(), layers.end(), addLinear);
    return weights * static_cast<std::int64_t>(sizeof(float));
}

Transformer::Transformer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transformer::Transformer(Transformer&&) noexcept = default;
Transformer& Transformer::operator=(Transformer&&) noexcept = default;
Transformer::~Transformer() = default;

Transformer Transformer::load(const files::ModelFolder& folder, at::Device device, at::ScalarType computeType,
                              WeightStorage storage) {
    auto state = std::make_unique<State>();
    const std::filesystem::path configFile = folder.folder / "config.json";
    state->architecture = architectureFromConfig(folder.config, configFile.string());
    for (const std::filesystem::path& source : {folder.folder, folder.tokenizer}) {
        if (auto eosIds = eosIdsFromGenerationConfig(source); !eosIds.empty()) {
            state->architecture.eosIds = std::move(eosIds);
        }
    }
    state->family = findFamily(state->architecture.family);
    state->device = device;
    state->computeType = computeType;
    state->slots = weightSlots(*state->family, state->architecture);
    state->parameters =
        loadParameters(folder, *state->family, state->architecture, state->slots, device, computeType, storage);
    state->folder = folder.folder;
    if (folder.adapter) {
        state->adapter = Lora::load(*folder.adapter, state->adapterBase());
        state->adapter->setBase(folder.folder, folder.relativeBase ? BaseName::Relative : BaseName::Absolute);
    }
    state->config = files::readFile(configFile);
    state->companions = std::make_shared<const std::vector<SourceFile>>(companionsOf(folder));
    state->bind();
    return Transformer(std::move(state));
}

const Architecture& Transformer::architecture() const {
    return state_->architecture;
}
at::Device Transformer::device() const {
    return state_->device;
}
at::ScalarType Transformer::computeType() const {
    return state_->computeType;
}
at::ScalarType Transformer::productType() const {
    return state_->rounded ? state_->rounded->type() : state_->computeType;
}

void Transformer::setProductType(at::ScalarType type) {
    const bool isOwn = type == state_->computeType;
    if (!isOwn && (state_->computeType != at::kFloat || type != at::kBFloat16)) {
        throw Error(std::string("a model in ") + computeTypeName(state_->computeType) + " has no products in " +
                    computeTypeName(type) + "; one in float32 has bfloat16 products");
    }
    state_->rounded = isOwn ? nullptr : std::make_shared<RoundedWeights>(type);
    state_->bind();
}

void Transformer::setProductLibraries(const ModelLibraries& libraries) {
    state_->libraries = libraries;
    state_->head.libraries = libraries.head;
}

const std::vector<Parameter>& Transformer::parameters() const {
    return state_->parameters;
}
const OutputHead& Transformer::head() const {
    return state_->head;
}

at::Tensor OutputHead::factor() const {
    return rounded ? rounded->of(weight) : weight;
}

at::Tensor OutputHead::logits(const at::Tensor& rows) const {
    at::Tensor raw;
    if (packed && packed->takes(rows)) {
        raw = packed->multiply(rows, bias);
    } else if (rounded) {
        raw = mixedProduct(productInput(rows, rounded.get()), weight, false, bias, *rounded);
    } else {
        raw = at::linear(rows, weight, bias.defined() ? std::optional(bias) : std::nullopt);
    }
    return cap > 0 ? (raw / cap).tanh() * cap : raw;
}

at::Tensor Transformer::logits(const at::Tensor& hidden) const {
    return state_->head.logits(hidden);
}

Transformer Transformer::forDecoding(WeightFormat format, std::int64_t roomBytes) const {
    auto state = std::make_unique<State>(*state_);
    const WeightFormat packed = format == WeightFormat::Float32 && state->rounded ? WeightFormat::BFloat16 : format;
    const bool fits = packed != WeightFormat::Float32 || state->float32PackedBytes() <= roomBytes;
    if (state->device.is_cpu() && state->computeType == at::kFloat && fits) {
        state->pack(packed);
    }
    return Transformer(std::move(state));
}

std::vector<at::Tensor> Transformer::blockMatrices() const {
    std::vector<at::Tensor> matrices;
    for (const Weights& layer : state_->layers) {
        for (const at::Tensor& weight : layer.all()) {
            if (weight.defined() && weight.dim() == 2) {
                matrices.push_back(weight);
            }
        }
    }
    return matrices;
}

const std::vector<Parameter>& Transformer::trainable() const {
    return state_->trainable();
}

void Transformer::requireGradients(bool on) {
    for (Parameter& parameter : state_->trainable()) {
        parameter.value.requires_grad_(on);
    }
}

void Transformer::setGradientCheckpointing(bool on) {
    state_->checkpointing = on;
}

void Transformer::setDropout(double share) {
    state_->dropout = share;
}

void Transformer::addAdapter(const LoraSettings& settings, std::uint64_t seed, BaseName name, const std::string& what) {
    state_->adapter = Lora::fresh(settings, state_->adapterBase(), seed, what);
    state_->adapter->setBase(state_->folder, name);
    state_->bind();
}

Lora* Transformer::adapter() {
    return state_->adapter ? &*state_->adapter : nullptr;
}
const Lora* Transformer::adapter() const {
    return state_->adapter ? &*state_->adapter : nullptr;
}

void Transformer::mergeAdapter() {
    for (std::size_t i = 0; state_->adapter && i < state_->slots.size(); ++i) {
        if (const std::int64_t layer = state_->adapter->layerOf(i); layer >= 0) {
            state_->parameters[i].value = state_->parameters[i].value.detach() + state_->adapter->product(layer);
        }
    }
    state_->adapter.reset();
    state_->bind();
}

Transformer Transformer::clone() const {
    auto state = std::make_unique<State>(*state_);
    for (Parameter& parameter : state->parameters) {
        parameter.value = parameter.value.detach().clone();
    }
    if (state->adapter) {
        state->adapter = state->adapter->clone();
    }
    state->bind();
    return Transformer(std::move(state));
}

void Transformer::save(const std::filesystem::path& folder, std::optional<at::ScalarType> type) const {
    if (state_->adapter) {
        state_->adapter->save(folder, type);
    } else {
        saveParameters(folder, state_->parameters, kShardBytes, type);
        files::writeDurably(folder / "config.json", configFor(state_->config, type.value_or(state_->computeType)));
    }
    for (const SourceFile& file : *state_->companions) {
        files::writeDurably(folder / file.name, file.bytes);
    }
    files::syncPath(folder);
}

}  // namespace prefbench::model
