#include "core/text/templates/strings.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <map>

#include "core/text/utf8.h"

namespace prefbench::text::templates {

namespace {

/// Characters whose upper case is several: each with its upper case after it (Unicode's SpecialCasing.txt).
constexpr std::string_view severalUpper =
    "ßSS ŉʼN ǰJ̌ ΐΪ́ ΰΫ́ ևԵՒ ẖH̱ ẗT̈ ẘW̊ ẙY̊ ẚAʾ ὐΥ̓ ὒΥ̓̀ ὔΥ̓́ ὖΥ̓͂ ᾀἈΙ "
    "ᾁἉΙ ᾂἊΙ ᾃἋΙ ᾄἌΙ ᾅἍΙ ᾆἎΙ ᾇἏΙ ᾈἈΙ ᾉἉΙ ᾊἊΙ ᾋἋΙ ᾌἌΙ ᾍἍΙ ᾎἎΙ ᾏἏΙ ᾐἨΙ ᾑἩΙ "
    "ᾒἪΙ ᾓἫΙ ᾔἬΙ ᾕἭΙ ᾖἮΙ ᾗἯΙ ᾘἨΙ ᾙἩΙ ᾚἪΙ ᾛἫΙ ᾜἬΙ ᾝἭΙ ᾞἮΙ ᾟἯΙ ᾠὨΙ ᾡὩΙ ᾢὪΙ "
    "ᾣὫΙ ᾤὬΙ ᾥὭΙ ᾦὮΙ ᾧὯΙ ᾨὨΙ ᾩὩΙ ᾪὪΙ ᾫὫΙ ᾬὬΙ ᾭὭΙ ᾮὮΙ ᾯὯΙ ᾲᾺΙ ᾳΑΙ ᾴΆΙ ᾶΑ͂ "
    "ᾷΑ͂Ι ᾼΑΙ ῂῊΙ ῃΗΙ ῄΉΙ ῆΗ͂ ῇΗ͂Ι ῌΗΙ ῒΪ̀ ΐΪ́ ῖΙ͂ ῗΪ͂ ῢΫ̀ ΰΫ́ ῤΡ̓ "
    "ῦΥ͂ ῧΫ͂ ῲῺΙ ῳΩΙ ῴΏΙ ῶΩ͂ ῷΩ͂Ι ῼΩΙ ﬀFF ﬁFI ﬂFL ﬃFFI ﬄFFL ﬅST ﬆST ﬓՄՆ "
    "ﬔՄԵ ﬕՄԻ ﬖՎՆ ﬗՄԽ ";

const std::map<char32_t, std::string>& severalUpperMap() {
    static const std::map<char32_t, std::string> map = [] {
        std::map<char32_t, std::string> entries;
        for (const std::string& entry : split(severalUpper, std::nullopt, -1)) {
            std::string_view rest = entry;
            const char32_t character = takeCharacter(rest);
            entries[character] = std::string(rest);
        }
        return entries;
    }();
    return map;
}

/// Takes one character; a byte that begins none counts as one.
char32_t take(std::string_view& text) {
    if (validCharacterLength(text) != 0) {
        return takeCharacter(text);
    }
    const char32_t byte = static_cast<unsigned char>(text[0]);
    text.remove_prefix(1);
    return byte;
}

utf8proc_category_t category(char32_t character) {
    return utf8proc_category(static_cast<utf8proc_int32_t>(character));
}

bool isCased(char32_t c) {
    return category(c) == UTF8PROC_CATEGORY_LU || category(c) == UTF8PROC_CATEGORY_LL ||
           category(c) == UTF8PROC_CATEGORY_LT;
}

void appendUpper(std::string& out, char32_t c) {
    const auto several = c < 0x80 ? severalUpperMap().end() : severalUpperMap().find(c);
    if (several != severalUpperMap().end()) {
        out += several->second;
    } else {
        appendUtf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
    }
}

void appendTitle(std::string& out, char32_t c) {
    const auto several = c < 0x80 ? severalUpperMap().end() : severalUpperMap().find(c);
    if (several != severalUpperMap().end()) {
        out += capitalize(several->second);
    } else {
        appendUtf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
    }
}

/// A capital sigma that ends a word becomes another small letter than one inside.
void appendLower(std::string& out, char32_t c, bool afterLetter, std::string_view rest) {
    constexpr char32_t capitalSigma = 0x3A3;
    if (c == capitalSigma && afterLetter && (rest.empty() || !isAlphabetic(take(rest)))) {
        appendUtf8(out, 0x3C2);
    } else if (c == 0x130) {
        out += "i\xCC\x87";
    } else {
        appendUtf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c))));
    }
}

bool hasCase(std::string_view text, utf8proc_category_t wanted, utf8proc_category_t unwanted) {
    bool found = false;
    while (!text.empty()) {
        const utf8proc_category_t kind = category(take(text));
        if (kind == unwanted || kind == UTF8PROC_CATEGORY_LT) {
            return false;
        }
        found = found || kind == wanted;
    }
    return found;
}

