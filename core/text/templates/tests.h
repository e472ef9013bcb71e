#pragma once

#include <string>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

/// `value is test(arguments)`.
using Test = bool (*)(Budget&, const Value&, const Arguments&);

/// Null when there is no test of that name.
Test findTest(const std::string& name);
std::string unknownTest(const std::string& name);

}  // namespace prefbench::text::templates
