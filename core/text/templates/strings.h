#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace prefbench::text::templates {

/// Python's functions of strings, on UTF-8. Positions and lengths are in characters.

/// str.isspace(), and what a regular expression's \s takes.
bool isSpace(char32_t character);
std::string_view leftStripped(std::string_view text);
std::string_view rightStripped(std::string_view text);
/// Strips the given characters.
std::string_view leftStripped(std::string_view text, std::string_view characters);
std::string_view rightStripped(std::string_view text, std::string_view characters);

std::string upper(std::string_view text);
std::string lower(std::string_view text);
/// The first character upper, the others lower.
std::string capitalize(std::string_view text);
/// str.title(): the first letter of each run of letters upper, the others lower.
std::string title(std::string_view text);
/// The title filter: the same of each word after white space or one of -([{<.
std::string filterTitle(std::string_view text);
bool isUpper(std::string_view text);
bool isLower(std::string_view text);
bool isAlphabetic(char32_t character);
bool isDecimalDigit(char32_t character);

/// At white space, or at `separator`; at most `most` splits where that is not negative.
std::vector<std::string> split(std::string_view text, std::optional<std::string_view> separator, std::int64_t most);
/// The same from the right.
std::vector<std::string> rightSplit(std::string_view text, std::optional<std::string_view> separator,
                                    std::int64_t most);
std::vector<std::string> splitLines(std::string_view text, bool keepEnds);

/// How often `part` occurs, at most `most` times where that is not negative.
std::int64_t occurrences(std::string_view text, std::string_view part, std::int64_t most = -1);
std::string replaced(std::string_view text, std::string_view old, std::string_view by, std::int64_t most);

std::size_t characterCount(std::string_view text);
/// Where the character of that number begins, in bytes; the text's size beyond the last.
std::size_t byteOf(std::string_view text, std::size_t character);

/// repr() of a float.
std::string floatText(double number);
/// Rounded to `digits` after the point as round() does it.
double rounded(double number, std::int64_t digits);
/// int() and float() of a text.
std::optional<std::int64_t> parseInteger(std::string_view text, int base);
std::optional<double> parseFloat(std::string_view text);

}  // namespace prefbench::text::templates
