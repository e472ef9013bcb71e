#include "core/text/byte_level.h"

#include <array>

#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

constexpr char32_t spellingEnd = 0x144;

struct Tables {
    std::array<char32_t, 256> character{};
    std::array<std::int16_t, spellingEnd> byte{};
};

constexpr Tables makeTables() {
    Tables tables;
    tables.byte.fill(-1);
    char32_t next = 0x100;
    for (char32_t b = 0; b < 256; ++b) {
        const bool itself = (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        tables.character[b] = itself ? b : next++;
        tables.byte[tables.character[b]] = static_cast<std::int16_t>(b);
    }
    return tables;
}

constexpr Tables tables = makeTables();

}  // namespace

void appendByteSpelling(std::string& out, std::string_view bytes) {
    for (const char byte : bytes) {
        appendUtf8(out, tables.character[static_cast<unsigned char>(byte)]);
    }
}

std::optional<unsigned char> byteOfSpelling(char32_t character) {
    if (character >= spellingEnd || tables.byte[character] < 0) {
        return std::nullopt;
    }
    return static_cast<unsigned char>(tables.byte[character]);
}

}  // namespace prefbench::text
