#include "core/text/charsmap.h"

#include <utf8proc.h>

#include <algorithm>

#include "core/files/error.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

/// SentencePiece 0.1.97 keeps the prefixes that it finds in an array of this length.
constexpr int maxNestedKeys = 32;
constexpr std::size_t maxWholeGraphemeBytes = 5;
constexpr std::size_t maxTrieBytes = std::size_t{4} << 20;
/// SentencePiece knows no limit, and so would make gigabytes of a kilobyte.
constexpr std::size_t maxReplacementBytes = 1024;

/// A unit of darts-clone's double array.
bool hasLeaf(std::uint32_t unit) {
    return (unit >> 8 & 1) != 0;
}
std::uint32_t valueOf(std::uint32_t unit) {
    return unit & 0x7FFFFFFF;
}
std::uint32_t labelOf(std::uint32_t unit) {
    return unit & 0x800000FF;
}
std::size_t offsetOf(std::uint32_t unit) {
    return std::size_t{unit >> 10} << ((unit & 0x200) >> 6);
}

std::uint32_t littleEndian(std::string_view bytes) {
    std::uint32_t value = 0;
    for (int i = 3; i >= 0; --i) {
        value = value << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
    }
    return value;
}

/// Marks of Unicode 15 and 16, which utf8proc 2.8 takes for unassigned, join what stands before them.
utf8proc_int32_t asKnownTo14(char32_t character) {
    const bool isNewMark = character == 0x897 || character == 0xCF3 || character == 0xECE;
    return isNewMark ? 0x300 : static_cast<utf8proc_int32_t>(character);
}

/// Bytes of the grapheme cluster that begins `text`.
std::size_t graphemeLength(std::string_view text) {
    std::string_view rest = text;
    utf8proc_int32_t state = 0;
    utf8proc_int32_t previous = asKnownTo14(takeCharacter(rest));
    while (!rest.empty()) {
        const std::size_t end = text.size() - rest.size();
        const utf8proc_int32_t next = asKnownTo14(takeCharacter(rest));
        if (utf8proc_grapheme_break_stateful(previous, next, &state)) {
            return end;
        }
        previous = next;
    }
    return text.size();
}

bool isPlainAscii(std::string_view text, std::size_t position) {
    return position >= text.size() || (text[position] >= 0x20 && text[position] < 0x7F);
}

}  // namespace

Charsmap::Charsmap(std::string_view bytes, const std::string& what) {
    const auto fail = [&what](const char* reason) { throw Error(what + ": precompiled_charsmap " + reason); };
    if (bytes.size() < 4) {
        fail("is shorter than its header");
    }
    const std::size_t trieBytes = littleEndian(bytes);
    bytes.remove_prefix(4);
    if (trieBytes == 0 || trieBytes % 4 != 0 || trieBytes > bytes.size() || trieBytes > maxTrieBytes) {
        fail("gives a size of its trie that does not fit");
    }
    readUnits(bytes.substr(0, trieBytes));
    pool_ = bytes.substr(trieBytes);
    if (pool_.empty() || pool_.back() != '\0') {
        fail("does not end in a zero byte");
    }
    if (validUtf8Length(pool_) != pool_.size()) {
        fail("holds replacements that are not valid UTF-8");
    }
    checkUnits(what);
}

void Charsmap::readUnits(std::string_view bytes) {
    units_.reserve(bytes.size() / 4);
    for (; !bytes.empty(); bytes.remove_prefix(4)) {
        units_.push_back(littleEndian(bytes));
    }
}

