#pragma once

/// The one header through which torch enters, precompiled for every target that links prefbench::libtorch. Where it is
/// not precompiled (clang-tidy) it still stands by itself.
#include <torch/torch.h>
