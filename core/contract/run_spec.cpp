#include "core/contract/run_spec.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <variant>

#include "core/contract/json_fields.h"

namespace prefbench::contract {

namespace {

constexpr int kFormat = 1;

using Field = std::variant<double Hyperparameters::*, std::int64_t Hyperparameters::*, bool Hyperparameters::*,
                           std::string Hyperparameters::*, std::vector<double> Hyperparameters::*>;

struct Setting {
    const char* key;
    Field field;
};

/// The one list of training settings: run.json's "hyperparameters", `--set`, and the form of a new run.
constexpr std::array<Setting, 37> kSettings = {{
    {"beta", &Hyperparameters::beta},
    {"label_smoothing", &Hyperparameters::labelSmoothing},
    {"f_divergence_type", &Hyperparameters::divergence},
    {"f_alpha_divergence_coef", &Hyperparameters::divergenceAlpha},
    {"ld_alpha", &Hyperparameters::lengthAlpha},
    {"simpo_gamma", &Hyperparameters::simpoGamma},
    {"cpo_alpha", &Hyperparameters::nllWeight},
    {"discopop_tau", &Hyperparameters::discopopTau},
    {"strength_gamma", &Hyperparameters::strengthGamma},
    {"desirable_weight", &Hyperparameters::desirableWeight},
    {"undesirable_weight", &Hyperparameters::undesirableWeight},
    {"loss_weights", &Hyperparameters::lossWeights},
    {"ties", &Hyperparameters::ties},
    {"learning_rate", &Hyperparameters::learningRate},
    {"lr_scheduler_type", &Hyperparameters::schedule},
    {"warmup_steps", &Hyperparameters::warmupSteps},
    {"batch_size", &Hyperparameters::batchSize},
    {"gradient_accumulation_steps", &Hyperparameters::gradientAccumulation},
    {"num_train_epochs", &Hyperparameters::epochs},
    {"max_steps", &Hyperparameters::maxSteps},
    {"max_grad_norm", &Hyperparameters::maxGradNorm},
    {"optim", &Hyperparameters::optimizer},
    {"weight_decay", &Hyperparameters::weightDecay},
    {"adam_beta1", &Hyperparameters::adamBeta1},
    {"adam_beta2", &Hyperparameters::adamBeta2},
    {"adam_epsilon", &Hyperparameters::adamEpsilon},
    {"max_length", &Hyperparameters::maxLength},
    {"shuffle", &Hyperparameters::shuffle},
    {"eval_steps", &Hyperparameters::evalEvery},
    {"save_steps", &Hyperparameters::checkpointEvery},
    {"eval_samples", &Hyperparameters::evalSamples},
    {"dropout", &Hyperparameters::dropout},
    {"gradient_checkpointing", &Hyperparameters::gradientCheckpointing},
    {"lora_r", &Hyperparameters::loraRank},
    {"lora_alpha", &Hyperparameters::loraAlpha},
    {"lora_dropout", &Hyperparameters::loraDropout},
    {"lora_target_modules", &Hyperparameters::loraTargets},
}};

constexpr std::array kSpecSettings = {"seed", "device", "dtype", "threads"};

files::OrderedJson parseValue(const std::string& text, const Field& field, const std::string& assignment) {
    if (std::holds_alternative<std::string Hyperparameters::*>(field)) {
        return text;
    }
    try {
        return files::parseOrderedJson(text, assignment);
    } catch (const Error&) {
        throw Error(assignment + ": \"" + text + "\" is not a number, true or false, or a list of numbers in brackets");
    }
}

void readSetting(const JsonFields& fields, const Setting& setting, Hyperparameters& target) {
    std::visit([&](auto member) { fields.read(setting.key, target.*member); }, setting.field);
}

template <class Value>
void requireValue(bool good, const char* key, const Value& value, const char* rule) {
    if (!good) {
        throw Error(std::string(key) + " = " + files::toLine(files::OrderedJson(value)) + ": " + rule);
    }
}

bool isOneOf(const std::string& value, std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* name) { return value == name; });
}

