#include "core/model/transformer.h"

#include <algorithm>
#include <array>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/model/activation.h"
#include "core/model/attention.h"
#include "core/model/checkpointing.h"
#include "core/model/device.h"
#include "core/model/families.h"
#include "core/model/kv_cache.h"
#include "core/model/lora.h"
#include "core/model/mixed_product.h"
#include "core/model/packed_matrix.h"
#include "core/model/rotary.h"
#include "core/model/tree_attention.h"
#include "core/model/weights.h"

namespace prefbench::model {
namespace {

struct ModuleWeights {
    at::Tensor weight, bias;
    std::shared_ptr<const PackedMatrix> packed;  ///< of a model for decoding; may be null
    std::int64_t adapterLayer = -1;              ///< of the model's adapter; -1: none
};

/// A layer's, or the whole model's, weights by module.
class Weights {
  public:
    ModuleWeights& operator[](Module module) { return weights_[static_cast<std::size_t>(module)]; }
    const ModuleWeights& operator[](Module module) const { return weights_[static_cast<std::size_t>(module)]; }
    /// By module; undefined where there is none.
    std::vector<at::Tensor> all() const {
        std::vector<at::Tensor> result;
        for (const ModuleWeights& module : weights_) {
            result.push_back(module.weight);
        }
        return result;
    }
    template <class Work>
    void forEach(const Work& work) {
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            work(static_cast<Module>(i), weights_[i]);
        }
    }
    bool has(Module module) const { return (*this)[module].weight.defined(); }

  private:
    std::array<ModuleWeights, static_cast<std::size_t>(Module::Head) + 1> weights_;
};

/// Files that a saved copy carries along, as they were when the model was loaded.
struct SourceFile {
    std::filesystem::path name;
    std::string bytes;
};

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

/// Attention of one layer: queries [tokens, heads, headDim], keys and values [tokens, kvHeads, headDim] → as queries.
using Attend = std::function<at::Tensor(std::int64_t layer, Queries asking, const at::Tensor& queries,
                                        const at::Tensor& keys, const at::Tensor& values)>;

/// What one forward pass hands to every layer. Kept until the backward pass by layers that are computed anew in it.
struct Pass {
    Attend attend;
    DropoutKeys dropout;
    at::Tensor predicting{};  ///< rows that the last layer goes on with when it has their keys; undefined: all
    DropoutKeys predictingDropout{};
    RotaryTable full{}, windowed{};  ///< undefined where positions do not turn
};

/// Statistics of half-precision inputs are taken in float32, as transformers does, and so is the product with weights
/// that are stored as their difference to 1. Zhang and Sennrich 2019.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, bool fromOne, double epsilon) {
    const at::ScalarType type = x.scalar_type();
    if (type == at::kFloat || type == at::kDouble) {
        return at::rms_norm(x, weight.sizes(), fromOne ? weight + 1 : weight, epsilon);
    }
    const at::Tensor normed = at::rms_norm(x.to(at::kFloat), weight.sizes(), std::nullopt, epsilon);
    return fromOne ? (normed * (weight.to(at::kFloat) + 1)).to(type) : normed.to(type) * weight;
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

/// Which of a cache's keys new tokens see.
struct CachedMasks {
    struct Mask {
        at::Tensor added;  ///< [sequences, 1 or heads, new tokens, longest + new tokens]; undefined: all, or
        bool causal = false;
    };
    Mask full, windowed;

    /// positions [sequences, new tokens]: of the new tokens.
    CachedMasks(const KvCache& cache, const at::Tensor& positions, const at::Tensor& slopes, const Architecture& a,
                at::ScalarType type) {
        const std::int64_t longest = cache.longest(), newTokens = positions.size(1), total = longest + newTokens;
        const bool sameLengths = std::all_of(cache.lengths().begin(), cache.lengths().end(),
                                             [&](std::int64_t length) { return length == longest; });
        const auto make = [&](std::int64_t window) {
            const bool allSeen = (window == 0 || total <= window) && !slopes.defined();
            if (allSeen && longest == 0 && newTokens > 1) {
                return Mask{{}, true};
            }
            if (allSeen && sameLengths && newTokens == 1) {
                return Mask{};
            }
            const at::Tensor key = at::arange(total, positions.options());
            at::Tensor hidden = key > positions.unsqueeze(-1);
            if (window > 0) {
                hidden = hidden | (key <= positions.unsqueeze(-1) - window);
            }
            const auto options = at::TensorOptions(positions.device()).dtype(type);
            const at::Tensor start = slopes.defined() ? alibiBias(slopes.to(key.device()), key, a.attentionScale, type)
                                                      : at::zeros({1, 1, 1}, options);
            return Mask{start.masked_fill(hidden.unsqueeze(1), -std::numeric_limits<double>::infinity()), false};
        };
        full = make(0);
        windowed = a.windowedLayers.empty() ? full : make(a.window);
    }
};

}  // namespace

