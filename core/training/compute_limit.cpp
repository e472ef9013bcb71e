#include "core/training/compute_limit.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <utility>

namespace prefbench::training {
namespace {

/// Done twice, and the first time not measured: it meets cold caches, and oneDNN compiles.
double secondsOf(at::Device device, const std::function<void()>& work) {
    const auto done = [&] {
        work();
        if (device.is_cuda()) {
            torch::cuda::synchronize();
        }
    };
    done();
    const auto start = std::chrono::steady_clock::now();
    done();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds of a · b by a library.
double secondsBy(model::ProductLibrary library, const at::Tensor& a, const at::Tensor& b) {
    if (library == model::ProductLibrary::OneDnn) {
        return secondsOf(a.device(), [&] { model::multiplied(a, b, a.scalar_type(), library); });
    }
    at::Tensor out = at::empty({a.size(0), b.size(1)}, a.options());  // memory that is there already
    return secondsOf(a.device(), [&] { at::mm_out(out, a, b); });
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
    void keepLeast(const LayerSeconds& other) {
        forward = std::min(forward, other.forward);
        inputGradient = std::min(inputGradient, other.inputGradient);
        weightGradient = std::min(weightGradient, other.weightGradient);
    }
};

/// By each library that there is: BLAS first.
std::vector<LayerSeconds> layerSeconds(const StepProduct& product, const at::TensorOptions& options) {
    const at::Tensor x = at::randn({product.rows, product.inner}, options);
    const at::Tensor w = at::randn({product.columns, product.inner}, options);
    const at::Tensor g = at::randn({product.rows, product.columns}, options);
    std::vector<LayerSeconds> result;
    for (const auto library : {model::ProductLibrary::Blas, model::ProductLibrary::OneDnn}) {
        if (library == model::ProductLibrary::Blas || hasChoice(options)) {
            result.push_back({secondsBy(library, x, w.t()), secondsBy(library, g, w),
                              product.weightGradient ? secondsBy(library, g.t(), x) : 0});
        }
    }
    return result;
}

/// Each product by the faster library.
double leastSeconds(const std::vector<LayerSeconds>& byLibrary) {
    LayerSeconds least = byLibrary.front();
    for (const LayerSeconds& other : byLibrary) {
        least.keepLeast(other);
    }
    return least.forward + least.inputGradient + least.weightGradient;
}

/// The products of the blocks' matrices over `tokens` rows.
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

/// The least of several rounds, for each by itself.
std::vector<LayerSeconds> leastLayerSeconds(const StepProduct& product, const at::TensorOptions& options) {
    constexpr int rounds = 3;
    std::vector<LayerSeconds> least = layerSeconds(product, options);
    for (int round = 1; round < rounds; ++round) {
        const std::vector<LayerSeconds> again = layerSeconds(product, options);
        for (std::size_t library = 0; library < least.size(); ++library) {
            least[library].keepLeast(again[library]);
        }
    }
    return least;
}

model::ProductLibraries fasterLibraries(const std::vector<StepProduct>& products, const at::TensorOptions& options) {
    constexpr double tooFew = 1e10;  // floating-point operations, whose time would be chance's
    if (!hasChoice(options) || stepFlops(products) < tooFew) {
        return {};
    }
    LayerSeconds blas, oneDnn;
    for (const StepProduct& product : products) {
        const std::vector<LayerSeconds> seconds = leastLayerSeconds(product, options);
        blas.add(seconds[0], static_cast<double>(product.count));
        oneDnn.add(seconds[1], static_cast<double>(product.count));
    }
    // By so much that chance does not decide: the same run is to choose the same again.
    constexpr double enough = 0.95;
    const auto faster = [](double one, double other) {
        return other < enough * one ? model::ProductLibrary::OneDnn : model::ProductLibrary::Blas;
    };
    return {faster(blas.forward, oneDnn.forward), faster(blas.inputGradient, oneDnn.inputGradient),
            faster(blas.weightGradient, oneDnn.weightGradient)};
}

StepProduct headProduct(const model::Transformer& model, std::int64_t rows) {
    const at::Tensor& weight = model.head().weight;
    return {rows, weight.size(1), weight.size(0), 1, model.adapter() == nullptr};
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
    std::vector<StepProduct> products = blockProducts(model, tokens);
    products.push_back(headProduct(model, predictedTokens));
    if (model.adapter() != nullptr) {
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
               leastSeconds(layerSeconds(product, at::TensorOptions(device).dtype(type)));
    }
    return sum;
}

at::ScalarType fasterProducts(const std::vector<StepProduct>& products, at::Device device) {
    const bool narrow = leastSeconds(products, at::kBFloat16, device) < leastSeconds(products, at::kFloat, device);
    return narrow ? at::kBFloat16 : at::kFloat;
}

model::ModelLibraries fasterLibraries(const model::Transformer& model) {
    const at::NoGradGuard noGradients;
    // Enough rows to tell, and few enough not to keep a run waiting.
    constexpr std::int64_t tokens = 512, predictedTokens = 256;
    const at::TensorOptions options = at::TensorOptions(model.device()).dtype(at::kFloat);
    return {fasterLibraries(blockProducts(model, tokens), options),
            fasterLibraries({headProduct(model, predictedTokens)}, options)};
}

}  // namespace prefbench::training
