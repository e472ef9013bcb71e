#include "core/model/architecture.h"

#include <array>
#include <cmath>
#include <utility>

#include "core/files/error.h"
#include "core/model/families.h"

namespace prefbench::model {
namespace {

using files::OrderedJson;

constexpr std::array<std::pair<std::string_view, Activation>, 6> activations{{
    {"gelu_new", Activation::GeluTanh},
    {"gelu_pytorch_tanh", Activation::GeluTanh},
    {"gelu", Activation::GeluExact},
    {"relu", Activation::Relu},
    {"silu", Activation::Silu},
    {"swish", Activation::Silu},
}};

/// Typed reading of one JSON object; null counts as missing, as it does in transformers.
class ConfigReader {
  public:
    ConfigReader(const OrderedJson& object, std::string what) : object_(object), what_(std::move(what)) {}

    const OrderedJson* find(std::string_view key) const {
        if (key.empty()) {
            return nullptr;
        }
        const auto found = object_.find(std::string(key));
        return found == object_.end() || found->is_null() ? nullptr : &*found;
    }

    /// At least 1.
    std::int64_t size(std::string_view key, std::int64_t fallback) const {
        const OrderedJson* value = find(key);
        if (value == nullptr) {
            return fallback;
        }
        if (!value->is_number_integer() || value->get<std::int64_t>() < 1) {
            fail(key, *value, "a whole number of at least 1");
        }
        return value->get<std::int64_t>();
    }

    double positive(std::string_view key, double fallback) const {
        const OrderedJson* value = find(key);
        if (value == nullptr) {
            return fallback;
        }
        if (!value->is_number() || !(value->get<double>() > 0)) {
            fail(key, *value, "a number above 0");
        }
        return value->get<double>();
    }

    double requiredPositive(std::string_view key) const {
        if (find(key) == nullptr) {
            throw Error(what_ + ": " + std::string(key) + " is missing");
        }
        return positive(key, 0);
    }

    bool flag(std::string_view key, bool fallback) const {
        const OrderedJson* value = find(key);
        if (value == nullptr) {
            return fallback;
        }
        if (!value->is_boolean()) {
            fail(key, *value, "true or false");
        }
        return value->get<bool>();
    }

    std::string text(std::string_view key, const std::string& fallback) const {
        const OrderedJson* value = find(key);
        if (value == nullptr) {
            return fallback;
        }
        if (!value->is_string()) {
            fail(key, *value, "text");
        }
        return value->get<std::string>();
    }

    [[noreturn]] void fail(std::string_view key, const OrderedJson& value, const std::string& rule) const {
        throw Error(what_ + ": " + std::string(key) + " is " + files::toLine(value) + ", must be " + rule);
    }

    const std::string& what() const { return what_; }

  private:
    const OrderedJson& object_;
    std::string what_;
};

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

/// transformers 5: rope_parameters {rope_theta, rope_type, …}; transformers 4: rope_theta beside rope_scaling, which is
/// null or an object whose rope_type was once called type.
void readRope(const ConfigReader& config, Architecture& architecture) {
    architecture.ropeTheta = config.positive("rope_theta", architecture.ropeTheta);
    const bool versionFive = config.find("rope_parameters") != nullptr;
    const std::string_view key = versionFive ? "rope_parameters" : "rope_scaling";
    const OrderedJson* object = config.find(key);
    if (object == nullptr) {
        return;
    }
    if (!object->is_object()) {
        config.fail(key, *object, "an object");
    }
    const ConfigReader rope(*object, config.what() + ": " + std::string(key));
    architecture.ropeTheta = rope.positive("rope_theta", architecture.ropeTheta);
    if (rope.positive("partial_rotary_factor", 1) != 1) {
        rope.fail("partial_rotary_factor", *rope.find("partial_rotary_factor"), "1 for this family");
    }
    const std::string type = rope.text("rope_type", rope.text("type", "default"));
    if (type == "default") {
        return;
    }
    if (type != "llama3") {
        throw Error(rope.what() + ": rope_type is \"" + type + "\"; supported are default and llama3");
    }
    RopeScaling& scaling = architecture.ropeScaling;
    scaling.kind = RopeScaling::Kind::Llama3;
    scaling.factor = rope.requiredPositive("factor");
    scaling.lowFrequencyFactor = rope.requiredPositive("low_freq_factor");
    scaling.highFrequencyFactor = rope.requiredPositive("high_freq_factor");
    scaling.originalMaxPositions = rope.size("original_max_position_embeddings", architecture.maxPositions);
    if (scaling.highFrequencyFactor <= scaling.lowFrequencyFactor) {
        rope.fail("high_freq_factor", *rope.find("high_freq_factor"), "above low_freq_factor");
    }
}

void readSizes(const ConfigReader& config, const ConfigKeys& keys, Architecture& a) {
    a.vocabulary = config.size(keys.vocabulary, a.vocabulary);
    a.hidden = config.size(keys.hidden, a.hidden);
    a.layers = config.size(keys.layers, a.layers);
    a.heads = config.size(keys.heads, a.heads);
    a.maxPositions = config.size(keys.maxPositions, a.maxPositions);
    a.kvHeads = config.size(keys.kvHeads, a.kvHeads > 0 ? a.kvHeads : a.heads);
    a.mlp = config.size(keys.mlp, a.mlp > 0 ? a.mlp : 4 * a.hidden);
    if (const OrderedJson* dim = config.find(keys.headDim); dim == nullptr && a.hidden % a.heads != 0) {
        throw Error(config.what() + ": " + std::string(keys.hidden) + " is " + std::to_string(a.hidden) +
                    ", must be a multiple of " + std::string(keys.heads) + " = " + std::to_string(a.heads));
    }
    a.headDim = config.size(keys.headDim, a.hidden / a.heads);
    if (a.heads % a.kvHeads != 0) {
        throw Error(config.what() + ": " + std::string(keys.heads) + " is " + std::to_string(a.heads) +
                    ", must be a multiple of " + std::string(keys.kvHeads) + " = " + std::to_string(a.kvHeads));
    }
    if (a.positions == Positions::Rotary && a.headDim % 2 != 0) {
        throw Error(config.what() + ": the size of a head is " + std::to_string(a.headDim) +
                    ", must be even for rotary positions");
    }
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
    if (architecture.positions == Positions::Rotary) {
        readRope(reader, architecture);
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