struct Transformer::State {
    const Family* family = nullptr;
    Architecture architecture;
    at::Device device = at::kCPU;
    at::ScalarType computeType = at::kFloat;
    ModelLibraries libraries;                 ///< of float32 products on the CPU
    std::shared_ptr<RoundedWeights> rounded;  ///< null: products are of computeType
    std::vector<WeightSlot> slots;
    std::vector<Parameter> parameters;
    std::optional<Lora> adapter;
    Weights outer;
    std::vector<Weights> layers;
    OutputHead head;
    bool checkpointing = false;
    double dropout = 0;
    RotaryAngles rotary, windowRotary;
    at::Tensor slopes;             ///< of ALiBi
    std::filesystem::path folder;  ///< that the weights came from
    std::string config;            ///< config.json's bytes
    std::shared_ptr<const std::vector<SourceFile>> companions;

    /// Gives each module its tensors; they share storage with `parameters`.
    void bind() {
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
        head = {outer[Module::Head].weight,
                outer[Module::Head].bias,
                architecture.logitCap,
                nullptr,
                rounded,
                libraries.head};
        if (architecture.positions == Positions::Rotary) {
            rotary = RotaryAngles(architecture.rotary, device);
            windowRotary = RotaryAngles(architecture.windowRotary, device);
        } else if (architecture.positions == Positions::Alibi) {
            slopes = alibiSlopes(architecture.heads);
        }
    }

