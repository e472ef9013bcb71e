#include "core/model/architecture.h"

#include <array>
#include <cmath>
#include <utility>

#include "core/files/error.h"
#include "core/model/families.h"
#include "core/model/rotary_config.h"

namespace prefbench::model {
namespace {

using files::OrderedJson;

constexpr std::array<std::pair<std::string_view, Activation>, 9> activations{{
    {"gelu_new", Activation::GeluTanh},
    {"gelu_fast", Activation::GeluTanh},
    {"gelu_pytorch_tanh", Activation::GeluTanh},
    {"gelu", Activation::GeluExact},
    {"gelu_python", Activation::GeluExact},
    {"quick_gelu", Activation::QuickGelu},
    {"relu", Activation::Relu},
    {"silu", Activation::Silu},
    {"swish", Activation::Silu},
}};

/// What is kept for each layer is made before any weight is looked for.
constexpr std::int64_t maxLayers = 10'000;

std::vector<std::int64_t> eosIds(const ConfigReader& config) {
    const OrderedJson* value = config.find("eos_token_id");
    if (value == nullptr) {
        return {};
    }
    std::vector<std::int64_t> ids;
    for (const OrderedJson& id : value->is_array() ? *value : OrderedJson::array({*value})) {
        if (!id.is_number_integer()) {
            config.fail("eos_token_id", *value, "an id or a list of ids");
        }
        ids.push_back(id.get<std::int64_t>());
    }
    return ids;
}

Activation readActivation(const ConfigReader& config, const Family& family) {
    const OrderedJson* value = config.find(family.keys.activation);
    if (value == nullptr) {
        return family.defaults.activation;
    }
    std::string known;
    for (const auto& [name, activation] : activations) {
        if (*value == name) {
            return activation;
        }
        known += (known.empty() ? "" : ", ") + std::string(name);
    }
    config.fail(family.keys.activation, *value, "one of " + known);
}

/// As `size`, but null means what a default of 0 means: to be derived.
std::int64_t sizeOrDerived(const ConfigReader& config, std::string_view key, std::int64_t fallback,
                           std::int64_t derived) {
    return config.size(key, fallback > 0 && !config.isNull(key) ? fallback : derived);
}

void mustDivide(const ConfigReader& config, std::string_view wholeKey, std::int64_t whole, std::string_view partKey,
                std::int64_t part) {
    if (whole % part != 0) {
        throw Error(config.what() + ": " + std::string(wholeKey) + " is " + std::to_string(whole) +
                    ", must be a multiple of " + std::string(partKey) + " = " + std::to_string(part));
    }
}

void readSizes(const ConfigReader& config, const ConfigKeys& keys, Architecture& a) {
    a.vocabulary = config.size(keys.vocabulary, a.vocabulary);
    a.hidden = config.size(keys.hidden, a.hidden);
    a.layers = config.size(keys.layers, a.layers);
    if (a.layers > maxLayers) {
        config.fail(keys.layers, *config.find(keys.layers), "at most " + std::to_string(maxLayers));
    }
    a.heads = config.size(keys.heads, a.heads);
    a.maxPositions = config.size(keys.maxPositions, a.maxPositions);
    a.kvHeads = sizeOrDerived(config, keys.kvHeads, a.kvHeads, a.heads);
    a.mlp = sizeOrDerived(config, keys.mlp, a.mlp, 4 * a.hidden);
    a.embedding = sizeOrDerived(config, keys.embedding, a.embedding, a.hidden);
    if (config.find(keys.headDim) == nullptr && (a.headDim == 0 || config.isNull(keys.headDim))) {
        mustDivide(config, keys.hidden, a.hidden, keys.heads, a.heads);
    }
    a.headDim = sizeOrDerived(config, keys.headDim, a.headDim, a.hidden / a.heads);
    mustDivide(config, keys.heads, a.heads, keys.kvHeads.empty() ? "num_kv_heads" : keys.kvHeads, a.kvHeads);
    a.window = config.isNull(keys.window) ? 0 : config.size(keys.window, a.window);
}

double capOf(const ConfigReader& config, std::string_view key, double fallback) {
    return config.isNull(key) ? 0 : config.positive(key, fallback);
}

}  // namespace

Architecture architectureFromConfig(const OrderedJson& config, const std::string& what) {
    if (!config.is_object()) {
        throw Error(what + ": must be a JSON object");
    }
    const ConfigReader reader(config, what);
    const std::string modelType = reader.text("model_type", "");
    const Family* family = findFamily(modelType);
    if (family == nullptr) {
        std::string known;
        for (const Family& row : families()) {
            known += (known.empty() ? "" : ", ") + std::string(row.modelType);
        }
        throw Error(what + ": model_type is \"" + modelType + "\"; supported are " + known);
    }
    for (const RequiredSwitch& needed : family->required) {
        if (reader.flag(needed.key, needed.value) != needed.value) {
            reader.fail(needed.key, *reader.find(needed.key), needed.value ? "true" : "false");
        }
    }
    Architecture architecture = family->defaults;
    architecture.family = modelType;
    readSizes(reader, family->keys, architecture);
    architecture.normEpsilon = reader.positive(family->keys.normEpsilon, architecture.normEpsilon);
    architecture.activation = readActivation(reader, *family);
    architecture.attentionBias = reader.flag(family->keys.attentionBias, architecture.attentionBias);
    architecture.outputBias = reader.flag(family->keys.outputBias, architecture.outputBias);
    architecture.mlpBias = reader.flag(family->keys.mlpBias, architecture.mlpBias);
    architecture.tiedHead = reader.flag("tie_word_embeddings", architecture.tiedHead);
    architecture.attentionCap = capOf(reader, family->keys.attentionCap, architecture.attentionCap);
    architecture.logitCap = capOf(reader, family->keys.logitCap, architecture.logitCap);
    architecture.attentionScale = 1 / std::sqrt(static_cast<double>(architecture.headDim));
    if (family->complete != nullptr) {
        family->complete(reader, architecture);
        mustDivide(reader, family->keys.heads, architecture.heads, "num_kv_heads", architecture.kvHeads);
    }
    if (architecture.positions == Positions::Rotary) {
        readRotary(reader, *family, architecture);
    }
    architecture.eosIds = eosIds(reader);
    return architecture;
}

std::vector<std::int64_t> eosIdsFromGenerationConfig(const std::filesystem::path& folder) {
    const std::filesystem::path file = folder / "generation_config.json";
    if (!std::filesystem::exists(file)) {
        return {};
    }
    const OrderedJson config = files::readOrderedJsonFile(file);
    if (!config.is_object()) {
        throw Error(file.string() + ": must be a JSON object");
    }
    return eosIds(ConfigReader(config, file.string()));
}

}  // namespace prefbench::model