std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

bool atLeast(double value, double bound) {
    return std::isfinite(value) && value >= bound;
}

bool isFraction(double value) {
    return value >= 0 && value < 1;
}

constexpr const char* kAllLinear = "all-linear";

bool isModuleName(const std::string& name) {
    const auto belongs = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; };
    return !name.empty() && std::all_of(name.begin(), name.end(), belongs);
}

void checkLora(const Hyperparameters& h) {
    const std::vector<std::string> targets = loraTargetNames(h);
    const bool named = !targets.empty() && std::all_of(targets.begin(), targets.end(), isModuleName);
    requireValue(h.loraRank >= 0, "lora_r", h.loraRank, "must be 0 (off: all weights are trained) or more");
    requireValue(atLeast(h.loraAlpha, 0) && h.loraAlpha > 0, "lora_alpha", h.loraAlpha, "must be above 0");
    requireValue(isFraction(h.loraDropout), "lora_dropout", h.loraDropout, "must be from 0 to below 1");
    requireValue(h.loraTargets == kAllLinear || named, "lora_target_modules", h.loraTargets,
                 "must be all-linear or names of modules with commas between");
}

void check(const Hyperparameters& h) {
    requireValue(atLeast(h.beta, 0) && h.beta > 0, "beta", h.beta, "must be above 0");
    requireValue(h.labelSmoothing >= 0 && h.labelSmoothing < 0.5, "label_smoothing", h.labelSmoothing,
                 "must be from 0 to below 0.5");
    requireValue(isOneOf(h.divergence, {"reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"}),
                 "f_divergence_type", h.divergence,
                 "must be reverse_kl, forward_kl, js_divergence or alpha_divergence");
    requireValue(std::isfinite(h.divergenceAlpha), "f_alpha_divergence_coef", h.divergenceAlpha, "must be finite");
    requireValue(h.lengthAlpha >= 0 && h.lengthAlpha <= 1, "ld_alpha", h.lengthAlpha, "must be from 0 to 1");
    requireValue(atLeast(h.simpoGamma, 0), "simpo_gamma", h.simpoGamma, "must be 0 or more");
    requireValue(atLeast(h.nllWeight, 0), "cpo_alpha", h.nllWeight, "must be 0 or more");
    requireValue(atLeast(h.discopopTau, 0) && h.discopopTau > 0, "discopop_tau", h.discopopTau, "must be above 0");
    requireValue(isOneOf(h.ties, {"drop", "soft"}), "ties", h.ties, "must be drop or soft");
    requireValue(atLeast(h.strengthGamma, 0), "strength_gamma", h.strengthGamma, "must be 0 or more");
    requireValue(atLeast(h.desirableWeight, 0), "desirable_weight", h.desirableWeight, "must be 0 or more");
    requireValue(atLeast(h.undesirableWeight, 0), "undesirable_weight", h.undesirableWeight, "must be 0 or more");
    requireValue(h.lossWeights.size() == 3 && std::all_of(h.lossWeights.begin(), h.lossWeights.end(),
                                                          [](double weight) { return atLeast(weight, 0); }),
                 "loss_weights", h.lossWeights, "must be three numbers of 0 or more: of dpo, bco_pair and sft");
    requireValue(atLeast(h.learningRate, 0) && h.learningRate > 0, "learning_rate", h.learningRate, "must be above 0");
    requireValue(isOneOf(h.schedule, {"linear", "cosine", "constant", "constant_original"}), "lr_scheduler_type",
                 h.schedule, "must be linear, cosine, constant or constant_original");
    requireValue(h.warmupSteps >= 0, "warmup_steps", h.warmupSteps, "must be 0 or more");
    requireValue(h.batchSize >= 1, "batch_size", h.batchSize, "must be 1 or more");
    requireValue(h.gradientAccumulation >= 1, "gradient_accumulation_steps", h.gradientAccumulation,
                 "must be 1 or more");
    requireValue(atLeast(h.epochs, 0) && h.epochs > 0, "num_train_epochs", h.epochs, "must be above 0");
    requireValue(h.maxSteps >= 0, "max_steps", h.maxSteps, "must be 0 (by epochs) or more");
    requireValue(atLeast(h.maxGradNorm, 0), "max_grad_norm", h.maxGradNorm, "must be 0 (off) or more");
    requireValue(isOneOf(h.optimizer, {"adamw", "rmsprop"}), "optim", h.optimizer, "must be adamw or rmsprop");
    requireValue(atLeast(h.weightDecay, 0), "weight_decay", h.weightDecay, "must be 0 or more");
    requireValue(isFraction(h.adamBeta1), "adam_beta1", h.adamBeta1, "must be from 0 to below 1");
    requireValue(isFraction(h.adamBeta2), "adam_beta2", h.adamBeta2, "must be from 0 to below 1");
    requireValue(atLeast(h.adamEpsilon, 0) && h.adamEpsilon > 0, "adam_epsilon", h.adamEpsilon, "must be above 0");
    requireValue(h.maxLength >= 0, "max_length", h.maxLength, "must be 0 (no limit) or more");
    requireValue(h.evalEvery >= 0, "eval_steps", h.evalEvery, "must be 0 (about ten a run) or more");
    requireValue(h.checkpointEvery >= 0, "save_steps", h.checkpointEvery, "must be 0 (at the end) or more");
    requireValue(h.evalSamples >= 0, "eval_samples", h.evalSamples, "must be 0 or more");
    requireValue(isFraction(h.dropout), "dropout", h.dropout, "must be from 0 (off) to below 1");
    checkLora(h);
}

}  // namespace

