#pragma once

#include <cstdint>
#include <string>

#include "core/files/json.h"

namespace prefbench::contract {

/// How completions are drawn. JSON keys are the fields' names in snake case (max_new_tokens, top_p…).
struct SamplingSettings {
    std::int64_t samples = 1;  ///< completions a prompt
    double temperature = 1;    ///< 0 = greedy
    std::int64_t topK = 0;     ///< 0 = off
    double topP = 1;           ///< 1 = off
    std::int64_t maxNewTokens = 128;
    std::uint64_t seed = 0;

    bool operator==(const SamplingSettings&) const = default;
};

files::Json toJson(const SamplingSettings& settings);
/// Missing keys take the defaults; an unknown key or a value out of range is an Error that names key, value and rule.
SamplingSettings samplingFromJson(const files::Json& json);
/// Throws Error naming the value and the rule it breaks.
void check(const SamplingSettings& settings);

enum class FinishReason { Stop, Length, Cancelled };
/// "stop", "length", "cancelled"
const char* toString(FinishReason reason);
FinishReason finishReasonFromString(const std::string& name);

}  // namespace prefbench::contract