std::vector<std::string> splitAtSpace(std::string_view text, std::int64_t most) {
    std::vector<std::string> parts;
    text = leftStripped(text);
    while (!text.empty()) {
        if (most >= 0 && static_cast<std::int64_t>(parts.size()) == most) {
            parts.emplace_back(text);
            break;
        }
        std::string_view rest = text;
        std::size_t length = 0;
        while (!rest.empty()) {
            if (isSpace(take(rest))) {
                break;
            }
            length = text.size() - rest.size();
        }
        parts.emplace_back(text.substr(0, length));
        text = leftStripped(text.substr(length));
    }
    return parts;
}

std::vector<std::string> rightSplitAtSpace(std::string_view text, std::int64_t most) {
    std::vector<std::string> parts;
    text = rightStripped(text);
    while (!text.empty()) {
        if (most >= 0 && static_cast<std::int64_t>(parts.size()) == most) {
            parts.emplace_back(text);
            break;
        }
        std::string_view rest = text;
        std::size_t start = text.size();
        while (!rest.empty() && !isSpace(takeLastCharacter(rest))) {
            start = rest.size();
        }
        parts.emplace_back(text.substr(start));
        text = rightStripped(text.substr(0, start));
    }
    std::reverse(parts.begin(), parts.end());
    return parts;
}

std::string withoutUnderscores(std::string_view text) {
    std::string digits(rightStripped(leftStripped(text)));
    if (!digits.starts_with('_') && !digits.ends_with('_') && digits.find("__") == std::string::npos) {
        std::erase(digits, '_');
    }
    return digits;
}

}  // namespace

bool isSpace(char32_t c) {
    return isWhiteSpace(c) || (c >= 0x1C && c <= 0x1F);
}

std::string_view leftStripped(std::string_view text) {
    std::string_view rest = text;
    while (!rest.empty() && isSpace(take(rest))) {
        text = rest;
    }
    return text;
}

std::string_view rightStripped(std::string_view text) {
    std::string_view rest = text;
    while (!rest.empty() && isSpace(takeLastCharacter(rest))) {
        text = rest;
    }
    return text;
}

std::string_view leftStripped(std::string_view text, std::string_view characters) {
    while (!text.empty()) {
        const std::size_t length = std::max<std::size_t>(1, validCharacterLength(text));
        if (characters.find(text.substr(0, length)) == std::string_view::npos) {
            break;
        }
        text.remove_prefix(length);
    }
    return text;
}

std::string_view rightStripped(std::string_view text, std::string_view characters) {
    while (!text.empty()) {
        std::string_view rest = text;
        takeLastCharacter(rest);
        if (characters.find(text.substr(rest.size())) == std::string_view::npos) {
            break;
        }
        text = rest;
    }
    return text;
}

std::string upper(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        appendUpper(out, take(text));
    }
    return out;
}

std::string lower(std::string_view text) {
    std::string out;
    bool afterLetter = false;
    while (!text.empty()) {
        const char32_t character = take(text);
        appendLower(out, character, afterLetter, text);
        afterLetter = isAlphabetic(character);
    }
    return out;
}

std::string capitalize(std::string_view text) {
    std::string out;
    if (!text.empty()) {
        appendTitle(out, take(text));
    }
    return out + lower(text);
}

std::string title(std::string_view text) {
    std::string out;
    bool afterCased = false;
    while (!text.empty()) {
        const char32_t character = take(text);
        if (afterCased) {
            appendLower(out, character, true, text);
        } else {
            appendTitle(out, character);
        }
        afterCased = isCased(character);
    }
    return out;
}

std::string filterTitle(std::string_view text) {
    std::string out;
    bool startsWord = true;
    bool afterLetter = false;
    while (!text.empty()) {
        const char32_t character = take(text);
        const bool separates = isSpace(character) ||
                               (character < 0x80 &&
                                std::string_view("-({[<").find(static_cast<char>(character)) != std::string_view::npos);
        if (startsWord && !separates) {
            appendUpper(out, character);
        } else {
            appendLower(out, character, afterLetter, text);
        }
        startsWord = separates;
        afterLetter = isAlphabetic(character);
    }
    return out;
}

bool isUpper(std::string_view text) {
    return hasCase(text, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL);
}

bool isLower(std::string_view text) {
    return hasCase(text, UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LU);
}

bool isAlphabetic(char32_t character) {
    return category(character) >= UTF8PROC_CATEGORY_LU && category(character) <= UTF8PROC_CATEGORY_LO;
}

bool isDecimalDigit(char32_t character) {
    return category(character) == UTF8PROC_CATEGORY_ND;
}

std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator, std::int64_t most) {
    if (!separator) {
        return splitAtSpace(text, most);
    }
    std::vector<std::string> parts;
    for (std::size_t found = text.find(*separator); found != std::string_view::npos; found = text.find(*separator)) {
        if (most >= 0 && static_cast<std::int64_t>(parts.size()) == most) {
            break;
        }
        parts.emplace_back(text.substr(0, found));
        text.remove_prefix(found + separator->size());
    }
    parts.emplace_back(text);
    return parts;
}

