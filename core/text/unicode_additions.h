#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prefbench::text {

/// Characters of a Unicode property that versions 15.0, 15.1 and 16.0 added (from the Unicode Character Database), as
/// ranges for a character class; empty where they added none. PCRE2 10.42 knows Unicode 14, the reference 16; where a
/// later PCRE2 knows them, they change nothing. nullopt for properties that are not in this table.
std::optional<std::string> additionsSinceUnicode14(std::string_view property);

}  // namespace prefbench::text
