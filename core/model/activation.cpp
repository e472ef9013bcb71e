#include "core/model/activation.h"

#include "core/files/error.h"
#include "core/model/kernels.h"
#include "core/model/parallel.h"

namespace prefbench::model {
namespace {

using WithSlope = void (*)(const float* x, float* y, float* slope, std::int64_t n);

/// For contiguous float32 on the CPU.
class FusedActivation : public torch::autograd::Function<FusedActivation> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, std::int64_t function,
                              bool needsSlope) {
        at::Tensor y = at::empty_like(x), slope = needsSlope ? at::empty_like(x) : at::Tensor();
        const auto* from = x.const_data_ptr<float>();
        auto* to = y.mutable_data_ptr<float>();
        auto* derivative = needsSlope ? slope.mutable_data_ptr<float>() : nullptr;
        const WithSlope kernel = function == 0 ? &geluTanhWithSlope : &siluWithSlope;
        constexpr std::int64_t grain = 16384;
        inParallel(x.numel(), grain, [&](std::int64_t begin, std::int64_t end) {
            kernel(from + begin, to + begin, derivative == nullptr ? nullptr : derivative + begin, end - begin);
        });
        if (needsSlope) {
            context->save_for_backward({slope});
        }
        return y;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        return {gradients[0] * context->get_saved_variables()[0], at::Tensor(), at::Tensor()};
    }
};

at::Tensor fused(const at::Tensor& x, Activation activation) {
    const bool needsSlope = at::GradMode::is_enabled() && x.requires_grad();
    return FusedActivation::apply(x, activation == Activation::GeluTanh ? 0 : 1, needsSlope);
}

}  // namespace

at::Tensor activate(const at::Tensor& x, Activation activation) {
    if ((activation == Activation::GeluTanh || activation == Activation::Silu) && x.device().is_cpu() &&
        x.scalar_type() == at::kFloat && x.is_contiguous()) {
        return fused(x, activation);
    }
    switch (activation) {
        case Activation::GeluTanh:
            return at::gelu(x, "tanh");
        case Activation::GeluExact:
            return at::gelu(x, "none");
        case Activation::QuickGelu:
            return x * at::sigmoid(1.702 * x);
        case Activation::Silu:
            return at::silu(x);
        case Activation::Relu:
            return at::relu(x);
    }
    throw Error("unknown activation");
}

}  // namespace prefbench::model
