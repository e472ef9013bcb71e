#include "core/text/base64.h"

#include <cstdint>

namespace prefbench::text {

namespace {

int sixBitsOf(char c) {
    static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t found = digits.find(c);
    return found == std::string_view::npos ? -1 : static_cast<int>(found);
}

}  // namespace

std::optional<std::string> decodeBase64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int six = i >= text.size() - padding ? 0 : sixBitsOf(text[i]);
        if (six < 0) {
            return std::nullopt;
        }
        bits = bits << 6 | static_cast<std::uint32_t>(six);
        if (i % 4 == 3) {
            bytes += static_cast<char>(bits >> 16 & 0xFF);
            bytes += static_cast<char>(bits >> 8 & 0xFF);
            bytes += static_cast<char>(bits & 0xFF);
        }
    }
    bytes.resize(bytes.size() - padding);
    return bytes;
}

}  // namespace prefbench::text
