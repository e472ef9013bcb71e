#pragma once

#include "app/engine/commands/model_options.h"
#include "core/files/json.h"

namespace prefbench::engine {

/// {"prompt","completion"}, {"messages","completion"} or {"prompt_ids","completion_ids"} → {"logprob","token_logprobs"}
/// in nats. Of plain text exactly the completion given; with "append_eos": true, the end token after it as well. Of a
/// conversation the assistant's answer with what the template puts after it, as it is trained on. A first token without
/// anything before it counts 0. Throws Error naming the key.
files::OrderedJson score(const LoadedModel& model, const files::OrderedJson& line);

}  // namespace prefbench::engine
