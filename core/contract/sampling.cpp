#include "core/contract/sampling.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/contract/json_fields.h"

namespace prefbench::contract {

namespace {

constexpr std::array kKeys = {"samples", "temperature", "top_k", "top_p", "max_new_tokens", "seed"};

void require(bool good, const std::string& key, const std::string& value, const std::string& rule) {
    if (!good) {
        throw Error("sampling settings: " + key + " = " + value + ": " + rule);
    }
}

}  // namespace

files::Json toJson(const SamplingSettings& settings) {
    return {{"samples", settings.samples}, {"temperature", settings.temperature},     {"top_k", settings.topK},
            {"top_p", settings.topP},      {"max_new_tokens", settings.maxNewTokens}, {"seed", settings.seed}};
}

SamplingSettings samplingFromJson(const files::Json& json) {
    const files::OrderedJson object = json;
    const JsonFields fields(object, "sampling settings");
    for (const auto& [key, value] : object.items()) {
        if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
            throw Error("sampling settings: unknown key \"" + key + "\"");
        }
    }
    SamplingSettings settings;
    fields.read("samples", settings.samples);
    fields.read("temperature", settings.temperature);
    fields.read("top_k", settings.topK);
    fields.read("top_p", settings.topP);
    fields.read("max_new_tokens", settings.maxNewTokens);
    fields.read("seed", settings.seed);
    check(settings);
    return settings;
}

void check(const SamplingSettings& settings) {
    require(settings.samples >= 1 && settings.samples <= 4096, "samples", std::to_string(settings.samples),
            "must be from 1 to 4096");
    require(std::isfinite(settings.temperature) && settings.temperature >= 0, "temperature",
            std::to_string(settings.temperature), "must be 0 (greedy) or more");
    require(settings.topK >= 0, "top_k", std::to_string(settings.topK), "must be 0 (off) or more");
    require(settings.topP > 0 && settings.topP <= 1, "top_p", std::to_string(settings.topP),
            "must be above 0 and at most 1");
    require(settings.maxNewTokens >= 1 && settings.maxNewTokens <= (1 << 20), "max_new_tokens",
            std::to_string(settings.maxNewTokens), "must be from 1 to 1048576");
}

const char* toString(FinishReason reason) {
    switch (reason) {
        case FinishReason::Stop:
            return "stop";
        case FinishReason::Length:
            return "length";
        case FinishReason::Cancelled:
            return "cancelled";
    }
    return "";
}

FinishReason finishReasonFromString(const std::string& name) {
    for (const FinishReason reason : {FinishReason::Stop, FinishReason::Length, FinishReason::Cancelled}) {
        if (name == toString(reason)) {
            return reason;
        }
    }
    throw Error("finish_reason \"" + name + "\": must be stop, length or cancelled");
}

}  // namespace prefbench::contract
