#include "core/training/compute_limit.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <utility>

namespace prefbench::training {
namespace {

/// The least of `rounds` times, after one unmeasured: the first meets cold caches, and oneDNN compiles.
double secondsOf(at::Device device, int rounds, const std::function<void()>& work) {
    double least = std::numeric_limits<double>::infinity();
    for (int round = 0; round <= rounds; ++round) {
        const auto start = std::chrono::steady_clock::now();
        work();
        if (device.is_cuda()) {
            torch::cuda::synchronize();
        }
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        least = round == 0 ? least : std::min(least, seconds);
    }
    return least;
}

/// Seconds of a · b by a library.
double secondsBy(model::ProductLibrary library, int rounds, const at::Tensor& a, const at::Tensor& b) {
    if (library == model::ProductLibrary::OneDnn) {
        return secondsOf(a.device(), rounds, [&] { model::multiplied(library, a, b); });
    }
    at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());  // memory that is there already
    return secondsOf(a.device(), rounds, [&] { at::mm_out(out, a, b); });
}

bool hasChoice(const at::TensorOptions& options) {
    return options.device().is_cpu() && options.dtype() == at::kFloat && model::hasOneDnn();
}

/// Seconds of a linear layer's three products by one library.
struct LayerSeconds {
    double forward = 0, inputGradient = 0, weightGradient = 0;

    void add(const LayerSeconds& other, double count) {
        forward += count * other.forward;
        inputGradient += count * other.inputGradient;
        weightGradient += count * other.weightGradient;
    }
};

/// By each library that there is: BLAS first.
std::vector<LayerSeconds> layerSeconds(const StepProduct& product, const at::TensorOptions& options, int rounds) {
    const at::Tensor x = at::randn({product.rows, product.inner}, options);
    const at::Tensor w = at::randn({product.columns, product.inner}, options);
    const at::Tensor g = at::randn({product.rows, product.columns}, options);
    std::vector<LayerSeconds> result;
    for (const auto library : {model::ProductLibrary::Blas, model::ProductLibrary::OneDnn}) {
        if (library == model::ProductLibrary::Blas || hasChoice(options)) {
            result.push_back({secondsBy(library, rounds, x, w.t()), secondsBy(library, rounds, g, w),
                              product.weightGradient ? secondsBy(library, rounds, g.t(), x) : 0});
        }
    }
    return result;
}

/// Each product by the faster library.
double leastSeconds(const std::vector<LayerSeconds>& byLibrary) {
    LayerSeconds least = byLibrary.front();
    for (const LayerSeconds& other : byLibrary) {
        least.forward = std::min(least.forward, other.forward);
        least.inputGradient = std::min(least.inputGradient, other.inputGradient);
        least.weightGradient = std::min(least.weightGradient, other.weightGradient);
    }
    return least.forward + least.inputGradient + least.weightGradient;
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

std::vector<StepProduct> blockProducts(const model::Transformer& model, std::int64_t tokens) {
    std::map<std::pair<std::int64_t, std::int64_t>, std::int64_t> shapes;
    for (const at::Tensor& matrix : model.blockMatrices()) {
        ++shapes[{matrix.size(0), matrix.size(1)}];
    }
    std::vector<StepProduct> products;
    for (const auto& [shape, count] : shapes) {
        products.push_back({tokens, shape.second, shape.first, count, model.adapter() == nullptr});
    }
    return products;
}

std::vector<StepProduct> stepProducts(const model::Transformer& model, std::int64_t tokens,
                                      std::int64_t predictedTokens) {
    std::vector<StepProduct> products = blockProducts(model, tokens);
    const bool frozen = model.adapter() != nullptr;
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
        sum += static_cast<double>(product.count) *
               leastSeconds(layerSeconds(product, at::TensorOptions(device).dtype(type), 1));
    }
    return sum;
}

at::ScalarType fasterProducts(const std::vector<StepProduct>& products, at::Device device) {
    const bool narrow = leastSeconds(products, at::kBFloat16, device) < leastSeconds(products, at::kFloat, device);
    return narrow ? at::kBFloat16 : at::kFloat;
}

model::ProductLibraries fasterLibraries(const std::vector<StepProduct>& products, at::Device device) {
    const at::NoGradGuard noGradients;
    const at::TensorOptions options = at::TensorOptions(device).dtype(at::kFloat);
    constexpr double tooFew = 1e9;  // floating-point operations, whose time would be chance's
    if (!hasChoice(options) || stepFlops(products) < tooFew) {
        return {};
    }
    LayerSeconds blas, oneDnn;
    for (const StepProduct& product : products) {
        const std::vector<LayerSeconds> seconds = layerSeconds(product, options, 3);
        blas.add(seconds[0], static_cast<double>(product.count));
        oneDnn.add(seconds[1], static_cast<double>(product.count));
    }
    // By so much that chance does not decide: the same run is to choose the same again.
    constexpr double enough = 0.9;
    const auto faster = [](double one, double other) {
        return other < enough * one ? model::ProductLibrary::OneDnn : model::ProductLibrary::Blas;
    };
    return {faster(blas.forward, oneDnn.forward), faster(blas.inputGradient, oneDnn.inputGradient),
            faster(blas.weightGradient, oneDnn.weightGradient)};
}

}  // namespace prefbench::training
