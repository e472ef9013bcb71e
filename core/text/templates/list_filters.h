#pragma once

#include <string>
#include <unordered_map>

#include "core/text/templates/filters.h"

namespace prefbench::text::templates {

/// The filters of lists and dicts: length, first, join, map, selectattr, sort and the like.
void addListFilters(std::unordered_map<std::string, Filter>& filters);

}  // namespace prefbench::text::templates