std::vector<std::string> rightSplit(std::string_view text, std::optional<std::string_view> separator,
                                    std::int64_t most) {
    if (!separator) {
        return rightSplitAtSpace(text, most);
    }
    std::vector<std::string> parts;
    for (std::size_t found = text.rfind(*separator); found != std::string_view::npos; found = text.rfind(*separator)) {
        if (most >= 0 && static_cast<std::int64_t>(parts.size()) == most) {
            break;
        }
        parts.emplace_back(text.substr(found + separator->size()));
        text = text.substr(0, found);
    }
    parts.emplace_back(text);
    std::reverse(parts.begin(), parts.end());
    return parts;
}

std::vector<std::string> splitLines(std::string_view text, bool keepEnds) {
    std::vector<std::string> lines;
    std::string_view rest = text;
    while (!rest.empty()) {
        std::string_view before = rest;
        const char32_t c = take(rest);
        const bool ends =
            (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
        if (!ends) {
            continue;
        }
        if (c == '\r' && rest.starts_with('\n')) {
            rest.remove_prefix(1);
        }
        lines.emplace_back(text.substr(0, text.size() - (keepEnds ? rest : before).size()));
        text = rest;
    }
    if (!text.empty()) {
        lines.emplace_back(text);
    }
    return lines;
}

std::int64_t occurrences(std::string_view text, std::string_view part, std::int64_t most) {
    if (part.empty()) {
        const auto places = static_cast<std::int64_t>(characterCount(text)) + 1;
        return most < 0 ? places : std::min(most, places);
    }
    std::int64_t count = 0;
    for (std::size_t found = text.find(part); found != std::string_view::npos && count != most;
         found = text.find(part, found + part.size())) {
        ++count;
    }
    return count;
}

std::string replaced(std::string_view text, std::string_view old, std::string_view by, std::int64_t most) {
    std::string out;
    std::int64_t count = 0;
    if (old.empty()) {
        while (count != most) {
            out += by;
            ++count;
            if (text.empty()) {
                break;
            }
            const std::size_t length = std::max<std::size_t>(1, validCharacterLength(text));
            out += text.substr(0, length);
            text.remove_prefix(length);
        }
        return out += text;
    }
    for (std::size_t found = text.find(old); found != std::string_view::npos && count != most; found = text.find(old)) {
        out += text.substr(0, found);
        out += by;
        text.remove_prefix(found + old.size());
        ++count;
    }
    return out += text;
}

std::size_t characterCount(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::size_t byteOf(std::string_view text, std::size_t character) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80 && character-- == 0) {
            return i;
        }
    }
    return text.size();
}

std::string floatText(double number) {
    if (std::isnan(number)) {
        return "nan";
    }
    if (std::isinf(number)) {
        return number < 0 ? "-inf" : "inf";
    }
    char buffer[64];
    const double size = std::abs(number);
    const bool isScientific = number != 0 && (size < 1e-4 || size >= 1e16);
    const auto result = std::to_chars(buffer, buffer + sizeof buffer, number,
                                      isScientific ? std::chars_format::scientific : std::chars_format::fixed);
    std::string text(buffer, result.ptr);
    return isScientific || text.find('.') != std::string::npos ? text : text + ".0";
}

double rounded(double number, std::int64_t digits) {
    if (!std::isfinite(number) || digits > 300) {
        return number;
    }
    if (digits < 0) {
        const double unit = std::pow(10.0, static_cast<double>(std::min<std::int64_t>(-digits, 400)));
        return std::isinf(unit) ? 0.0 * number : std::nearbyint(number / unit) * unit;
    }
    char buffer[700];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), number);
    return std::strtod(buffer, nullptr);
}

std::optional<std::int64_t> parseInteger(std::string_view text, int base) {
    std::string digits = withoutUnderscores(text);
    const bool isNegative = digits.starts_with('-');
    if (isNegative || digits.starts_with('+')) {
        digits.erase(0, 1);
    }
    const char prefix = base == 16 ? 'x' : base == 8 ? 'o' : base == 2 ? 'b' : '\0';
    if (prefix != '\0' && digits.size() > 2 && digits[0] == '0' && (digits[1] | 0x20) == prefix) {
        digits.erase(0, 2);
    }
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
    if (digits.starts_with('-') || error != std::errc() || end != digits.data() + digits.size()) {
        return std::nullopt;
    }
    return isNegative ? -number : number;
}

std::optional<double> parseFloat(std::string_view text) {
    std::string digits = lower(withoutUnderscores(text));
    const bool isNegative = digits.starts_with('-');
    if (isNegative || digits.starts_with('+')) {
        digits.erase(0, 1);
    }
    double number = 0;
    if (digits == "inf" || digits == "infinity") {
        number = std::numeric_limits<double>::infinity();
    } else if (digits == "nan") {
        number = std::numeric_limits<double>::quiet_NaN();
    } else {
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        const bool isDecimal = !digits.empty() && (digits[0] == '.' || (digits[0] >= '0' && digits[0] <= '9'));
        if (!isDecimal || error != std::errc() || end != digits.data() + digits.size()) {
            return std::nullopt;
        }
    }
    return isNegative ? -number : number;
}

}  // namespace prefbench::text::templates