files::OrderedJson toJson(const RunSpec& spec) {
    files::OrderedJson hyperparameters = files::OrderedJson::object();
    for (const Setting& setting : kSettings) {
        std::visit([&](auto member) { hyperparameters[setting.key] = spec.hyperparameters.*member; }, setting.field);
    }
    files::OrderedJson json = {{"format", kFormat},
                               {"id", spec.id},
                               {"name", spec.name},
                               {"created", spec.created},
                               {"method", spec.method},
                               {"model", spec.model.string()},
                               {"model_sha256", spec.modelHash},
                               {"hyperparameters", std::move(hyperparameters)},
                               {"sampling", files::OrderedJson(toJson(spec.sampling))},
                               {"device", spec.device},
                               {"dtype", spec.dtype},
                               {"threads", spec.threads},
                               {"seed", spec.seed},
                               {"resolved", spec.resolved}};
    if (!spec.base.empty()) {
        json["base_model"] = spec.base.string();
    }
    for (const auto& [key, value] : spec.unknown.items()) {
        json[key] = value;
    }
    return json;
}

RunSpec runSpecFromJson(const files::OrderedJson& json, const std::string& what) {
    const JsonFields fields(json, what);
    RunSpec spec;
    std::int64_t format = kFormat;
    fields.read("format", format);
    if (format != kFormat) {
        throw Error(what + ": format = " + std::to_string(format) + ": this version reads format 1 only");
    }
    fields.read("id", spec.id);
    fields.read("name", spec.name);
    fields.read("created", spec.created);
    fields.read("method", spec.method);
    std::string model, base;
    fields.read("model", model);
    fields.read("base_model", base);
    spec.model = model;
    spec.base = base;
    fields.read("model_sha256", spec.modelHash);
    fields.read("device", spec.device);
    fields.read("dtype", spec.dtype);
    fields.read("threads", spec.threads);
    fields.read("seed", spec.seed);
    if (const auto* hyperparameters = fields.find("hyperparameters")) {
        const JsonFields inner(*hyperparameters, what + ": hyperparameters");
        for (const auto& [key, value] : hyperparameters->items()) {
            const bool known = std::any_of(kSettings.begin(), kSettings.end(),
                                           [&key = key](const Setting& setting) { return key == setting.key; });
            if (!known) {
                throw Error(what + ": hyperparameters: unknown key \"" + key + "\"");
            }
        }
        for (const Setting& setting : kSettings) {
            readSetting(inner, setting, spec.hyperparameters);
        }
    }
    if (const auto* sampling = fields.find("sampling")) {
        spec.sampling = samplingFromJson(*sampling);
    }
    if (const auto* resolved = fields.find("resolved")) {
        spec.resolved = *resolved;
    }
    const files::OrderedJson known = toJson(spec);
    for (const auto& [key, value] : json.items()) {
        if (!known.contains(key)) {
            spec.unknown[key] = value;
        }
    }
    try {
        check(spec);
    } catch (const Error& error) {
        throw Error(what + ": " + error.what());
    }
    return spec;
}

