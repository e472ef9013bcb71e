#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/text/tokenizer.h"

namespace prefbench::text {

/// A token as people are shown it.
struct ShownToken {
    TokenId id = 0;
    std::string text;  ///< valid UTF-8, see shownTokens
    bool special = false;
};

/// Each id with the text that it adds where it stands after other text. A token that is part of a character only is
/// shown by its bytes, "<0xE4>"; one that decodes to nothing by its spelling in the vocabulary. Error when an id is not
/// in the vocabulary.
std::vector<ShownToken> shownTokens(const Tokenizer& tokenizer, std::span<const TokenId> ids);

}  // namespace prefbench::text
