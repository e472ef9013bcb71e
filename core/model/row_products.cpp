#include "core/model/row_products.h"

#include "core/model/parallel.h"
#include "core/model/row_kernels.h"

namespace prefbench::model {

bool rowProductsTake(const at::Tensor& x, const at::Tensor& weight) {
    return x.dim() == 2 && x.size(0) <= mostRowsForRowProducts && x.device().is_cpu() &&
           x.scalar_type() == at::kFloat && weight.scalar_type() == at::kFloat && weight.is_contiguous() &&
           !at::GradMode::is_enabled();
}

at::Tensor rowProducts(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool inputsFirst) {
    const at::Tensor rows = x.contiguous();
    const std::int64_t outputs = weight.size(inputsFirst ? 1 : 0);
    at::Tensor y = at::empty({rows.size(0), outputs}, rows.options());
    const RowProduct product{rows.const_data_ptr<float>(),
                             weight.const_data_ptr<float>(),
                             y.mutable_data_ptr<float>(),
                             rows.size(0),
                             rows.size(1),
                             outputs};
    constexpr std::int64_t block = 64;
    inParallel((outputs + block - 1) / block, 1, [&](std::int64_t begin, std::int64_t end) {
        const auto multiply = inputsFirst ? &multiplyInputsByOutputs : &multiplyOutputsByInputs;
        multiply(product, begin * block, std::min(end * block, outputs));
    });
    return bias.defined() ? y.add_(bias) : y;
}

}  // namespace prefbench::model
