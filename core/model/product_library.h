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
    /// As autograd keeps them between forward and backward pass.
    c10::IValue kept() const;
    static ProductLibraries fromKept(const c10::IValue& value);
};

/// Of a model: of its layers' and of its output head's.
struct ModelLibraries {
    ProductLibraries layers, head;
};

/// a [n, k] · b [k, m] → [n, m] of `type`. Factors may be of a narrower type than that: sums are in float32 all the
/// same, but on the CPU, whose libraries have no such product, each is rounded to the factors' type once. `library` is
/// asked for products that are float32 throughout, on the CPU; others have one only. Not differentiable.
at::Tensor multiplied(const at::Tensor& a, const at::Tensor& b, at::ScalarType type,
                      ProductLibrary library = ProductLibrary::Blas);
/// The same, added to `sum`; by the BLAS, which needs no memory for it, where that has such a product.
void addProduct(const at::Tensor& sum, const at::Tensor& a, const at::Tensor& b);

/// x [n, inputs] · Wᵀ + bias, weight [outputs, inputs], or where `inputsFirst` [inputs, outputs]; bias [outputs] or
/// undefined. float32 on the CPU. Differentiable.
at::Tensor linearBy(const ProductLibraries& libraries, const at::Tensor& x, const at::Tensor& weight, bool inputsFirst,
                    const at::Tensor& bias);

}  // namespace prefbench::model
