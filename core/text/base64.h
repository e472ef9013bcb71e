#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace prefbench::text {

/// The bytes of base 64 with padding (RFC 4648, section 4); nothing when it is none.
std::optional<std::string> decodeBase64(std::string_view text);

}  // namespace prefbench::text
