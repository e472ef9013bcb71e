#include "core/model/transformer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <utility>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/model/attention.h"
#include "core/model/device.h"
#include "core/model/families.h"
#include "core/model/kv_cache.h"
#include "core/model/rotary.h"
#include "core/model/weights.h"

namespace prefbench::model {
namespace {

struct ModuleWeights {
    at::Tensor weight, bias;
};

/// A layer's, or the whole model's, weights by module.
class Weights {
  public:
    ModuleWeights& operator[](Module module) { return weights_[static_cast<std::size_t>(module)]; }
    const ModuleWeights& operator[](Module module) const { return weights_[static_cast<std::size_t>(module)]; }
    bool has(Module module) const { return (*this)[module].weight.defined(); }

  private:
    std::array<ModuleWeights, static_cast<std::size_t>(Module::Head) + 1> weights_;
};

/// Files that a saved copy carries along, as they were when the model was loaded.
struct SourceFile {
    std::filesystem::path name;
    std::string bytes;
};

/// Attention of one layer: queries [tokens, heads, headDim], keys and values [tokens, kvHeads, headDim] → as queries.
using Attend = std::function<at::Tensor(std::int64_t layer, const at::Tensor& queries, const at::Tensor& keys,
                                        const at::Tensor& values)>;

at::Tensor activate(const at::Tensor& x, Activation activation) {
    switch (activation) {
        case Activation::GeluTanh:
            return at::gelu(x, "tanh");
        case Activation::GeluExact:
            return at::gelu(x, "none");
        case Activation::Silu:
            return at::silu(x);
        case Activation::Relu:
            return at::relu(x);
    }
    throw Error("unknown activation");
}

/// Statistics of half-precision inputs are taken in float32, as transformers does. Zhang and Sennrich 2019.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
    if (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble) {
        return at::rms_norm(x, weight.sizes(), weight, epsilon);
    }
    return at::rms_norm(x.to(at::kFloat), weight.sizes(), std::nullopt, epsilon).to(x.scalar_type()) * weight;
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

struct Transformer::State {
    const Family* family = nullptr;
    Architecture architecture;
    at::Device device = at::kCPU;
    at::ScalarType computeType = at::kFloat;
    std::vector<WeightSlot> slots;
    std::vector<Parameter> parameters;
    Weights outer;
    std::vector<Weights> layers;
    at::Tensor rotaryFrequencies;  ///< [headDim / 2] float64
    std::string config;            ///< config.json's bytes
    std::shared_ptr<const std::vector<SourceFile>> companions;

    /// Gives each module its tensors; they share storage with `parameters`.
    void bind() {
        layers.assign(static_cast<std::size_t>(architecture.layers), {});
        for (std::size_t i = 0; i < slots.size(); ++i) {
            const WeightSlot& slot = slots[i];
            Weights& weights = inLayer(slot.module) ? layers[static_cast<std::size_t>(slot.layer)] : outer;
            ModuleWeights& module = weights[slot.module];
            (slot.bias ? module.bias : module.weight) = parameters[i].value;
        }
        if (architecture.tiedHead) {
            outer[Module::Head].weight = outer[Module::TokenEmbedding].weight;
        }
        if (architecture.positions == Positions::Rotary) {
            rotaryFrequencies = model::rotaryFrequencies(architecture).to(device);
        }
    }

    static bool inLayer(Module module) { return module >= Module::AttentionNorm && module <= Module::Down; }

    at::Tensor linear(const at::Tensor& x, const ModuleWeights& m) const {
        if (family->matrices == MatrixLayout::OutputByInput) {
            return at::linear(x, m.weight, m.bias.defined() ? std::optional(m.bias) : std::nullopt);
        }
        return m.bias.defined() ? at::addmm(m.bias, x, m.weight) : at::mm(x, m.weight);
    }

