#include "core/model/mixed_product.h"

#include <optional>

#include "core/model/product_library.h"

namespace prefbench::model {
namespace {

class MixedProduct : public torch::autograd::Function<MixedProduct> {
  public:
    /// x and weight stand for their rounded copies in the graph.
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                              const std::optional<at::Tensor>& bias, const at::Tensor& roundedX,
                              const at::Tensor& roundedWeight, bool inputsFirst) {
        const at::Tensor right = inputsFirst ? roundedWeight : roundedWeight.t();
        at::Tensor y = multiplied(roundedX, right, x.scalar_type());
        if (bias) {
            y.add_(*bias);
        }
        context->save_for_backward(
            {weight.requires_grad() ? roundedX : at::Tensor(), x.requires_grad() ? roundedWeight : at::Tensor()});
        context->saved_data["inputsFirst"] = inputsFirst;
        return y;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1], &gradient = gradients[0];
        const bool inputsFirst = context->saved_data["inputsFirst"].toBool();
        const at::Tensor rounded = gradient.to((x.defined() ? x : weight).scalar_type());
        const auto product = [&](const at::Tensor& a, const at::Tensor& b) {
            return multiplied(a, b, gradient.scalar_type());
        };
        torch::autograd::variable_list result(6);
        if (context->needs_input_grad(0)) {
            result[0] = product(rounded, inputsFirst ? weight.t() : weight);
        }
        if (context->needs_input_grad(1)) {
            result[1] = inputsFirst ? product(x.t(), rounded) : product(rounded.t(), x);
        }
        if (context->needs_input_grad(2)) {
            result[2] = gradient.sum(0);
        }
        return result;
    }
};

}  // namespace

at::Tensor RoundedWeights::of(const at::Tensor& weight) {
    const at::NoGradGuard noGradients;
    Copy& copy = copies_[weight.unsafeGetTensorImpl()];
    if (!copy.rounded.defined()) {
        copy = {weight, weight.detach().to(type_), weight._version()};
    } else if (copy.version != weight._version()) {
        copy.rounded.copy_(weight);
        copy.version = weight._version();
    }
    return copy.rounded;
}

void noteChange(const at::Tensor& weight) {
    torch::autograd::impl::bump_version(weight);
}

ProductInput productInput(const at::Tensor& values, const RoundedWeights* rounded) {
    return {values, rounded != nullptr ? values.detach().to(rounded->type()) : at::Tensor()};
}

at::Tensor mixedProduct(const ProductInput& x, const at::Tensor& weight, bool inputsFirst, const at::Tensor& bias,
                        RoundedWeights& rounded) {
    return MixedProduct::apply(x.values, weight, bias.defined() ? std::optional(bias) : std::nullopt, x.rounded,
                               rounded.of(weight), inputsFirst);
}

}  // namespace prefbench::model
