#pragma once

#include <string>
#include <vector>

#include "core/contract/messages.h"
#include "core/model/architecture.h"
#include "core/text/conversation.h"

namespace prefbench::engine {

/// Ids of a plain text to continue: special tokens added; an empty one becomes the beginning-of-text token where the
/// tokenizer has one.
std::vector<text::TokenId> plainPromptIds(const text::Tokenizer& tokenizer, const std::string& prompt);
/// The same, or those of a conversation: text::Conversations::promptIds.
std::vector<text::TokenId> promptIds(const text::Conversations& conversations, const contract::Passage& prompt);

std::vector<contract::Rendering::Token> shown(const text::Tokenizer& tokenizer, const std::vector<text::TokenId>& ids);
/// What the model reads of a prompt, token by token.
contract::Rendering rendering(const text::Conversations& conversations, const contract::Passage& prompt);

/// A list of ids under `key`; Error when it is missing, no such list, or holds ids outside the model's vocabulary.
std::vector<text::TokenId> requiredIds(const files::OrderedJson& line, const char* key,
                                       const model::Architecture& architecture);

}  // namespace prefbench::engine
