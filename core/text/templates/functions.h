#pragma once

#include <string>
#include <vector>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

/// The functions that every template has: raise_exception, range, dict, strftime_now. `namespace` belongs to the
/// interpreter, which empties what it makes. The budget must outlive the values.
std::vector<std::pair<std::string, Value>> globalFunctions(Budget& budget);

Value makeFunction(std::string name, std::function<Value(const Arguments&)> call);

/// dict(mapping or pairs, name=value…): also what a namespace begins with.
Value makeDict(Budget& budget, const std::string& function, const Arguments& arguments);

}  // namespace prefbench::text::templates