    void pack(WeightFormat format) {
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

    static bool inLayer(Module module) { return module >= Module::AttentionNorm && module <= Module::MlpOutputNorm; }

    /// For linear layers that read the same.
    ProductInput input(const at::Tensor& x) const { return productInput(x, rounded.get()); }

    at::Tensor linear(const ProductInput& x, const ModuleWeights& m, const DropoutKeys& keys) const {
        const at::Tensor y = product(x, m);
        return m.adapterLayer >= 0 ? adapter->add(y, x, m.adapterLayer, keys, rounded.get()) : y;
    }

    at::Tensor product(const ProductInput& x, const ModuleWeights& m) const {
        if (m.packed && m.packed->takes(x.values)) {
            return m.packed->multiply(x.values, m.bias);
        }
        const bool inputsFirst = family->matrices == MatrixLayout::InputByOutput;
        if (rounded) {
            return mixedProduct(x, m.weight, inputsFirst, m.bias, *rounded);
        }
        if (!libraries.layers.areBlas() && device.is_cpu() && computeType == at::kFloat) {
            return linearBy(libraries.layers, x.values, m.weight, inputsFirst, m.bias);
        }
        if (!inputsFirst) {
            return at::linear(x.values, m.weight, m.bias.defined() ? std::optional(m.bias) : std::nullopt);
        }
        return m.bias.defined() ? at::addmm(m.bias, x.values, m.weight) : at::mm(x.values, m.weight);
    }

    at::Tensor norm(const at::Tensor& x, const ModuleWeights& m) const {
        if (architecture.norm == Norm::RmsNorm) {
            return rmsNorm(x, m.weight, architecture.normWeightsFromOne, architecture.normEpsilon);
        }
        return at::layer_norm(x, m.weight.sizes(), m.weight, m.bias, architecture.normEpsilon);
    }

    /// What attention or MLP adds to the stream, of which training may drop a share.
    at::Tensor residual(const at::Tensor& x, DropoutSite site, std::int64_t index, const DropoutKeys& keys) const {
        return architecture.residualDropout ? Dropout(keys, dropout, site, index)(x) : x;
    }

    /// LibTorch's attention on the CPU takes three times as long in bfloat16 as in float32, on CUDA it is the faster
    /// one.
    at::ScalarType attentionType() const { return rounded && device.is_cuda() ? rounded->type() : computeType; }

    ScoreRule scoreRule() const { return {architecture.attentionScale, architecture.attentionCap}; }

    /// x [tokens, hidden] → queries [tokens, heads, headDim], keys and values [tokens, kvHeads, headDim]
    std::array<at::Tensor, 3> queriesKeysValues(const Weights& layer, const ProductInput& x,
                                                const DropoutKeys& keys) const {
        const std::int64_t heads = architecture.heads, kvHeads = architecture.kvHeads, dim = architecture.headDim;
        if (!layer.has(Module::QueryKeyValue)) {
            return {linear(x, layer[Module::Query], keys).view({-1, heads, dim}),
                    linear(x, layer[Module::Key], keys).view({-1, kvHeads, dim}),
                    linear(x, layer[Module::Value], keys).view({-1, kvHeads, dim})};
        }
        const at::Tensor fused = linear(x, layer[Module::QueryKeyValue], keys);
        if (architecture.fusedOrder == FusedOrder::Blocks) {
            const auto parts =
                fused.view({-1, heads + 2 * kvHeads, dim}).split_with_sizes({heads, kvHeads, kvHeads}, 1);
            return {parts[0], parts[1], parts[2]};
        }
        const std::int64_t group = heads / kvHeads;
        const auto parts = fused.view({-1, kvHeads, group + 2, dim}).split_with_sizes({group, 1, 1}, 2);
        return {parts[0].reshape({-1, heads, dim}), parts[1].squeeze(2), parts[2].squeeze(2)};
    }

    bool isLast(std::int64_t index) const { return index + 1 == architecture.layers; }

    /// Of the rows that go on after it.
    at::Tensor attentionBlock(std::int64_t index, const at::Tensor& x, const Pass& pass) const {
        const Weights& layer = layers[static_cast<std::size_t>(index)];
        auto [q, k, v] = queriesKeysValues(layer, input(x), pass.dropout);
        if (architecture.queryKeyNorm) {
            q = norm(q, layer[Module::QueryNorm]);
            k = norm(k, layer[Module::KeyNorm]);
        }
        const bool windowed = architecture.windowed(index);
        if (const RotaryTable& angles = windowed ? pass.windowed : pass.full; angles.cosine.defined()) {
            const RotaryAngles& turn = windowed ? windowRotary : rotary;
            q = turn.rotate(q, angles);
            k = turn.rotate(k, angles);
        }
        const bool narrows = isLast(index) && pass.predicting.defined();
        if (narrows) {
            q = q.index_select(0, pass.predicting);
        }
        const DropoutKeys& dropoutKeys = narrows ? pass.predictingDropout : pass.dropout;
        const at::Tensor seen = pass.attend(index, narrows ? Queries::Predicting : Queries::All, q, k, v)
                                    .reshape({-1, architecture.heads * architecture.headDim});
        return residual(linear(input(seen), layer[Module::AttentionOutput], dropoutKeys), DropoutSite::AttentionOutput,
                        index, dropoutKeys);
    }

    /// x [tokens, hidden] → [tokens, mlp], what the last matrix reads.
    at::Tensor mlpInner(const Weights& layer, const ProductInput& x, const DropoutKeys& keys) const {
        if (layer.has(Module::GateUp)) {
            const auto parts = linear(x, layer[Module::GateUp], keys).chunk(2, -1);
            return activate(parts[0], architecture.activation) * parts[1];
        }
        const at::Tensor inner = linear(x, layer[Module::Up], keys);
        return architecture.gatedMlp ? activate(linear(x, layer[Module::Gate], keys), architecture.activation) * inner
                                     : activate(inner, architecture.activation);
    }

    at::Tensor mlpBlock(std::int64_t index, const at::Tensor& x, const DropoutKeys& keys) const {
        const Weights& layer = layers[static_cast<std::size_t>(index)];
        const at::Tensor inner = mlpInner(layer, input(x), keys);
        const at::Tensor out = linear(input(inner), layer[Module::Down], keys);
        return residual(out, DropoutSite::MlpOutput, index, keys);
    }

    at::Tensor layerBlock(std::int64_t index, const at::Tensor& x, const Pass& pass) const {
        const Weights& layer = layers[static_cast<std::size_t>(index)];
        const auto attended = [&](const at::Tensor& in) { return attentionBlock(index, in, pass); };
        const bool narrows = isLast(index) && pass.predicting.defined();
        const DropoutKeys& keys = narrows ? pass.predictingDropout : pass.dropout;
        const auto kept = [&](const at::Tensor& in) { return narrows ? in.index_select(0, pass.predicting) : in; };
        const auto mlp = [&](const at::Tensor& in) { return mlpBlock(index, in, keys); };
        const auto normed = [&](const at::Tensor& in, Module module) { return norm(in, layer[module]); };
        switch (architecture.block) {
            case Block::PreNorm: {
                const at::Tensor y = kept(x) + attended(normed(x, Module::AttentionNorm));
                return y + mlp(normed(y, Module::MlpNorm));
            }
            case Block::PostNorm: {
                const at::Tensor y = normed(kept(x) + attended(x), Module::AttentionNorm);
                return normed(y + mlp(y), Module::MlpNorm);
            }
            case Block::SandwichNorm: {
                const at::Tensor seen = attended(normed(x, Module::AttentionNorm));
                const at::Tensor y = kept(x) + normed(seen, Module::AttentionOutputNorm);
                return y + normed(mlp(normed(y, Module::MlpNorm)), Module::MlpOutputNorm);
            }
            case Block::Parallel: {
                const at::Tensor stream = kept(x);
                return stream + attended(normed(x, Module::AttentionNorm)) + mlp(normed(stream, Module::MlpNorm));
            }
            case Block::ParallelOneNorm: {
                const at::Tensor in = normed(x, Module::AttentionNorm);
                return kept(x) + attended(in) + mlp(kept(in));
            }
        }
        throw Error("unknown block");
    }

    at::Tensor embed(const at::Tensor& tokens, const at::Tensor& positions, const Pass& pass) const {
        // Where the head adds its own gradient to the table's, a sparse one saves writing a whole table of zeros.
        at::Tensor x = at::embedding(outer[Module::TokenEmbedding].weight, tokens, /*padding_idx=*/-1,
                                     /*scale_grad_by_freq=*/false, /*sparse=*/architecture.tiedHead);
        if (architecture.embeddingScale != 1) {
            x = x * at::scalar_tensor(architecture.embeddingScale, x.options());  // rounded to the weights' type
        }
        if (outer.has(Module::EmbeddingIn)) {
            x = linear(input(x), outer[Module::EmbeddingIn], pass.dropout);
        }
        if (architecture.positions == Positions::Learned) {
            x = x + at::embedding(outer[Module::PositionEmbedding].weight, positions + architecture.positionOffset);
        }
        return architecture.embeddingDropout ? Dropout(pass.dropout, dropout, DropoutSite::Embedding)(x) : x;
    }

    bool anglesDependOnLength() const { return rotary.dependsOnLength() || windowRotary.dependsOnLength(); }

    /// tokens, positions [tokens] → what the head reads [tokens, embedding]. lengths as RotaryAngles::table has them;
    /// undefined where no angle depends on them.
    at::Tensor run(const at::Tensor& tokens, const at::Tensor& positions, const at::Tensor& lengths,
                   const std::shared_ptr<Pass>& pass) const {
        if (architecture.positions == Positions::Rotary) {
            pass->full = rotary.table(positions, lengths, computeType);
            pass->windowed =
                architecture.windowedLayers.empty() ? pass->full : windowRotary.table(positions, lengths, computeType);
        }
        at::Tensor x = embed(tokens, positions, *pass);
        for (std::int64_t index = 0; index < architecture.layers; ++index) {
            const auto layer = [this, index, pass](const at::Tensor& in) { return layerBlock(index, in, *pass); };
            x = checkpointing && at::GradMode::is_enabled() ? checkpointed(layer, x) : layer(x);
        }
        if (architecture.finalNorm) {
            x = norm(x, outer[Module::FinalNorm]);
        }
        return outer.has(Module::EmbeddingOut)
                   ? linear(input(x), outer[Module::EmbeddingOut],
                            pass->predicting.defined() ? pass->predictingDropout : pass->dropout)
                   : x;
    }

    TreeAttention attentionOver(const PackedBatch& batch, std::int64_t window) const {
        return {batch.trees, window, slopes, scoreRule()};
    }

    at::Tensor run(const PackedBatch& batch, Queries asking) const {
        std::vector<std::int64_t> tokens, predicting, rows;
        std::int64_t begin = 0;
        for (const PrefixTree& tree : batch.trees) {
            checkLength(tree.positions());
            tokens.push_back(tree.tokens());
            const std::int64_t first = firstQuery(tree, asking);
            predicting.push_back(tree.tokens() - first);
            for (std::int64_t row = begin + first; row < begin + tree.tokens(); ++row) {
                rows.push_back(row);
            }
            begin += tree.tokens();
        }
        const auto pass = std::make_shared<Pass>();
        pass->dropout = {batch.dropoutKeys, tokens};
        if (static_cast<std::int64_t>(rows.size()) < begin) {
            pass->predicting = at::tensor(rows, at::kLong).to(device);
            pass->predictingDropout = {batch.dropoutKeys, predicting};
        }
        const TreeAttention full = attentionOver(batch, 0);
        const TreeAttention windowed =
            architecture.windowedLayers.empty() ? full : attentionOver(batch, architecture.window);
        // Owns what it needs: a layer may be computed anew when this function has returned.
        pass->attend = [this, full, windowed, keys = pass->dropout](std::int64_t layer, Queries queries,
                                                                    const at::Tensor& q, const at::Tensor& k,
                                                                    const at::Tensor& v) {
            const Dropout dropped(keys, dropout, DropoutSite::AttentionWeights, layer);
            const at::ScalarType type = attentionType();
            return (architecture.windowed(layer) ? windowed : full)(q.to(type), k.to(type), v.to(type), queries,
                                                                    dropped)
                .to(computeType);
        };
        return run(batch.tokens, batch.positions, anglesDependOnLength() ? batch.sequenceLengths() : at::Tensor(),
                   pass);
    }

    LoraBase adapterBase() const { return {slots, family->matrices, device, computeType}; }

    std::vector<Parameter>& trainable() { return adapter ? adapter->parameters() : parameters; }

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

at::Tensor Transformer::forward(const PackedBatch& batch) const {
    return state_->run(batch, Queries::All);
}

at::Tensor Transformer::forwardPredicting(const PackedBatch& batch) const {
    return state_->run(batch, Queries::Predicting);
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

at::Tensor Transformer::forwardCached(const at::Tensor& tokens, KvCache& cache) const {
    const at::NoGradGuard noGrad;
    const std::int64_t sequences = tokens.size(0), newTokens = tokens.size(1);
    state_->checkLength(cache.longest() + newTokens);
    cache.reserve(newTokens);
    const at::Tensor lengths = at::tensor(cache.lengths(), at::kLong).to(state_->device).unsqueeze(1);
    const at::Tensor positions = lengths + at::arange(newTokens, lengths.options());  // [sequences, newTokens]

    const Architecture& a = state_->architecture;
    const CachedMasks masks(cache, positions, state_->slopes, a, state_->computeType);
    const auto pass = std::make_shared<Pass>();
    pass->attend = [&](std::int64_t layer, Queries /*all*/, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v) {
        const auto bySequence = [&](const at::Tensor& x) { return x.unflatten(0, {sequences, newTokens}); };
        const KvCache::View past = cache.append(layer, bySequence(k), bySequence(v), positions);
        const CachedMasks::Mask& mask = a.windowed(layer) ? masks.windowed : masks.full;
        return attention(bySequence(q).transpose(1, 2), past.keys, past.values, mask.added, mask.causal,
                         state_->scoreRule(), &cache.shared())
            .transpose(1, 2);
    };
    at::Tensor sequenceLengths;
    if (state_->anglesDependOnLength()) {
        sequenceLengths = (lengths + newTokens).expand({-1, newTokens}).flatten();
    }
    const at::Tensor hidden = state_->run(tokens.flatten(), positions.flatten(), sequenceLengths, pass);
    cache.advance(newTokens);
    return hidden.unflatten(0, {sequences, newTokens});
}

Transformer Transformer::forDecoding(WeightFormat format) const {
    auto state = std::make_unique<State>(*state_);
    if (state->device.is_cpu() && state->computeType == at::kFloat) {
        state->pack(format == WeightFormat::Float32 && state->rounded ? WeightFormat::BFloat16 : format);
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
