#include "core/training/compute_limit.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <utility>

namespace prefbench::training {
namespace {

/// Of the second of two times: the first meets cold caches, and oneDNN compiles.
double secondsOf(at::Device device, const std::function<void()>& work) {
    std::chrono::steady_clock::time_point start;
    for (int round = 0; round < 2; ++round) {
        start = std::chrono::steady_clock::now();
        work();
        if (device.is_cuda()) {
            torch::cuda::synchronize();
        }
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// x · wᵀ by oneDNN, whatever library `at::mm` uses.
at::Tensor oneDnnProduct(const at::Tensor& x, const at::Tensor& w) {
    using Product = at::Tensor(const at::Tensor&, const at::Tensor&, const std::optional<at::Tensor>&, std::string_view,
                               c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);
    static const auto op =
        c10::Dispatcher::singleton().findSchemaOrThrow("mkldnn::_linear_pointwise", "").typed<Product>();
    return op.call(x, w, std::nullopt, "none", c10::List<std::optional<at::Scalar>>(), "");
}

/// Seconds of a · b by the faster library, into memory that is there already.
double productSeconds(const at::Tensor& a, const at::Tensor& b) {
    at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());
    double least = secondsOf(a.device(), [&] { at::mm_out(out, a, b); });
    const bool isOneDnns = a.scalar_type() == at::kFloat || a.scalar_type() == at::kBFloat16;
    if (a.device().is_cpu() && isOneDnns && at::globalContext().hasMKLDNN()) {
        const at::Tensor transposed = b.t();
        least = std::min(least, secondsOf(a.device(), [&] { oneDnnProduct(a, transposed); }));
    }
    return least;
}

double seconds(const StepProduct& product, const at::TensorOptions& options) {
    const at::Tensor x = at::randn({product.rows, product.inner}, options);
    const at::Tensor w = at::randn({product.columns, product.inner}, options);
    const at::Tensor g = at::randn({product.rows, product.columns}, options);
    const double forward = productSeconds(x, w.t());
    const double toInput = productSeconds(g, w);
    return forward + toInput + (product.weightGradient ? productSeconds(g.t(), x) : 0);
}

}  // namespace

double stepFlops(const std::vector<StepProduct>& products) {
    double sum = 0;
    for (const StepProduct& product : products) {
        sum += static_cast<double>(product.count) * (product.weightGradient ? 6 : 4) *
               static_cast<double>(product.rows) * static_cast<double>(product.inner) *
               static_cast<double>(product.columns);
    }
    return sum;
}

std::vector<StepProduct> stepProducts(const model::Transformer& model, std::int64_t tokens,
                                      std::int64_t predictedTokens) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> shapes;
    for (const at::Tensor& matrix : model.blockMatrices()) {
        ++shapes[{matrix.size(0), matrix.size(1)}];
    }
    std::vector<StepProduct> products;
    const bool frozen = model.adapter() != nullptr;
    for (const auto& [shape, count] : shapes) {
        products.push_back({tokens, shape.second, shape.first, count, !frozen});
    }
    products.push_back({predictedTokens, model.head().weight.size(1), model.head().weight.size(0), 1, !frozen});
    if (frozen) {
        for (const model::Parameter& matrix : model.trainable()) {
            products.push_back({tokens, matrix.value.size(1), matrix.value.size(0)});
        }
    }
    return products;
}

double leastSeconds(const std::vector<StepProduct>& products, at::ScalarType type, at::Device device) {
    const at::NoGradGuard noGradients;
    double sum = 0;
    for (const StepProduct& product : products) {
        sum += static_cast<double>(product.count) * seconds(product, at::TensorOptions(device).dtype(type));
    }
    return sum;
}

at::ScalarType fasterProducts(const std::vector<StepProduct>& products, at::Device device) {
    const bool narrow = leastSeconds(products, at::kBFloat16, device) < leastSeconds(products, at::kFloat, device);
    return narrow ? at::kBFloat16 : at::kFloat;
}

}  // namespace prefbench::training
