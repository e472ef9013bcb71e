#pragma once

#include <string>
#include <string_view>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

/// a + b, and the same for - * / // % and **.
Value binary(Budget& budget, std::string_view operation, const Value& a, const Value& b);
Value negative(const Value& value);
/// a == b, and the same for != < <= > >=, "in" and "not in".
bool compares(Budget& budget, std::string_view operation, const Value& a, const Value& b);
bool contains(Budget& budget, const Value& container, const Value& part);

/// owner.name: a method before an entry, as Jinja does it.
Value attribute(Budget& budget, const Value& owner, const std::string& name);
/// owner[key]: an entry before a method.
Value item(Budget& budget, const Value& owner, const Value& key);
/// owner[begin:end:step]; none where left out.
Value slice(Budget& budget, const Value& owner, const Value& begin, const Value& end, const Value& step);

}  // namespace prefbench::text::templates
