#pragma once

#include <string>

#include "core/model/torch.h"

namespace prefbench::model {

/// What multiplies float32 matrices on the CPU. Which is faster depends on CPU and shapes.
enum class ProductLibrary {
    Blas,    ///< what LibTorch was built with: MKL or OpenBLAS
    OneDnn,  ///< which LibTorch comes with, but does not use for float32
};
/// "blas", "onednn"
const char* productLibraryName(ProductLibrary library);
/// Error for other names, and for a library that this LibTorch has not.
ProductLibrary productLibraryFromName(const std::string& name);
bool hasOneDnn();

/// Of the three products of a linear layer.
struct ProductLibraries {
    ProductLibrary forward = ProductLibrary::Blas;
    ProductLibrary inputGradient = ProductLibrary::Blas, weightGradient = ProductLibrary::Blas;

    bool areBlas() const;
};

/// a [n, k] · b [k, m] → [n, m]; float32 on the CPU. Not differentiable.
at::Tensor multiplied(ProductLibrary library, const at::Tensor& a, const at::Tensor& b);

/// x [n, inputs] · Wᵀ + bias, weight [outputs, inputs], or where `inputsFirst` [inputs, outputs]; bias [outputs] or
/// undefined. float32 on the CPU. Differentiable.
at::Tensor linearBy(const ProductLibraries& libraries, const at::Tensor& x, const at::Tensor& weight, bool inputsFirst,
                    const at::Tensor& bias);

}  // namespace prefbench::model
