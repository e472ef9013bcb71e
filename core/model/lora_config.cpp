#include "core/model/lora_config.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "core/files/error.h"

namespace prefbench::model {
namespace {

/// No layer has more inputs.
constexpr std::int64_t kMostRank = std::int64_t{1} << 31;

std::string leafOf(const std::string& module) {
    return module.substr(module.rfind('.') + 1);
}

std::string listed(const std::vector<std::string>& modules) {
    std::string text;
    std::set<std::string> said;
    for (const std::string& module : modules) {
        if (said.insert(leafOf(module)).second) {
            text += (text.empty() ? "" : ", ") + leafOf(module);
        }
    }
    return text;
}

/// Reads adapter_config.json's values; `null` counts as missing.
class Fields {
  public:
    Fields(const files::OrderedJson& config, const std::string& file) : config_(config), file_(file) {}

    const files::OrderedJson* find(const char* key) const {
        const auto found = config_.find(key);
        return found == config_.end() || found->is_null() ? nullptr : &*found;
    }
    [[noreturn]] void fail(const char* key, const std::string& rule) const {
        const files::OrderedJson* value = find(key);
        throw Error(file_ + ": " + key + (value == nullptr ? " is missing" : " = " + files::toLine(*value)) + ": " +
                    rule);
    }
    void mustBe(const char* key, const char* wanted, const char* missing) const {
        const files::OrderedJson* value = find(key);
        if (value == nullptr ? std::string(wanted) != missing : *value != wanted) {
            fail(key, std::string("must be ") + wanted);
        }
    }
    /// Missing, false, 0, or an empty text, list or object: a variant that is not used.
    void mustBeUnused(const char* key) const {
        const files::OrderedJson* value = find(key);
        if (value != nullptr && *value != false && *value != 0 && *value != "" &&
            !((value->is_array() || value->is_object()) && value->empty())) {
            fail(key, "this variant of LoRA is not known here; merge the adapter with peft");
        }
    }

  private:
    const files::OrderedJson& config_;
    const std::string& file_;
};

/// Starts that change the base model's own weights.
void refuseChangedBase(const Fields& fields) {
    const files::OrderedJson* start = fields.find("init_lora_weights");
    if (start == nullptr || start->is_boolean() || *start == "gaussian" || *start == "orthogonal" || *start == "eva") {
        return;
    }
    fields.fail("init_lora_weights",
                "such adapters change the base model; save it with peft's path_initial_model_for_"
                "weight_conversion, or merge it there");
}

void readTargets(const Fields& fields, LoraConfig& config) {
    const files::OrderedJson* targets = fields.find("target_modules");
    if (targets == nullptr || targets->is_string()) {
        config.targetsAreKnown = targets != nullptr && *targets == "all-linear";
        return;
    }
    const auto isText = [](const auto& target) { return target.is_string(); };
    if (!targets->is_array() || targets->empty() || !std::all_of(targets->begin(), targets->end(), isText)) {
        fields.fail("target_modules", "must be all-linear or a list of modules' names");
    }
    config.targets = targets->get<std::vector<std::string>>();
    // Which layers of a kind is said by numbers elsewhere then.
    config.targetsAreKnown = fields.find("layers_to_transform") == nullptr && fields.find("exclude_modules") == nullptr;
}

}  // namespace

bool isTarget(const std::string& module, const std::string& target) {
    return module == target || module.ends_with("." + target);
}

std::vector<std::string> targetModules(const std::vector<std::string>& modules, const std::vector<std::string>& targets,
                                       const std::string& what) {
    std::set<std::string> chosen;
    for (const std::string& target : targets) {
        const std::size_t before = chosen.size();
        for (const std::string& module : modules) {
            if (isTarget(module, target)) {
                chosen.insert(module);
            }
        }
        const bool alreadyChosen = std::any_of(chosen.begin(), chosen.end(),
                                               [&](const std::string& module) { return isTarget(module, target); });
        if (chosen.size() == before && !alreadyChosen) {
            throw Error(what + " names \"" + target + "\", but no linear layer of the model is called so; there are " +
                        listed(modules));
        }
    }
    std::vector<std::string> result;
    std::copy_if(modules.begin(), modules.end(), std::back_inserter(result),
                 [&](const std::string& module) { return targets.empty() || chosen.contains(module); });
    return result;
}

LoraConfig loraConfigFrom(const files::OrderedJson& json, const std::string& file) {
    const Fields fields(json, file);
    fields.mustBe("peft_type", "LORA", "");
    fields.mustBe("task_type", "CAUSAL_LM", "CAUSAL_LM");
    fields.mustBe("bias", "none", "none");
    for (const char* variant :
         {"use_dora", "use_qalora", "use_bdlora", "lora_bias", "rank_pattern", "alpha_pattern", "modules_to_save",
          "layer_replication", "target_parameters", "trainable_token_indices", "alora_invocation_tokens",
          "arrow_config", "kasa_config", "monteclora_config", "velora_config"}) {
        fields.mustBeUnused(variant);
    }
    refuseChangedBase(fields);
    LoraConfig config;
    const files::OrderedJson *rank = fields.find("r"), *alpha = fields.find("lora_alpha");
    if (rank == nullptr || !rank->is_number_integer() || *rank < 1 || *rank > kMostRank) {
        fields.fail("r", "must be a whole number above 0");
    }
    if (alpha == nullptr || !alpha->is_number()) {
        fields.fail("lora_alpha", "must be a number");
    }
    const files::OrderedJson* stabilized = fields.find("use_rslora");
    config.rank = rank->get<std::int64_t>();
    const double r = static_cast<double>(config.rank);
    config.scale = alpha->get<double>() / (stabilized != nullptr && *stabilized == true ? std::sqrt(r) : r);
    readTargets(fields, config);
    return config;
}

files::OrderedJson loraConfigJson(const LoraSettings& settings, const std::vector<std::string>& targets,
                                  bool inputByOutput) {
    const bool whole = settings.alpha == std::floor(settings.alpha) && settings.alpha < 1e9;
    const files::OrderedJson alpha =
        whole ? files::OrderedJson(static_cast<std::int64_t>(settings.alpha)) : files::OrderedJson(settings.alpha);
    return {{"alpha_pattern", files::OrderedJson::object()},
            {"base_model_name_or_path", nullptr},
            {"bias", "none"},
            {"fan_in_fan_out", inputByOutput},
            {"inference_mode", true},
            {"init_lora_weights", true},
            {"lora_alpha", alpha},
            {"lora_bias", false},
            {"lora_dropout", settings.dropout},
            {"modules_to_save", nullptr},
            {"peft_type", "LORA"},
            {"r", settings.rank},
            {"rank_pattern", files::OrderedJson::object()},
            {"target_modules", targets},
            {"task_type", "CAUSAL_LM"},
            {"use_dora", false},
            {"use_rslora", false}};
}

}  // namespace prefbench::model
