#pragma once

#include <string_view>

namespace prefbench::text {

/// A property of characters as regular expressions name it in \p{…}.
struct UnicodeProperty {
    std::string_view name;
    std::string_view inPcre2;  ///< the name under which PCRE2 has the same characters, but for those added since
    /// Characters that versions 15.0, 15.1 and 16.0 of the Unicode Character Database added, as ranges for a character
    /// class. PCRE2 10.42 knows Unicode 14, the reference 16; where a later one knows them, they change nothing.
    std::string_view added;
};

/// nullptr for a property that was not compared with the reference's, character by character.
const UnicodeProperty* findUnicodeProperty(std::string_view name);

}  // namespace prefbench::text
