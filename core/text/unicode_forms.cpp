#include "core/text/unicode_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <bitset>
#include <memory>
#include <utility>
#include <vector>

#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

constexpr char32_t codePoints = 0x110000;
constexpr std::size_t longestDecomposition = 32;  // of Unicode 14, 18

/// Characters with a decomposition or a combining class that Unicode 9 had not, and U+11930, which composes with
/// U+11935 since Unicode 13 (from the Unicode Character Database).
constexpr std::pair<char32_t, char32_t> unknownCharacters[] = {
    {0x7FD, 0x7FD},     {0x898, 0x89F},     {0x8CA, 0x8D3},     {0x9FE, 0x9FE},     {0xC3C, 0xC3C},
    {0xD3B, 0xD3C},     {0xEBA, 0xEBA},     {0x1715, 0x1715},   {0x1ABF, 0x1ACE},   {0x1DF6, 0x1DFA},
    {0x32FF, 0x32FF},   {0xA7F2, 0xA7F4},   {0xA82C, 0xA82C},   {0xAB69, 0xAB69},   {0x10781, 0x10785},
    {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x10D24, 0x10D27}, {0x10EAB, 0x10EAC}, {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50}, {0x10F82, 0x10F85}, {0x11070, 0x11070}, {0x1133B, 0x1133B}, {0x1145E, 0x1145E},
    {0x11839, 0x1183A}, {0x11930, 0x11930}, {0x11938, 0x11938}, {0x1193D, 0x1193E}, {0x11943, 0x11943},
    {0x119E0, 0x119E0}, {0x11A34, 0x11A34}, {0x11A47, 0x11A47}, {0x11A99, 0x11A99}, {0x11D42, 0x11D42},
    {0x11D44, 0x11D45}, {0x11D97, 0x11D97}, {0x11F41, 0x11F42}, {0x16FF0, 0x16FF1}, {0x1E030, 0x1E06D},
    {0x1E08F, 0x1E08F}, {0x1E130, 0x1E136}, {0x1E2AE, 0x1E2AE}, {0x1E2EC, 0x1E2EF}, {0x1E4EC, 0x1E4EF},
    {0x1F16C, 0x1F16C}, {0x1FBF0, 0x1FBF9}};

bool isUnknown(char32_t c) {
    const auto range = std::lower_bound(std::begin(unknownCharacters), std::end(unknownCharacters), c,
                                        [](const auto& entry, char32_t value) { return entry.second < value; });
    return range != std::end(unknownCharacters) && range->first <= c;
}

bool isComposed(NormalForm form) {
    return form == NormalForm::C || form == NormalForm::KC;
}

bool isCompatible(NormalForm form) {
    return form == NormalForm::KC || form == NormalForm::KD;
}

/// Puts each run of combining characters into the order of their classes. utf8proc does that too, but in quadratic
/// time: a text may hold a letter with a hundred thousand accents.
void orderMarks(std::vector<utf8proc_int32_t>& characters) {
    const auto classOf = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
    const auto isMark = [&](utf8proc_int32_t c) { return classOf(c) != 0; };
    for (auto begin = characters.begin(); begin != characters.end();) {
        begin = std::find_if(begin, characters.end(), isMark);
        const auto end = std::find_if_not(begin, characters.end(), isMark);
        std::stable_sort(begin, end, [&](auto a, auto b) { return classOf(a) < classOf(b); });
        begin = end;
    }
}

/// What utf8proc_map gives.
std::string mapped(std::string_view text, NormalForm form) {
    const auto options =
        static_cast<utf8proc_option_t>(UTF8PROC_STABLE | (isComposed(form) ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE) |
                                       (isCompatible(form) ? UTF8PROC_COMPAT : 0));
    std::vector<utf8proc_int32_t> characters;
    characters.reserve(text.size());
    std::array<utf8proc_int32_t, longestDecomposition> parts{};
    int lastClass = UTF8PROC_BOUNDCLASS_START;
    while (!text.empty()) {
        const auto c = static_cast<utf8proc_int32_t>(takeCharacter(text));
        const utf8proc_ssize_t count =
            utf8proc_decompose_char(c, parts.data(), longestDecomposition, options, &lastClass);
        characters.insert(characters.end(), parts.begin(), parts.begin() + count);
    }
    orderMarks(characters);
    const utf8proc_ssize_t length =
        utf8proc_normalize_utf32(characters.data(), static_cast<utf8proc_ssize_t>(characters.size()), options);
    std::string result;
    for (utf8proc_ssize_t i = 0; i < length; ++i) {
        appendUtf8(result, static_cast<char32_t>(characters[static_cast<std::size_t>(i)]));
    }
    return result;
}

