#pragma once

#include <string_view>

#include "core/text/templates/tree.h"

namespace prefbench::text::templates {

/// Reads a template. Throws SyntaxFailure with the line. As in Jinja, an unknown filter or test is found here, unless
/// it stands in the branch of an if, where it may never be reached.
Body parse(Budget& budget, std::string_view source);

}  // namespace prefbench::text::templates
