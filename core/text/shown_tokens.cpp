#include "core/text/shown_tokens.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <unordered_map>

#include "core/text/byte_level.h"
#include "core/text/metaspace.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

/// The bytes of a token that is spelled in GPT-2's characters for bytes throughout.
std::optional<std::string> bytesOf(std::string_view spelling) {
    std::string bytes;
    while (!spelling.empty()) {
        const std::optional<unsigned char> byte = byteOfSpelling(takeCharacter(spelling));
        if (!byte) {
            return std::nullopt;
        }
        bytes += static_cast<char>(*byte);
    }
    return bytes;
}

/// Characters as they are, and every byte that is part of none as <0x…>.
std::string withBytesNamed(std::string_view bytes) {
    std::string shown;
    while (!bytes.empty()) {
        const std::size_t length = validCharacterLength(bytes);
        if (length > 0) {
            shown += bytes.substr(0, length);
        } else {
            std::array<char, 8> name{};
            std::snprintf(name.data(), name.size(), "<0x%02X>", static_cast<unsigned char>(bytes[0]));
            shown += name.data();
        }
        bytes.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return shown;
}

/// What the token adds to a text that it stands in: its second occurrence, since decoders take a space off the first.
std::string addedText(const Tokenizer& tokenizer, TokenId id) {
    const std::array<TokenId, 2> twice = {id, id};
    const std::string one = tokenizer.decode(std::span(twice).first(1), false);
    const std::string two = tokenizer.decode(twice, false);
    return two.starts_with(one) ? two.substr(one.size()) : one;
}

std::string shownText(const Tokenizer& tokenizer, TokenId id) {
    const std::string spelling = tokenizer.token(id);
    std::string text = addedText(tokenizer, id);
    if (text.empty()) {
        return tokenizer.isSpecial(id) ? spelling : replaceAll(spelling, "\u2581", " ");
    }
    if (text.find(replacementCharacter) == std::string::npos) {
        return text;
    }
    // Only ByteLevel spells bytes that are no character in other characters; <0xE4> is spelled as it is to be shown.
    const std::optional<std::string> bytes = bytesOf(spelling);
    return bytes ? withBytesNamed(*bytes) : spelling;
}

}  // namespace

std::vector<ShownToken> shownTokens(const Tokenizer& tokenizer, std::span<const TokenId> ids) {
    std::vector<ShownToken> tokens;
    std::unordered_map<TokenId, std::string> known;
    for (const TokenId id : ids) {
        auto found = known.find(id);
        if (found == known.end()) {
            found = known.emplace(id, shownText(tokenizer, id)).first;
        }
        tokens.push_back({id, found->second, tokenizer.isSpecial(id)});
    }
    return tokens;
}

}  // namespace prefbench::text
