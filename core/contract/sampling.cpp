#include "core/contract/sampling.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/contract/json_fields.h"

namespace prefbench::contract {

namespace {

constexpr std::array kKeys = {
    "samples", "repetition_penalty", "no_repeat_ngram_size", "min_new_tokens", "temperature", "top_k", "top_p",
    "min_p",   "typical_p",          "epsilon_cutoff",       "max_new_tokens", "stop",        "seed"};
constexpr std::size_t kMostStops = 64, kLongestStop = 1000;

void require(bool good, const std::string& key, const std::string& value, const std::string& rule) {
    if (!good) {
        throw Error("sampling settings: " + key + " = " + value + ": " + rule);
    }
}

}  // namespace

files::Json toJson(const SamplingSettings& settings) {
    return {{"samples", settings.samples},
            {"repetition_penalty", settings.repetitionPenalty},
            {"no_repeat_ngram_size", settings.noRepeatNgramSize},
            {"min_new_tokens", settings.minNewTokens},
            {"temperature", settings.temperature},
            {"top_k", settings.topK},
            {"top_p", settings.topP},
            {"min_p", settings.minP},
            {"typical_p", settings.typicalP},
            {"epsilon_cutoff", settings.epsilonCutoff},
            {"max_new_tokens", settings.maxNewTokens},
            {"stop", settings.stop},
            {"seed", settings.seed}};
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
    fields.read("repetition_penalty", settings.repetitionPenalty);
    fields.read("no_repeat_ngram_size", settings.noRepeatNgramSize);
    fields.read("min_new_tokens", settings.minNewTokens);
    fields.read("temperature", settings.temperature);
    fields.read("top_k", settings.topK);
    fields.read("top_p", settings.topP);
    fields.read("min_p", settings.minP);
    fields.read("typical_p", settings.typicalP);
    fields.read("epsilon_cutoff", settings.epsilonCutoff);
    fields.read("max_new_tokens", settings.maxNewTokens);
    fields.read("stop", settings.stop);
    fields.read("seed", settings.seed);
    check(settings);
    return settings;
}

void check(const SamplingSettings& settings) {
    require(settings.samples >= 1 && settings.samples <= 4096, "samples", std::to_string(settings.samples),
            "must be from 1 to 4096");
    require(std::isfinite(settings.repetitionPenalty) && settings.repetitionPenalty > 0, "repetition_penalty",
            std::to_string(settings.repetitionPenalty), "must be above 0; 1 is off");
    require(settings.noRepeatNgramSize >= 0, "no_repeat_ngram_size", std::to_string(settings.noRepeatNgramSize),
            "must be 0 (off) or more");
    require(settings.minNewTokens >= 0 && settings.minNewTokens <= settings.maxNewTokens, "min_new_tokens",
            std::to_string(settings.minNewTokens), "must be from 0 to max_new_tokens");
    require(std::isfinite(settings.temperature) && settings.temperature >= 0, "temperature",
            std::to_string(settings.temperature), "must be 0 (greedy) or more");
    require(settings.topK >= 0, "top_k", std::to_string(settings.topK), "must be 0 (off) or more");
    require(settings.topP > 0 && settings.topP <= 1, "top_p", std::to_string(settings.topP),
            "must be above 0 and at most 1");
    require(settings.minP >= 0 && settings.minP <= 1, "min_p", std::to_string(settings.minP), "must be from 0 to 1");
    require(settings.typicalP > 0 && settings.typicalP <= 1, "typical_p", std::to_string(settings.typicalP),
            "must be above 0 and at most 1");
    require(settings.epsilonCutoff >= 0 && settings.epsilonCutoff < 1, "epsilon_cutoff",
            std::to_string(settings.epsilonCutoff), "must be 0 (off) or more and below 1");
    for (const std::string& text : settings.stop) {
        require(!text.empty() && text.size() <= kLongestStop, "stop", "\"" + text.substr(0, 40) + "\"",
                "must be of 1 to 1000 bytes");
    }
    require(settings.stop.size() <= kMostStops, "stop", std::to_string(settings.stop.size()) + " texts",
            "must be at most 64");
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
