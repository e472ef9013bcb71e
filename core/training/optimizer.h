#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/contract/run_spec.h"
#include "core/model/transformer.h"

namespace prefbench::training {

/// Updates a model's own tensors in place through their gradients. Weight decay touches only parameters whose `decays`
/// is set. The parameters must outlive the optimizer and need gradients.
class Optimizer {
  public:
    virtual ~Optimizer() = default;

    /// One update with the gradients that the parameters hold, each divided by `gradientDivisor` on the way; a
    /// parameter without a gradient stays as it is.
    void step(double learningRate, double gradientDivisor = 1);
    /// Updates done so far.
    std::int64_t updates() const { return updates_; }

    /// Writes the moments of every parameter, in full precision, as a safetensors file; fsynced.
    void save(const std::filesystem::path& file) const;
    /// Takes up what `save` wrote; Error when names or shapes are not this model's, or another optimizer wrote it.
    void load(const std::filesystem::path& file);

  protected:
    /// Running means that an optimizer keeps, all 0 at first: `values` are shaped as the parameters.
    struct Moments {
        std::string name;
        std::vector<at::Tensor> values;
    };
    Optimizer(const std::vector<model::Parameter>& parameters, std::vector<std::string> momentNames);
    /// Updates one parameter that has a gradient; `updates()` counts this update.
    virtual void update(std::size_t index, double learningRate, double gradientDivisor) = 0;

    const std::vector<model::Parameter>& parameters_;
    std::vector<Moments> moments_;

  private:
    std::int64_t updates_ = 0;
};

/// AdamW with decoupled weight decay: Loshchilov and Hutter, arXiv:1711.05101, algorithm 2; bias-corrected as in
/// Kingma and Ba, arXiv:1412.6980.
class AdamW : public Optimizer {
  public:
    struct Settings {
        double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0;
    };
    AdamW(const std::vector<model::Parameter>& parameters, const Settings& settings);

  private:
    void update(std::size_t index, double learningRate, double gradientDivisor) override;
    Settings settings_;
};

/// RMSprop, α = 0.99, ε = 1e-8, without momentum, as the original DPO code uses it: Tieleman and Hinton 2012, lecture
/// 6.5; v ← αv + (1 − α)g², θ ← θ − lr·g/(√v + ε). Weight decay adds to the gradient, as torch's does.
class RmsProp : public Optimizer {
  public:
    RmsProp(const std::vector<model::Parameter>& parameters, double weightDecay);

  private:
    void update(std::size_t index, double learningRate, double gradientDivisor) override;
    double weightDecay_;
};

/// The one that the settings name.
std::unique_ptr<Optimizer> makeOptimizer(const std::vector<model::Parameter>& parameters,
                                         const contract::Hyperparameters& hyperparameters);

/// √ of the sum of squares over all gradients.
double gradientNorm(const std::vector<model::Parameter>& parameters);
/// What gradients of norm `norm` are to be divided by so that it is at most `maxNorm` (0: any), as torch's
/// clip_grad_norm_ does: at least 1.
double clippingDivisor(double norm, double maxNorm);
/// Drops the gradients.
void clearGradients(const std::vector<model::Parameter>& parameters);

}  // namespace prefbench::training
