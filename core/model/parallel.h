#pragma once

#include <cstdint>
#include <functional>

namespace prefbench::model {

/// Calls `work(begin, end)` for equal parts of 0 … count − 1, none below `least` long if there are several, on the
/// threads that LibTorch's own operators use. `work` must not throw. (at::parallel_for is a template that runs on one
/// thread wherever it is compiled without OpenMP, and our precompiled header is.)
void inParallel(std::int64_t count, std::int64_t least, const std::function<void(std::int64_t, std::int64_t)>& work);

}  // namespace prefbench::model
