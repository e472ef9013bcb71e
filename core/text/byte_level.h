#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prefbench::text {

/// GPT-2's spelling of bytes as printable characters: 0x21–0x7E, 0xA1–0xAC and 0xAE–0xFF stand for themselves, the
/// other 68 are U+0100 and up, in order (https://github.com/openai/gpt-2, encoder.py).

/// Appends the spelling of `bytes`; at most two bytes for each.
void appendByteSpelling(std::string& out, std::string_view bytes);

/// The byte that a character spells; none when it spells no byte.
std::optional<unsigned char> byteOfSpelling(char32_t character);

}  // namespace prefbench::text
