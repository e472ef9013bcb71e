#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/model/transformer.h"

namespace prefbench::training {

/// AdamW with decoupled weight decay: Loshchilov and Hutter, arXiv:1711.05101, algorithm 2; bias-corrected as in
/// Kingma and Ba, arXiv:1412.6980. Decay touches only parameters whose `decays` is set. Updates the model's own
/// tensors in place through their gradients.
class AdamW {
  public:
    struct Settings {
        double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0;
    };
    /// The parameters must outlive the optimizer and need gradients.
    AdamW(const std::vector<model::Parameter>& parameters, const Settings& settings);

    /// One update with the gradients that the parameters hold; one without a gradient stays as it is.
    void step(double learningRate);
    /// Updates done so far.
    std::int64_t updates() const { return updates_; }

    /// Writes both moments of every parameter, in full precision, as a safetensors file; fsynced.
    void save(const std::filesystem::path& file) const;
    /// Takes up what `save` wrote; Error when names or shapes are not this model's.
    void load(const std::filesystem::path& file);

  private:
    struct Group {
        std::vector<std::size_t> members;  ///< indices into parameters_
        double weightDecay = 0;
    };
    void stepGroup(const Group& group, double learningRate);

    const std::vector<model::Parameter>& parameters_;
    Settings settings_;
    std::vector<Group> groups_;
    std::vector<at::Tensor> firstMoments_, secondMoments_;  ///< shaped as the parameters
    std::int64_t updates_ = 0;
};

/// √ of the sum of squares over all gradients.
double gradientNorm(const std::vector<model::Parameter>& parameters);
/// Scales all gradients so that their norm, now `norm`, is at most `maxNorm`, as torch's clip_grad_norm_ does.
void clipGradients(const std::vector<model::Parameter>& parameters, double norm, double maxNorm);
/// Drops the gradients.
void clearGradients(const std::vector<model::Parameter>& parameters);

}  // namespace prefbench::training