/// Walks all that can be reached from the root, each unit once: every step stays inside the array and never comes back,
/// every value is the start of a character of the pool.
void Charsmap::checkUnits(const std::string& what) const {
    const auto fail = [&what](const std::string& reason) { throw Error(what + ": precompiled_charsmap: " + reason); };
    constexpr int unseen = -1;
    constexpr int open = -2;
    struct Visit {
        std::size_t unit;
        std::uint32_t byte = 1;  ///< the child to look at next
        int below = 0;           ///< most keys on one way down from here
    };
    std::vector<int> keys(units_.size(), unseen);  ///< most keys on one way down, the unit's own included
    std::vector<Visit> way;
    const auto enter = [&](std::size_t unit) {
        checkUnit(unit, what);
        keys[unit] = open;
        way.push_back({unit});
    };
    enter(0);
    while (!way.empty()) {
        Visit& visit = way.back();
        if (visit.byte == 256) {
            const int all = visit.below + (visit.unit != 0 && hasLeaf(units_[visit.unit]) ? 1 : 0);
            if (all > maxNestedKeys) {
                fail("more than " + std::to_string(maxNestedKeys) + " texts begin with one another");
            }
            keys[visit.unit] = all;
            way.pop_back();
            if (!way.empty()) {
                way.back().below = std::max(way.back().below, all);
            }
            continue;
        }
        const std::uint32_t byte = visit.byte++;
        const std::size_t child = (visit.unit ^ offsetOf(units_[visit.unit])) ^ byte;
        if (labelOf(units_[child]) != byte) {
            continue;
        }
        if (keys[child] == open) {
            fail("unit " + std::to_string(child) + " of the trie leads back to itself");
        }
        if (keys[child] == unseen) {
            enter(child);
        } else {
            visit.below = std::max(visit.below, keys[child]);
        }
    }
}

void Charsmap::checkUnit(std::size_t index, const std::string& what) const {
    const auto fail = [&what](const std::string& reason) { throw Error(what + ": precompiled_charsmap: " + reason); };
    const std::size_t children = index ^ offsetOf(units_[index]);
    if ((children | 0xFF) >= units_.size()) {
        fail("unit " + std::to_string(index) + " of the trie leads outside");
    }
    const std::size_t value = valueOf(units_[children]);
    if (index != 0 && hasLeaf(units_[index]) &&
        (value >= pool_.size() || (static_cast<unsigned char>(pool_[value]) & 0xC0) == 0x80)) {
        fail("a replacement begins at " + std::to_string(value) + ", no character of the " +
             std::to_string(pool_.size()) + " bytes");
    }
    if (index != 0 && hasLeaf(units_[index]) && pool_.find('\0', value) - value > maxReplacementBytes) {
        fail("the replacement at " + std::to_string(value) + " is longer than " + std::to_string(maxReplacementBytes) +
             " bytes");
    }
}

bool Charsmap::find(std::string_view text, std::string_view& replacement) const {
    std::size_t position = offsetOf(units_[0]);
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte == 0) {
            return false;
        }
        position ^= byte;
        const std::uint32_t unit = units_[position];
        if (labelOf(unit) != byte) {
            return false;
        }
        position ^= offsetOf(unit);
        if (hasLeaf(unit)) {
            replacement = pool_.c_str() + valueOf(units_[position]);
            return true;
        }
    }
    return false;
}

void Charsmap::appendGrapheme(std::string_view grapheme, std::string& out) const {
    std::string_view replacement;
    if (grapheme.size() <= maxWholeGraphemeBytes && find(grapheme, replacement)) {
        out += replacement;
        return;
    }
    while (!grapheme.empty()) {
        const std::string_view character = grapheme.substr(0, validCharacterLength(grapheme));
        out += find(character, replacement) ? replacement : character;
        grapheme.remove_prefix(character.size());
    }
}

std::string Charsmap::apply(std::string_view text, const GrowthLimit& limit) const {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const bool alone = isPlainAscii(text, 0) && isPlainAscii(text, 1);
        const std::size_t length = alone ? 1 : graphemeLength(text);
        appendGrapheme(text.substr(0, length), out);
        limit.check(out.size());
        text.remove_prefix(length);
    }
    return out;
}

}  // namespace prefbench::text
