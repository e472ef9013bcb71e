#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/json.h"

namespace prefbench::contract {

/// How completions are drawn. JSON keys are the fields' names in snake case (max_new_tokens, top_p…); they mean what
/// they mean in transformers' GenerationConfig. "History" is the prompt and what was drawn so far.
struct SamplingSettings {
    std::int64_t samples = 1;  ///< completions a prompt
    double repetitionPenalty =
        1;  ///< logits of ids in the history are divided by it, negative ones multiplied; 1 = off
    std::int64_t noRepeatNgramSize = 0;  ///< no id that would end an n-gram that the history holds; 0 = off
    std::int64_t minNewTokens = 0;       ///< no end before so many
    double temperature = 1;              ///< 0 = greedy: what follows here does nothing
    std::int64_t topK = 0;               ///< 0 = off
    double topP = 1;                     ///< 1 = off
    double minP = 0;                     ///< of the likeliest token's probability; 0 = off
    double typicalP = 1;                 ///< Meister et al. 2023, "Locally Typical Sampling"; 1 = off
    double epsilonCutoff = 0;            ///< no token less likely; 0 = off
    std::int64_t maxNewTokens = 128;
    std::vector<std::string> stop{};  ///< texts that end a completion, which ends before them
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
