#include "core/text/byte_tokens.h"

#include <algorithm>

namespace prefbench::text {

std::array<std::int32_t, 256> byteTokenIds(const std::function<std::optional<TokenId>(std::string_view)>& idOf) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::array<std::int32_t, 256> ids{};
    for (unsigned byte = 0; byte < ids.size(); ++byte) {
        const std::string token = std::string("<0x") + digits[byte >> 4] + digits[byte & 0xF] + '>';
        ids[byte] = static_cast<std::int32_t>(idOf(token).value_or(-1));
    }
    return ids;
}

bool appendByteTokens(const std::array<std::int32_t, 256>& ids, std::string_view bytes,
                      std::vector<std::int32_t>& out) {
    const auto idOf = [&ids](char byte) { return ids[static_cast<unsigned char>(byte)]; };
    if (std::any_of(bytes.begin(), bytes.end(), [&](char byte) { return idOf(byte) < 0; })) {
        return false;
    }
    std::transform(bytes.begin(), bytes.end(), std::back_inserter(out), idOf);
    return true;
}

std::optional<unsigned char> byteOfToken(std::string_view token) {
    if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) {
        return std::nullopt;
    }
    unsigned value = 0;
    for (const char c : token.substr(3, 2)) {
        const std::size_t digit = std::string_view("0123456789abcdef").find(static_cast<char>(c | 0x20));
        if (digit == std::string_view::npos || (c < '0' || (c > '9' && c < 'A'))) {
            return std::nullopt;
        }
        value = value * 16 + static_cast<unsigned>(digit);
    }
    return static_cast<unsigned char>(value);
}

}  // namespace prefbench::text
