#include "core/model/product_library.h"

#include <optional>

#include "core/files/error.h"

namespace prefbench::model {
namespace {

/// x · wᵀ, whatever library `at::mm` uses.
at::Tensor oneDnnProduct(const at::Tensor& x, const at::Tensor& w) {
    using Product = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
                               c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
    static const auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<Product>();
    return op.call(x, w, std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), "");
}

class LinearByLibrary : public torch::autograd::Function<LinearByLibrary> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                              const std::optional<at::Tensor>& bias, bool inputsFirst,
                              const ProductLibraries& libraries) {
        const at::Tensor y = multiplied(libraries.forward, x, inputsFirst ? weight : weight.t());
        context->save_for_backward(
            {weight.requires_grad() ? x : at::Tensor(), x.requires_grad() ? weight : at::Tensor()});
        context->saved_data["inputsFirst"] = inputsFirst;
        context->saved_data["hasBias"] = bias.has_value();
        context->saved_data["inputByOneDnn"] = libraries.inputGradient == ProductLibrary::OneDnn;
        context->saved_data["weightByOneDnn"] = libraries.weightGradient == ProductLibrary::OneDnn;
        return bias ? y.add_(*bias) : y;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1], &gradient = gradients[0];
        const bool inputsFirst = context->saved_data["inputsFirst"].toBool();
        const auto library = [&](const char* key) {
            return context->saved_data[key].toBool() ? ProductLibrary::OneDnn : ProductLibrary::Blas;
        };
        torch::autograd::variable_list result(5);
        if (context->needs_input_grad(0)) {
            result[0] = multiplied(library("inputByOneDnn"), gradient, inputsFirst ? weight.t() : weight);
        }
        if (context->needs_input_grad(1)) {
            const ProductLibrary by = library("weightByOneDnn");
            result[1] = inputsFirst ? multiplied(by, x.t(), gradient) : multiplied(by, gradient.t(), x);
        }
        if (context->saved_data["hasBias"].toBool() && context->needs_input_grad(2)) {
            result[2] = gradient.sum(0);
        }
        return result;
    }
};

}  // namespace

const char* productLibraryName(ProductLibrary library) {
    return library == ProductLibrary::OneDnn ? "onednn" : "blas";
}

ProductLibrary productLibraryFromName(const std::string& name) {
    if (name == "onednn" && hasOneDnn()) {
        return ProductLibrary::OneDnn;
    }
    if (name != "blas") {
        throw Error("\"" + name + "\" is not a library of matrix products that this build has; blas" +
                    (hasOneDnn() ? " and onednn are" : " is"));
    }
    return ProductLibrary::Blas;
}

bool hasOneDnn() {
    return at::globalContext().hasMKLDNN();
}

bool ProductLibraries::areBlas() const {
    return forward == ProductLibrary::Blas && inputGradient == ProductLibrary::Blas &&
           weightGradient == ProductLibrary::Blas;
}

at::Tensor multiplied(ProductLibrary library, const at::Tensor& a, const at::Tensor& b) {
    return library == ProductLibrary::OneDnn ? oneDnnProduct(a, b.t()) : at::mm(a, b);
}

at::Tensor linearBy(const ProductLibraries& libraries, const at::Tensor& x, const at::Tensor& weight, bool inputsFirst,
                    const at::Tensor& bias) {
    return LinearByLibrary::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, inputsFirst,
                                  libraries);
}

}  // namespace prefbench::model
