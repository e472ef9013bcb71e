#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace prefbench::text {

/// Length of the character that starts at `text[0]`, or 0 when the bytes there begin none. `text` must not be empty.
std::size_t validCharacterLength(std::string_view text);

/// The offset of the first byte that is not part of valid UTF-8; text.size() when all is valid.
std::size_t validUtf8Length(std::string_view text);

/// Appends `bytes` to `out` with one U+FFFD for each maximal part that is no character (Unicode 15, 3.9, "substitution
/// of maximal subparts"). Unless `atEnd`, an unfinished character at the end is left. Returns the bytes consumed.
std::size_t appendLossy(std::string& out, std::string_view bytes, bool atEnd);

void appendUtf8(std::string& out, char32_t character);

/// Removes and returns the first character of valid, non-empty UTF-8.
char32_t takeCharacter(std::string_view& text);
/// Removes and returns the last character of valid, non-empty UTF-8.
char32_t takeLastCharacter(std::string_view& text);

/// Unicode's White_Space property.
bool isWhiteSpace(char32_t character);

constexpr std::string_view replacementCharacter = "\xEF\xBF\xBD";

}  // namespace prefbench::text
