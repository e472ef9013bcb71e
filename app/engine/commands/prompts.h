#pragma once

#include <string>
#include <vector>

#include "core/files/json.h"
#include "core/model/architecture.h"
#include "core/text/tokenizer.h"

namespace prefbench::engine {

/// Ids of a prompt to continue: special tokens added; an empty text becomes the beginning-of-text token where the
/// tokenizer has one.
std::vector<text::TokenId> promptIds(const text::Tokenizer& tokenizer, const std::string& prompt);

/// A list of ids under `key`; Error when it is missing, no such list, or holds ids outside the model's vocabulary.
std::vector<text::TokenId> requiredIds(const files::OrderedJson& line, const char* key,
                                       const model::Architecture& architecture);

}  // namespace prefbench::engine