void applySetting(RunSpec& spec, const std::string& assignment) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0) {
        throw Error("\"" + assignment + "\": must be KEY=VALUE");
    }
    const std::string key = assignment.substr(0, equals);
    const std::string text = assignment.substr(equals + 1);
    const auto setting = std::find_if(kSettings.begin(), kSettings.end(),
                                      [&key](const Setting& candidate) { return key == candidate.key; });
    if (setting != kSettings.end()) {
        const files::OrderedJson object = {{key, parseValue(text, setting->field, assignment)}};
        readSetting(JsonFields(object, assignment), *setting, spec.hyperparameters);
    } else if (key == "device") {
        spec.device = text;
    } else if (key == "dtype") {
        spec.dtype = text;
    } else if (key == "seed" || key == "threads") {
        const files::OrderedJson object = {{key, parseValue(text, &Hyperparameters::beta, assignment)}};
        const JsonFields fields(object, assignment);
        key == "seed" ? fields.read("seed", spec.seed) : fields.read("threads", spec.threads);
    } else {
        throw Error("unknown setting \"" + key + "\"; there are " + joined(settingNames()));
    }
    check(spec);
}

std::vector<std::string> loraTargetNames(const Hyperparameters& hyperparameters) {
    std::vector<std::string> names;
    if (hyperparameters.loraTargets == kAllLinear) {
        return names;
    }
    names.emplace_back();
    for (const char c : hyperparameters.loraTargets) {
        if (c == ',') {
            names.emplace_back();
        } else if (c != ' ') {
            names.back() += c;
        }
    }
    return names;
}

const std::vector<std::string>& methodNames() {
    static const std::vector<std::string> names = {
        "dpo",          "cdpo",     "robust",       "reference_free", "dpo_strength", "dpo_margin",
        "ipo",          "ipo_sum",  "hinge",        "exo_pair",       "nca_pair",     "bco_pair",
        "sppo_hard",    "apo_zero", "apo_down",     "discopop",       "sigmoid_norm", "aot",
        "aot_unpaired", "mpo",      "kto",          "orpo",           "simpo",        "cpo",
        "cpo_hinge",    "cpo_ipo",  "preferred_ft", "plackett_luce",  "sft"};
    return names;
}

std::vector<std::string> settingNames() {
    std::vector<std::string> names;
    for (const Setting& setting : kSettings) {
        names.emplace_back(setting.key);
    }
    names.insert(names.end(), kSpecSettings.begin(), kSpecSettings.end());
    return names;
}

void check(const RunSpec& spec) {
    const std::vector<std::string>& known = methodNames();
    requireValue(std::find(known.begin(), known.end(), spec.method) != known.end(), "method", spec.method,
                 ("must be one of " + joined(known)).c_str());
    requireValue(isOneOf(spec.device, {"auto", "cpu", "cuda"}), "device", spec.device, "must be auto, cpu or cuda");
    requireValue(isOneOf(spec.dtype, {"float32", "float64", "bfloat16"}), "dtype", spec.dtype,
                 "must be float32, float64 or bfloat16");
    requireValue(spec.threads >= 0, "threads", spec.threads, "must be 0 (physical cores) or more");
    check(spec.hyperparameters);
    check(spec.sampling);
}

}  // namespace prefbench::contract
