#pragma once

#include <string>
#include <string_view>

namespace prefbench::text {

/// Unicode normalization forms (Unicode Standard Annex 15).
enum class NormalForm { C, D, KC, KD };

/// `text` (valid UTF-8) in the form. Characters that Unicode gained after version 9 are left alone, with nothing
/// reordered or composed across them: what the `tokenizers` library knows.
std::string normalForm(std::string_view text, NormalForm form);

/// `text` (valid UTF-8) in lower case, character by character, without regard to language or position.
std::string lowerCase(std::string_view text);

}  // namespace prefbench::text
