#include "core/training/optimizer.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/files/error.h"
#include "core/model/mixed_product.h"
#include "core/training/tensor_file.h"

namespace prefbench::training {
namespace {

std::vector<at::Tensor> gradientsOf(const std::vector<model::Parameter>& parameters) {
    std::vector<at::Tensor> gradients;
    for (const model::Parameter& parameter : parameters) {
        if (parameter.value.grad().defined()) {
            gradients.push_back(parameter.value.grad());
        }
    }
    return gradients;
}

constexpr const char* kUpdates = "updates";

}  // namespace

Optimizer::Optimizer(const std::vector<model::Parameter>& parameters, std::vector<std::string> momentNames)
    : parameters_(parameters) {
    for (std::string& name : momentNames) {
        Moments& moments = moments_.emplace_back(Moments{std::move(name), {}});
        for (const model::Parameter& parameter : parameters) {
            moments.values.push_back(at::zeros_like(parameter.value, at::MemoryFormat::Contiguous));
        }
    }
}

void Optimizer::step(double learningRate, double gradientDivisor) {
    const at::NoGradGuard noGradients;
    ++updates_;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        if (parameters_[i].value.grad().defined()) {
            update(i, learningRate, gradientDivisor);
        }
    }
}

void Optimizer::save(const std::filesystem::path& file) const {
    std::vector<NamedTensor> tensors;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        for (const Moments& moments : moments_) {
            tensors.push_back({moments.name + "." + parameters_[i].name, moments.values[i]});
        }
    }
    saveTensors(file, tensors, {{kUpdates, std::to_string(updates_)}});
}

void Optimizer::load(const std::filesystem::path& file) {
    const files::SafetensorsFile source = files::SafetensorsFile::open(file);
    const auto updates = source.metadata().find(kUpdates);
    if (updates == source.metadata().end()) {
        throw Error(file.string() + ": no \"" + kUpdates + "\" in its metadata: not an optimizer state");
    }
    for (Moments& moments : moments_) {
        for (std::size_t i = 0; i < parameters_.size(); ++i) {
            loadTensor(source, moments.name + "." + parameters_[i].name, moments.values[i]);
        }
    }
    updates_ = std::stoll(updates->second);
}

AdamW::AdamW(const std::vector<model::Parameter>& parameters, const Settings& settings)
    : Optimizer(parameters, {"exp_avg", "exp_avg_sq"}), settings_(settings) {}

void AdamW::update(std::size_t index, double learningRate, double gradientDivisor) {
    const model::Parameter& parameter = parameters_[index];
    const auto divisor =
        gradientDivisor == 1
            ? std::nullopt
            : std::optional(at::full({}, gradientDivisor, parameter.value.options().dtype(at::kFloat)));
    const at::Tensor updatesDone =
        at::full({}, static_cast<double>(updates()), parameter.value.options().dtype(at::kFloat));
    at::_fused_adamw_({parameter.value}, {parameter.value.grad()}, {moments_[0].values[index]},
                      {moments_[1].values[index]}, /*max_exp_avg_sqs=*/{}, {updatesDone}, learningRate, settings_.beta1,
                      settings_.beta2, parameter.decays ? settings_.weightDecay : 0, settings_.epsilon,
                      /*amsgrad=*/false, /*maximize=*/false, divisor);
    model::noteChange(parameter.value);
}

RmsProp::RmsProp(const std::vector<model::Parameter>& parameters, double weightDecay)
    : Optimizer(parameters, {"square_avg"}), weightDecay_(weightDecay) {}

void RmsProp::update(std::size_t index, double learningRate, double gradientDivisor) {
    constexpr double alpha = 0.99, epsilon = 1e-8;
    const model::Parameter& parameter = parameters_[index];
    const bool decays = parameter.decays && weightDecay_ > 0;
    at::Tensor gradient = parameter.value.grad() / gradientDivisor;
    if (decays) {
        gradient.add_(parameter.value, weightDecay_);
    }
    at::Tensor& mean = moments_[0].values[index];
    mean.mul_(alpha).addcmul_(gradient, gradient, 1 - alpha);
    at::Tensor value = parameter.value;
    value.addcdiv_(gradient, mean.sqrt().add_(epsilon), -learningRate);
}

std::unique_ptr<Optimizer> makeOptimizer(const std::vector<model::Parameter>& parameters,
                                         const contract::Hyperparameters& h) {
    if (h.optimizer == "rmsprop") {
        return std::make_unique<RmsProp>(parameters, h.weightDecay);
    }
    return std::make_unique<AdamW>(parameters, AdamW::Settings{h.adamBeta1, h.adamBeta2, h.adamEpsilon, h.weightDecay});
}

double gradientNorm(const std::vector<model::Parameter>& parameters) {
    const at::NoGradGuard noGradients;
    const std::vector<at::Tensor> gradients = gradientsOf(parameters);
    if (gradients.empty()) {
        return 0;
    }
    return at::stack(at::_foreach_norm(gradients)).to(at::kDouble).norm().item<double>();
}

double clippingDivisor(double norm, double maxNorm) {
    return maxNorm > 0 ? std::max((norm + 1e-6) / maxNorm, 1.0) : 1.0;
}

void clearGradients(const std::vector<model::Parameter>& parameters) {
    for (const model::Parameter& parameter : parameters) {
        parameter.value.mutable_grad().reset();
    }
}

}  // namespace prefbench::training
