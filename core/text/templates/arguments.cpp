#include "core/text/templates/arguments.h"

#include <algorithm>

namespace prefbench::text::templates {

BoundArguments::BoundArguments(const std::string& function, const Arguments& arguments,
                               std::initializer_list<std::string_view> parameters, std::size_t required)
    : function_(function), names_(parameters), values_(parameters.size()) {
    if (arguments.positional.size() > names_.size()) {
        throw Failure("'" + function + "' takes at most " + std::to_string(names_.size()) + " arguments, found " +
                      std::to_string(arguments.positional.size()));
    }
    std::copy(arguments.positional.begin(), arguments.positional.end(), values_.begin());
    for (const auto& [name, value] : arguments.named) {
        const auto found = std::find(names_.begin(), names_.end(), name);
        if (found == names_.end()) {
            throw Failure("'" + function + "' has no argument '" + name.substr(0, 60) + "'");
        }
        auto& place = values_[static_cast<std::size_t>(found - names_.begin())];
        if (place) {
            throw Failure("'" + function + "' is given '" + name + "' twice");
        }
        place = value;
    }
    for (std::size_t i = 0; i < required; ++i) {
        if (!values_[i]) {
            throw Failure("'" + function + "' needs the argument '" + std::string(names_[i]) + "'");
        }
    }
}

std::optional<std::string> BoundArguments::text(std::size_t i) const {
    if (!has(i) || at(i).isNone()) {
        return std::nullopt;
    }
    if (at(i).text() == nullptr) {
        requireDefined(at(i));
        throw Failure("'" + function_ + "' needs a str as '" + std::string(names_[i]) + "', found a " +
                      typeName(at(i)));
    }
    return *at(i).text();
}

std::int64_t BoundArguments::integerOr(std::size_t i, std::int64_t missing) const {
    std::int64_t holder = 0;
    if (!has(i) || at(i).isNone()) {
        return missing;
    }
    const std::int64_t* number = at(i).integer(holder);
    if (number == nullptr) {
        requireDefined(at(i));
        throw Failure("'" + function_ + "' needs a whole number as '" + std::string(names_[i]) + "', found a " +
                      typeName(at(i)));
    }
    return *number;
}

}  // namespace prefbench::text::templates
