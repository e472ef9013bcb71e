#pragma once

#include <string>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

/// `value | filter(arguments)`.
using Filter = Value (*)(Budget&, const Value&, const Arguments&);

/// Null when there is no filter of that name.
Filter findFilter(const std::string& name);
std::string unknownFilter(const std::string& name);

}  // namespace prefbench::text::templates
