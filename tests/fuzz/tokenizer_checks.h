#pragma once

#include <string_view>

#include "core/text/tokenizer.h"

namespace prefbench::fuzz {

/// What holds for every tokenizer that a file makes, whatever the text.
void checkTokenizer(const text::Tokenizer& tokenizer, std::string_view text);

}  // namespace prefbench::fuzz