using Characters = std::bitset<codePoints>;

/// Characters that a form leaves alone whatever stands before them: not decomposed, not reordered, and no second part
/// of a composition.
std::unique_ptr<const Characters> inertCharacters(NormalForm form) {
    auto inert = std::make_unique<Characters>();
    inert->set();
    const auto active = [&inert](char32_t c) { inert->reset(c); };
    const int options = UTF8PROC_DECOMPOSE | (isCompatible(form) ? UTF8PROC_COMPAT : 0);
    for (char32_t c = 0x80; c < codePoints; ++c) {
        const auto character = static_cast<utf8proc_int32_t>(c);
        std::array<utf8proc_int32_t, longestDecomposition> parts{};
        int lastClass = UTF8PROC_BOUNDCLASS_START;
        const utf8proc_ssize_t count = utf8proc_decompose_char(character, parts.data(), parts.size(),
                                                               static_cast<utf8proc_option_t>(options), &lastClass);
        const bool changes = count != 1 || parts[0] != character;
        if (changes || utf8proc_get_property(character)->combining_class != 0) {
            active(c);
        }
        for (utf8proc_ssize_t i = 1; changes && i < count; ++i) {
            active(static_cast<char32_t>(parts[static_cast<std::size_t>(i)]));
        }
    }
    // Vowels and final consonants of Hangul.
    for (char32_t c = 0x1160; c < 0x1200; ++c) {
        active(c);
    }
    for (const auto& [first, last] : unknownCharacters) {
        for (char32_t c = first; c <= last; ++c) {
            inert->set(c);
        }
    }
    return inert;
}

template <NormalForm form>
const Characters& inertTable() {
    static const std::unique_ptr<const Characters> table = inertCharacters(form);
    return *table;
}

const Characters& inertIn(NormalForm form) {
    switch (form) {
        case NormalForm::C:
            return inertTable<NormalForm::C>();
        case NormalForm::D:
            return inertTable<NormalForm::D>();
        case NormalForm::KC:
            return inertTable<NormalForm::KC>();
        case NormalForm::KD:
            break;
    }
    return inertTable<NormalForm::KD>();
}

/// Newer pairs of letters than those of Unicode 14; 0 for others.
char32_t newerLowerCase(char32_t c) {
    switch (c) {
        case 0x1C89:
        case 0xA7CC:
        case 0xA7CE:
        case 0xA7D2:
        case 0xA7D4:
        case 0xA7DA:
            return c + 1;
        case 0xA7CB:
            return 0x264;
        case 0xA7DC:
            return 0x19B;
        default:
            break;
    }
    if (c >= 0x10D50 && c <= 0x10D65) {
        return c + 0x20;
    }
    return c >= 0x16EA0 && c <= 0x16EB8 ? c + 0x1B : 0;
}

void appendLowerCase(std::string& out, char32_t c) {
    if (c == 0x130) {
        out += "i\u0307";
    } else if (const char32_t newer = newerLowerCase(c)) {
        appendUtf8(out, newer);
    } else {
        appendUtf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
}

}  // namespace

std::string normalForm(std::string_view text, NormalForm form) {
    const Characters& inert = inertIn(form);
    std::string out;
    out.reserve(text.size());
    // Text from `done` is not yet handed out; `start` is where a change that comes next would begin.
    std::size_t done = 0;
    std::size_t start = 0;
    bool changing = false;
    const auto flush = [&](std::size_t end) {
        out += changing ? mapped(text.substr(done, end - done), form) : std::string(text.substr(done, end - done));
        done = end;
        changing = false;
    };
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t position = text.size() - rest.size();
        const char32_t c = takeCharacter(rest);
        if (!inert.test(c)) {
            if (!changing) {
                flush(start);
                changing = true;
            }
            continue;
        }
        if (changing) {
            flush(position);
        }
        start = isUnknown(c) ? text.size() - rest.size() : position;
    }
    flush(text.size());
    return out;
}

std::string lowerCase(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const char32_t c = takeCharacter(text);
        if (c < 0x80) {
            out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 0x20 : c);
        } else {
            appendLowerCase(out, c);
        }
    }
    return out;
}

}  // namespace prefbench::text
