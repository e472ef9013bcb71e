#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace prefbench::files {

using Json = nlohmann::json;
/// Keeps the order of keys: for files that people read or diff, and for files passed on unchanged.
using OrderedJson = nlohmann::ordered_json;

/// Parses one JSON value. Refused with an Error that starts with `what` (with the reason itself when `what` is empty):
/// invalid UTF-8, duplicate keys, anything after the value, nesting deeper than 200.
Json parseJson(std::string_view text, const std::string& what);
OrderedJson parseOrderedJson(std::string_view text, const std::string& what);

/// The whole file as one JSON value; errors name the file.
Json readJsonFile(const std::filesystem::path& file);
OrderedJson readOrderedJsonFile(const std::filesystem::path& file);

/// One line, no trailing newline; bytes that are not UTF-8 become U+FFFD instead of an exception.
std::string toLine(const Json& value);
std::string toLine(const OrderedJson& value);

/// A number as JSON holds it in our files: non-finite values are the strings "nan", "inf", "-inf".
Json numberToJson(double value);
/// The inverse; throws Error naming `what` when it is neither a number nor one of those strings.
double numberFromJson(const Json& value, const std::string& what);

}  // namespace prefbench::files
