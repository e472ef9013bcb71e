#include "core/model/product_library.h"

#include <optional>

#include "core/files/error.h"

namespace prefbench::model {
namespace {

/// x · wᵀ + bias, whatever library `at::mm` uses.
at::Tensor oneDnnProduct(const at::Tensor& x, const at::Tensor& w, const std::optional<at::Tensor>& bias) {
    using Product = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
                               c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
    static const auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<Product>();
    return op.call(x, w, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

at::Tensor floatProduct(const at::Tensor& a, const at::Tensor& b, const std::optional<at::Tensor>& bias,
                        ProductLibrary library) {
    if (library == ProductLibrary::OneDnn) {
        return oneDnnProduct(a, b.t(), bias);
    }
    return bias ? at::addmm(*bias, a, b) : at::mm(a, b);
}

class LinearByLibrary : public torch::autograd::Function<LinearByLibrary> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                              const std::optional<at::Tensor>& bias, bool inputsFirst,
                              const ProductLibraries& libraries) {
        const at::Tensor y = floatProduct(x, inputsFirst ? weight : weight.t(), bias, libraries.forward);
        context->save_for_backward(
            {weight.requires_grad() ? x : at::Tensor(), x.requires_grad() ? weight : at::Tensor()});
        context->saved_data["inputsFirst"] = inputsFirst;
        context->saved_data["hasBias"] = bias.has_value();
        context->saved_data["libraries"] = libraries.kept();
        return y;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &x = saved[0], &weight = saved[1], &gradient = gradients[0];
        const bool inputsFirst = context->saved_data["inputsFirst"].toBool();
        const auto libraries = ProductLibraries::fromKept(context->saved_data["libraries"]);
        torch::autograd::variable_list result(5);
        if (context->needs_input_grad(0)) {
            result[0] = floatProduct(gradient, inputsFirst ? weight.t() : weight, {}, libraries.inputGradient);
        }
        if (context->needs_input_grad(1)) {
            result[1] = inputsFirst ? floatProduct(x.t(), gradient, {}, libraries.weightGradient)
                                    : floatProduct(gradient.t(), x, {}, libraries.weightGradient);
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

c10::IValue ProductLibraries::kept() const {
    return std::vector<std::int64_t>{static_cast<std::int64_t>(forward), static_cast<std::int64_t>(inputGradient),
                                     static_cast<std::int64_t>(weightGradient)};
}

ProductLibraries ProductLibraries::fromKept(const c10::IValue& value) {
    const std::vector<std::int64_t> codes = value.toIntVector();
    const auto library = [&](std::size_t product) { return static_cast<ProductLibrary>(codes.at(product)); };
    return {library(0), library(1), library(2)};
}

at::Tensor multiplied(const at::Tensor& a, const at::Tensor& b, at::ScalarType type, ProductLibrary library) {
    if (a.scalar_type() == type) {
        const bool hasChoice = type == at::kFloat && a.is_cpu();
        return floatProduct(a, b, {}, hasChoice ? library : ProductLibrary::Blas);
    }
    return a.is_cuda() ? at::mm(a, b, type) : at::mm(a, b).to(type);
}

void addProduct(const at::Tensor& sum, const at::Tensor& a, const at::Tensor& b) {
    if (a.scalar_type() == sum.scalar_type()) {
        sum.addmm_(a, b);
    } else {
        sum.add_(multiplied(a, b, sum.scalar_type()));
    }
}

at::Tensor linearBy(const ProductLibraries& libraries, const at::Tensor& x, const at::Tensor& weight, bool inputsFirst,
                    const at::Tensor& bias) {
    return LinearByLibrary::apply(x, weight, bias.defined() ? std::optional(bias) : std::nullopt, inputsFirst,
                                  libraries);
}

}  // namespace prefbench::model
