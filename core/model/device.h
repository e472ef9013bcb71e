#pragma once

#include <cstdint>
#include <string>

#include "core/model/torch.h"

namespace prefbench::model {

/// "auto" (CUDA where there is a device, else the CPU), "cpu", "cuda" or "cuda:N". Error for any other name and for a
/// device that is not there.
at::Device deviceFromName(const std::string& name);

/// "float32", "float64", "bfloat16" or "float16"; Error for any other.
at::ScalarType computeTypeFromName(const std::string& name);
const char* computeTypeName(at::ScalarType type);

/// Threads that torch uses within one operator, for this process; 0 = physical cores that it may use.
void setThreads(std::int64_t threads);

}  // namespace prefbench::model
