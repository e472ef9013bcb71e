#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/contract/sampling.h"
#include "core/model/transformer.h"
#include "core/text/tokenizer.h"

namespace prefbench::sampling {

/// One finished sample.
struct Sample {
    std::int64_t prompt = 0;         ///< index into the prompts given
    std::int64_t index = 0;          ///< which of the prompt's samples
    std::vector<text::TokenId> ids;  ///< without the end token; with those that spell a stop text
    double logProbability =
        0;             ///< Σ log p of the sampled tokens under the untempered model, nats; includes the end token
    std::string text;  ///< of the ids, up to a stop text
    contract::FinishReason finishReason = contract::FinishReason::Length;
};

/// Called on the generating thread; either may be empty. `onToken` is called for every token, also where `newText` is
/// still empty; returning false from it ends that sample at once, as cancelled.
struct SampleCallbacks {
    std::function<bool(std::int64_t prompt, std::int64_t index, const std::string& newText)> onToken;
    std::function<void(const Sample&)> onSample;
};

/// Draws `settings.samples` completions for each prompt; each prompt is prefilled once for all its samples. Random
/// numbers are keyed by (seed, prompt key, sample, position), so that the batch changes nothing but rounding.
/// Throws Error when settings break a rule or a prompt is empty, too long or holds ids outside the vocabulary; nothing
/// is drawn then.
void generate(const model::Transformer& model, const text::Tokenizer& tokenizer,
              const std::vector<std::vector<text::TokenId>>& prompts, const contract::SamplingSettings& settings,
              const SampleCallbacks& callbacks);

}  // namespace prefbench::sampling
