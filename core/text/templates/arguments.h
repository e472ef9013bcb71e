#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

/// The arguments of one call, put in the order of its parameters. Errors name the function.
class BoundArguments {
  public:
    /// `required` of the `parameters` must be given.
    BoundArguments(const std::string& function, const Arguments& arguments,
                   std::initializer_list<std::string_view> parameters, std::size_t required = 0);

    bool has(std::size_t i) const { return values_[i].has_value(); }
    const Value& at(std::size_t i) const { return *values_[i]; }
    Value valueOr(std::size_t i, const Value& missing) const { return has(i) ? at(i) : missing; }
    /// A text; Failure when something else is given. None counts as missing.
    std::optional<std::string> text(std::size_t i) const;
    std::string textOr(std::size_t i, const std::string& missing) const { return text(i).value_or(missing); }
    std::int64_t integerOr(std::size_t i, std::int64_t missing) const;
    bool truthOr(std::size_t i, bool missing) const { return has(i) ? isTrue(at(i)) : missing; }

  private:
    std::string function_;
    std::vector<std::string_view> names_;
    std::vector<std::optional<Value>> values_;
};

/// Failure when anything is given.
inline void takesNone(const std::string& function, const Arguments& arguments) {
    const BoundArguments none(function, arguments, {});
}

}  // namespace prefbench::text::templates
