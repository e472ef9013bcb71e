#include "core/training/optimizer.h"

#include <cmath>
#include <utility>

#include "core/files/error.h"
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

constexpr const char* kFirst = "exp_avg.";
constexpr const char* kSecond = "exp_avg_sq.";
constexpr const char* kUpdates = "updates";

}  // namespace

AdamW::AdamW(const std::vector<model::Parameter>& parameters, const Settings& settings)
    : parameters_(parameters), settings_(settings) {
    Group decayed{{}, settings.weightDecay}, plain{{}, 0};
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        (parameters[i].decays ? decayed : plain).members.push_back(i);
        firstMoments_.push_back(at::zeros_like(parameters[i].value, at::MemoryFormat::Contiguous));
        secondMoments_.push_back(at::zeros_like(parameters[i].value, at::MemoryFormat::Contiguous));
    }
    groups_ = {std::move(decayed), std::move(plain)};
}

void AdamW::step(double learningRate) {
    const at::NoGradGuard noGradients;
    ++updates_;
    for (const Group& group : groups_) {
        stepGroup(group, learningRate);
    }
}

void AdamW::stepGroup(const Group& group, double learningRate) {
    std::vector<at::Tensor> values, gradients, first, second, steps;
    for (const std::size_t i : group.members) {
        const at::Tensor& value = parameters_[i].value;
        if (value.grad().defined()) {
            values.push_back(value);
            gradients.push_back(value.grad());
            first.push_back(firstMoments_[i]);
            second.push_back(secondMoments_[i]);
            steps.push_back(at::full({}, static_cast<double>(updates_), value.options().dtype(at::kFloat)));
        }
    }
    if (!values.empty()) {
        at::_fused_adamw_(values, gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, learningRate,
                          settings_.beta1, settings_.beta2, group.weightDecay, settings_.epsilon, /*amsgrad=*/false,
                          /*maximize=*/false);
    }
}

void AdamW::save(const std::filesystem::path& file) const {
    std::vector<NamedTensor> tensors;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        tensors.push_back({kFirst + parameters_[i].name, firstMoments_[i]});
        tensors.push_back({kSecond + parameters_[i].name, secondMoments_[i]});
    }
    saveTensors(file, tensors, {{kUpdates, std::to_string(updates_)}});
}

void AdamW::load(const std::filesystem::path& file) {
    const files::SafetensorsFile source = files::SafetensorsFile::open(file);
    const auto updates = source.metadata().find(kUpdates);
    if (updates == source.metadata().end()) {
        throw Error(file.string() + ": no \"" + kUpdates + "\" in its metadata: not an optimizer state");
    }
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
        loadTensor(source, kFirst + parameters_[i].name, firstMoments_[i]);
        loadTensor(source, kSecond + parameters_[i].name, secondMoments_[i]);
    }
    updates_ = std::stoll(updates->second);
}

double gradientNorm(const std::vector<model::Parameter>& parameters) {
    const at::NoGradGuard noGradients;
    const std::vector<at::Tensor> gradients = gradientsOf(parameters);
    if (gradients.empty()) {
        return 0;
    }
    return at::stack(at::_foreach_norm(gradients)).to(at::kDouble).norm().item<double>();
}

void clipGradients(const std::vector<model::Parameter>& parameters, double norm, double maxNorm) {
    const at::NoGradGuard noGradients;
    const double scale = maxNorm / (norm + 1e-6);
    if (scale < 1) {
        at::_foreach_mul_(gradientsOf(parameters), scale);
    }
}

void clearGradients(const std::vector<model::Parameter>& parameters) {
    for (const model::Parameter& parameter : parameters) {
        parameter.value.mutable_grad().reset();
    }
}

}  // namespace prefbench::training