    at::Tensor norm(const at::Tensor& x, const ModuleWeights& m) const {
        if (architecture.norm == Norm::RmsNorm) {
            return rmsNorm(x, m.weight, architecture.normEpsilon);
        }
        return at::layer_norm(x, m.weight.sizes(), m.weight, m.bias, architecture.normEpsilon);
    }

    at::Tensor attentionBlock(std::int64_t index, const at::Tensor& x, const RotaryTable* rotary,
                              const Attend& attend) const {
        const Weights& layer = layers[static_cast<std::size_t>(index)];
        const std::int64_t queries = architecture.heads * architecture.headDim;
        const std::int64_t keys = architecture.kvHeads * architecture.headDim;
        at::Tensor q, k, v;
        if (layer.has(Module::QueryKeyValue)) {
            const auto parts = linear(x, layer[Module::QueryKeyValue]).split_with_sizes({queries, keys, keys}, -1);
            std::tie(q, k, v) = std::tie(parts[0], parts[1], parts[2]);
        } else {
            q = linear(x, layer[Module::Query]);
            k = linear(x, layer[Module::Key]);
            v = linear(x, layer[Module::Value]);
        }
        q = q.view({-1, architecture.heads, architecture.headDim});
        k = k.view({-1, architecture.kvHeads, architecture.headDim});
        v = v.view({-1, architecture.kvHeads, architecture.headDim});
        if (rotary != nullptr) {
            q = rotate(q, *rotary);
            k = rotate(k, *rotary);
        }
        return linear(attend(index, q, k, v).reshape({-1, queries}), layer[Module::AttentionOutput]);
    }

    at::Tensor mlpBlock(const Weights& layer, const at::Tensor& x) const {
        at::Tensor inner = linear(x, layer[Module::Up]);
        inner = architecture.gatedMlp ? activate(linear(x, layer[Module::Gate]), architecture.activation) * inner
                                      : activate(inner, architecture.activation);
        return linear(inner, layer[Module::Down]);
    }

    /// tokens, positions [tokens] → hidden states after the final norm [tokens, hidden]
    at::Tensor run(const at::Tensor& tokens, const at::Tensor& positions, const Attend& attend) const {
        at::Tensor x = at::embedding(outer[Module::TokenEmbedding].weight, tokens);
        RotaryTable rotary;
        if (architecture.positions == Positions::Learned) {
            x = x + at::embedding(outer[Module::PositionEmbedding].weight, positions);
        } else {
            rotary = rotaryTable(rotaryFrequencies, positions, computeType);
        }
        const RotaryTable* const angles = architecture.positions == Positions::Rotary ? &rotary : nullptr;
        for (std::int64_t index = 0; index < architecture.layers; ++index) {
            const Weights& layer = layers[static_cast<std::size_t>(index)];
            x = x + attentionBlock(index, norm(x, layer[Module::AttentionNorm]), angles, attend);
            x = x + mlpBlock(layer, norm(x, layer[Module::MlpNorm]));
        }
        return norm(x, outer[Module::FinalNorm]);
    }

