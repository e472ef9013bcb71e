#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

struct Prefix {
    std::size_t length = 0;  ///< bytes at the start that stand together: a character or its beginning
    bool complete = false;
    bool cutByEnd = false;  ///< the beginning of a character, and the text ends there
};

unsigned char byteAt(std::string_view text, std::size_t i) {
    return static_cast<unsigned char>(text[i]);
}

/// Table 3-7 of the Unicode standard: the second byte's range depends on the first.
Prefix firstPrefix(std::string_view text) {
    const unsigned char first = byteAt(text, 0);
    if (first < 0x80) {
        return {1, true, false};
    }
    if (first < 0xC2 || first > 0xF4) {
        return {1, false, false};
    }
    const std::size_t expected = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    unsigned char low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    std::size_t length = 1;
    while (length < expected) {
        if (length == text.size()) {
            return {length, false, true};
        }
        if (byteAt(text, length) < low || byteAt(text, length) > high) {
            return {length, false, false};
        }
        low = 0x80;
        high = 0xBF;
        ++length;
    }
    return {length, true, false};
}

}  // namespace

std::size_t validCharacterLength(std::string_view text) {
    const Prefix prefix = firstPrefix(text);
    return prefix.complete ? prefix.length : 0;
}

std::size_t validUtf8Length(std::string_view text) {
    std::size_t position = 0;
    while (position < text.size()) {
        const std::size_t length = validCharacterLength(text.substr(position));
        if (length == 0) {
            break;
        }
        position += length;
    }
    return position;
}

std::size_t appendLossy(std::string& out, std::string_view bytes, bool atEnd) {
    std::size_t position = 0;
    while (position < bytes.size()) {
        const Prefix prefix = firstPrefix(bytes.substr(position));
        if (prefix.cutByEnd && !atEnd) {
            break;
        }
        out += prefix.complete ? bytes.substr(position, prefix.length) : replacementCharacter;
        position += prefix.length;
    }
    return position;
}

void appendUtf8(std::string& out, char32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xC0 | c >> 6);
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xE0 | c >> 12);
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | c >> 18);
        out += static_cast<char>(0x80 | (c >> 12 & 0x3F));
        out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
        out += static_cast<char>(0x80 | (c & 0x3F));
    }
}

char32_t takeCharacter(std::string_view& text) {
    const unsigned char first = byteAt(text, 0);
    const std::size_t length = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    char32_t character = length == 1 ? first : first & (0x7F >> length);
    for (std::size_t i = 1; i < length; ++i) {
        character = character << 6 | (byteAt(text, i) & 0x3F);
    }
    text.remove_prefix(length);
    return character;
}

char32_t takeLastCharacter(std::string_view& text) {
    std::size_t start = text.size() - 1;
    while ((byteAt(text, start) & 0xC0) == 0x80) {
        --start;
    }
    std::string_view last = text.substr(start);
    text.remove_suffix(text.size() - start);
    return takeCharacter(last);
}

bool isWhiteSpace(char32_t c) {
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

}  // namespace prefbench::text
