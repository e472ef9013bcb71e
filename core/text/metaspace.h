#pragma once

#include <string>
#include <string_view>

#include "core/files/json.h"

namespace prefbench::text {

/// SentencePiece's way to keep spaces: each is written as a character of its own, mostly U+2581.
struct Metaspace {
    enum class Prepend {
        Always,  ///< one before each piece of text that does not begin with one
        First,   ///< only before the piece that begins the text
        Never
    };
    std::string replacement;  ///< one character
    Prepend prepend = Prepend::Always;
    bool split = true;  ///< cut before each of them
};

/// Reads a pre-tokenizer or decoder of type Metaspace.
Metaspace metaspaceFromJson(const files::Json& json, const std::string& what);

/// `text` with each `from` (not empty) replaced.
std::string replaceAll(std::string_view text, std::string_view from, std::string_view to);

}  // namespace prefbench::text
