#pragma once

#include <optional>
#include <string>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

/// A method of a str, list or dict, bound to `owner`; an attribute of `loop` or of a namespace. What would change a
/// list or dict, and what begins with an underscore, is there but forbidden. The budget must outlive the value.
std::optional<Value> member(Budget& budget, const Value& owner, const std::string& name);

}  // namespace prefbench::text::templates
