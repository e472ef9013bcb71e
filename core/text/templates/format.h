#pragma once

#include <string>
#include <string_view>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

/// Python's `format % value`: %s %r %d %i %u %f %e %g %x %X %o %c %% with flags, width, precision and (names).
std::string percentFormat(Budget& budget, std::string_view format, const Value& value);

/// str.format() with {}, {0}, {name} and !r or !s; format specifications are refused.
std::string braceFormat(Budget& budget, std::string_view format, const Arguments& arguments);

}  // namespace prefbench::text::templates
