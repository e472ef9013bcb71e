#include "core/sampling/generator.h"

#include "core/sampling/batch_generator.h"

namespace prefbench::sampling {

void generate(const model::Transformer& model, const text::Tokenizer& tokenizer,
              const std::vector<std::vector<text::TokenId>>& prompts, const contract::SamplingSettings& settings,
              const SampleCallbacks& callbacks) {
    BatchGenerator batch(model, tokenizer, callbacks);
    for (const auto& prompt : prompts) {
        batch.add(prompt, settings);
    }
    while (batch.step()) {
    }
}

}  // namespace prefbench::sampling
