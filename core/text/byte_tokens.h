#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/tokenizer.h"

namespace prefbench::text {

/// The tokens <0x00>…<0xFF> that stand for bytes where a character is in no vocabulary ("byte fallback").

/// Their ids, −1 where there is none.
std::array<std::int32_t, 256> byteTokenIds(const std::function<std::optional<TokenId>(std::string_view)>& idOf);

/// Appends one token for each byte; false, and nothing appended, when one of them is missing.
bool appendByteTokens(const std::array<std::int32_t, 256>& ids, std::string_view bytes, std::vector<std::int32_t>& out);

/// The byte that a token's spelling stands for; digits of either case.
std::optional<unsigned char> byteOfToken(std::string_view token);

}  // namespace prefbench::text