    void checkLength(std::int64_t length) const {
        if (architecture.positions == Positions::Learned && length > architecture.maxPositions) {
            throw Error("a sequence has " + std::to_string(length) + " tokens, but the model has only " +
                        std::to_string(architecture.maxPositions) + " positions");
        }
    }
};

Transformer::Transformer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Transformer::Transformer(Transformer&&) noexcept = default;
Transformer& Transformer::operator=(Transformer&&) noexcept = default;
Transformer::~Transformer() = default;

Transformer Transformer::load(const files::ModelFolder& folder, at::Device device, at::ScalarType computeType) {
    auto state = std::make_unique<State>();
    const std::filesystem::path configFile = folder.folder / "config.json";
    state->architecture = architectureFromConfig(folder.config, configFile.string());
    if (auto eosIds = eosIdsFromGenerationConfig(folder.folder); !eosIds.empty()) {
        state->architecture.eosIds = std::move(eosIds);
    }
    state->family = findFamily(state->architecture.family);
    state->device = device;
    state->computeType = computeType;
    state->slots = weightSlots(*state->family, state->architecture);
    state->parameters = loadParameters(folder, *state->family, state->architecture, state->slots, device, computeType);
    state->config = files::readFile(configFile);
    std::vector<SourceFile> companions;
    for (const auto& file : files::companionFiles(folder.folder)) {
        companions.push_back({file.filename(), files::readFile(file)});
    }
    state->companions = std::make_shared<const std::vector<SourceFile>>(std::move(companions));
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
const std::vector<Parameter>& Transformer::parameters() const {
    return state_->parameters;
}
const at::Tensor& Transformer::headWeight() const {
    return state_->outer[Module::Head].weight;
}

at::Tensor Transformer::forward(const PackedBatch& batch) const {
    for (const PrefixTree& tree : batch.trees) {
        const auto longest = std::max_element(tree.branches.begin(), tree.branches.end());
        state_->checkLength(tree.prefix + (longest == tree.branches.end() ? 0 : *longest));
    }
    const TreeMasks masks = treeMasks(batch.trees, state_->device, state_->computeType);
    return state_->run(batch.tokens, batch.positions,
                       [&](std::int64_t, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
                           return treeAttention(q, k, v, masks);
                       });
}

at::Tensor Transformer::logits(const at::Tensor& hidden) const {
    return at::linear(hidden, headWeight());
}

at::Tensor Transformer::forwardCached(const at::Tensor& tokens, KvCache& cache) const {
    const at::NoGradGuard noGrad;
    const std::int64_t sequences = tokens.size(0), newTokens = tokens.size(1);
    state_->checkLength(cache.longest() + newTokens);
    cache.reserve(newTokens);
    const at::Tensor lengths = at::tensor(cache.lengths(), at::kLong).to(state_->device).unsqueeze(1);
    const at::Tensor positions = lengths + at::arange(newTokens, lengths.options());  // [sequences, newTokens]

    const std::int64_t longest = cache.longest();
    const bool sameLengths = std::all_of(cache.lengths().begin(), cache.lengths().end(),
                                         [&](std::int64_t length) { return length == longest; });
    const bool causal = longest == 0 && newTokens > 1;
    at::Tensor mask;  // [sequences, 1, newTokens, longest + newTokens]
    if (!causal && !(sameLengths && newTokens == 1)) {
        const at::Tensor key = at::arange(longest + newTokens, lengths.options());
        const at::Tensor hidden = key > positions.unsqueeze(-1);
        mask = at::zeros(hidden.sizes(), lengths.options().dtype(state_->computeType))
                   .masked_fill_(hidden, -std::numeric_limits<double>::infinity())
                   .unsqueeze(1);
    }
    const auto attend = [&](std::int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
        const auto bySequence = [&](const at::Tensor& x) { return x.unflatten(0, {sequences, newTokens}); };
        const KvCache::View past = cache.append(layer, bySequence(k), bySequence(v), positions);
        return attention(bySequence(q).transpose(1, 2), past.keys, past.values, mask, causal).transpose(1, 2);
    };
    const at::Tensor hidden = state_->run(tokens.flatten(), positions.flatten(), attend);
    cache.advance(newTokens);
    return hidden.unflatten(0, {sequences, newTokens});
}

void Transformer::requireGradients(bool on) {
    for (Parameter& parameter : state_->parameters) {
        parameter.value.requires_grad_(on);
    }
}

Transformer Transformer::clone() const {
    auto state = std::make_unique<State>(*state_);
    for (Parameter& parameter : state->parameters) {
        parameter.value = parameter.value.detach().clone();
    }
    state->bind();
    return Transformer(std::move(state));
}

void Transformer::save(const std::filesystem::path& folder) const {
    saveParameters(folder / "model.safetensors", state_->parameters);
    for (const SourceFile& file : *state_->companions) {
        files::writeDurably(folder / file.name, file.bytes);
    }
    files::writeDurably(folder / "config.json", configFor(state_->config, state_->computeType));
    files::syncPath(folder);
}

}  // namespace prefbench::model
