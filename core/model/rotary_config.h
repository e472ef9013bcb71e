#pragma once

#include "core/model/families.h"

namespace prefbench::model {

/// Fills `rotary` and `windowRotary` from config.json: transformers 5 writes rope_parameters {rope_theta, rope_type,
/// …}, or one such object for each type of layer; transformers 4 wrote rope_theta beside rope_scaling, null or an
/// object whose rope_type was once called type. Errors as architectureFromConfig's.
void readRotary(const ConfigReader& config, const Family& family, Architecture& architecture);

}  // namespace prefbench::model
