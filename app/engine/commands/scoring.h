#pragma once

#include "core/files/json.h"
#include "core/model/transformer.h"
#include "core/text/tokenizer.h"

namespace prefbench::engine {

/// {"prompt","completion"} or {"prompt_ids","completion_ids"} → {"logprob","token_logprobs"} in nats, of exactly the
/// completion given; with "append_eos": true, of the end token after it as well (texts only). A first token without
/// anything before it counts 0. Throws Error naming the key.
files::OrderedJson score(const model::Transformer& model, const text::Tokenizer& tokenizer,
                         const files::OrderedJson& line);

}  // namespace prefbench::engine
