#pragma once

#include <optional>
#include <string>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

/// Python's str() and repr().
std::string textOf(Budget& budget, const Value& value);
std::string reprOf(Budget& budget, const Value& value);

/// As json.dumps takes them.
struct JsonStyle {
    bool ensureAscii = false;
    bool sortKeys = false;
    std::optional<std::string> indent;
    std::string itemSeparator = ", ";
    std::string keySeparator = ": ";
};

/// json.dumps(); Failure for what JSON has no words for.
std::string jsonOf(Budget& budget, const Value& value, const JsonStyle& style);

}  // namespace prefbench::text::templates
