#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/model/attention.h"
#include "core/model/dropout.h"
#include "core/model/families.h"
#include "core/model/lora.h"
#include "core/model/mixed_product.h"
#include "core/model/packed_matrix.h"
#include "core/model/rotary.h"
#include "core/model/transformer.h"
#include "core/model/tree_attention.h"
#include "core/model/weights.h"

// Inside of Transformer: its layers are in transformer_layers.cpp, what runs through them in transformer_passes.cpp,
// loading, saving and settings in transformer.cpp.

namespace prefbench::model {

struct ModuleWeights {
    at::Tensor weight, bias;
    std::shared_ptr<const PackedMatrix> packed;  ///< of a model for decoding; may be null
    std::int64_t adapterLayer = -1;              ///< of the model's adapter; -1: none
};

/// A layer's, or the whole model's, weights by module.
class Weights {
  public:
    ModuleWeights& operator[](Module module) { return weights_[static_cast<std::size_t>(module)]; }
    const ModuleWeights& operator[](Module module) const { return weights_[static_cast<std::size_t>(module)]; }
    /// By module; undefined where there is none.
    std::vector<at::Tensor> all() const {
        std::vector<at::Tensor> result;
        for (const ModuleWeights& module : weights_) {
            result.push_back(module.weight);
        }
        return result;
    }
    template <class Work>
    void forEach(const Work& work) {
        for (std::size_t i = 0; i < weights_.size(); ++i) {
            work(static_cast<Module>(i), weights_[i]);
        }
    }
    bool has(Module module) const { return (*this)[module].weight.defined(); }

  private:
    std::array<ModuleWeights, static_cast<std::size_t>(Module::Head) + 1> weights_;
};

/// Files that a saved copy carries along, as they were when the model was loaded.
struct SourceFile {
    std::filesystem::path name;
    std::string bytes;
};

/// Attention of one layer: queries [tokens, heads, headDim], keys and values [tokens, kvHeads, headDim] → as queries.
using Attend = std::function<at::Tensor(std::int64_t layer, Queries asking, const at::Tensor& queries,
                                        const at::Tensor& keys, const at::Tensor& values)>;

/// What one forward pass hands to every layer. Kept until the backward pass by layers that are computed anew in it.
struct Pass {
    Attend attend;
    DropoutKeys dropout;
    at::Tensor predicting{};  ///< rows that the last layer goes on with when it has their keys; undefined: all
    DropoutKeys predictingDropout{};
    RotaryTable full{}, windowed{};  ///< undefined where positions do not turn
};

struct Transformer::State {
    const Family* family = nullptr;
    Architecture architecture;
    at::Device device = at::kCPU;
    at::ScalarType computeType = at::kFloat;
    ModelLibraries libraries;                 ///< of float32 products on the CPU
    std::shared_ptr<RoundedWeights> rounded;  ///< null: products are of computeType
    std::vector<WeightSlot> slots;
    std::vector<Parameter> parameters;
    std::optional<Lora> adapter;
    Weights outer;
    std::vector<Weights> layers;
    OutputHead head;
    bool checkpointing = false;
    double dropout = 0;
    RotaryAngles rotary, windowRotary;
    at::Tensor slopes;             ///< of ALiBi
    std::filesystem::path folder;  ///< that the weights came from
    std::string config;            ///< config.json's bytes
    std::shared_ptr<const std::vector<SourceFile>> companions;

    /// Gives each module its tensors; they share storage with `parameters`.
    void bind();
    void pack(WeightFormat format);
    std::int64_t float32PackedBytes() const;
    std::vector<Parameter>& trainable() { return adapter ? adapter->parameters() : parameters; }
    LoraBase adapterBase() const { return {slots, family->matrices, device, computeType}; }

    /// For linear layers that read the same.
    ProductInput input(const at::Tensor& x) const { return productInput(x, rounded.get()); }
    at::Tensor linear(const ProductInput& x, const ModuleWeights& m, const DropoutKeys& keys) const;
    at::Tensor product(const ProductInput& x, const ModuleWeights& m) const;
    at::Tensor norm(const at::Tensor& x, const ModuleWeights& m) const;
    /// What attention or MLP adds to the stream, of which training may drop a share.
    at::Tensor residual(const at::Tensor& x, DropoutSite site, std::int64_t index, const DropoutKeys& keys) const;
    /// x [tokens, hidden] → queries [tokens, heads, headDim], keys and values [tokens, kvHeads, headDim]
    std::array<at::Tensor, 3> queriesKeysValues(const Weights& layer, const ProductInput& x,
                                                const DropoutKeys& keys) const;
    /// Of the rows that go on after it.
    at::Tensor attentionBlock(std::int64_t index, const at::Tensor& x, const Pass& pass) const;
    /// x [tokens, hidden] → [tokens, mlp], what the last matrix reads.
    at::Tensor mlpInner(const Weights& layer, const ProductInput& x, const DropoutKeys& keys) const;
    at::Tensor mlpBlock(std::int64_t index, const at::Tensor& x, const DropoutKeys& keys) const;
    at::Tensor layerBlock(std::int64_t index, const at::Tensor& x, const Pass& pass) const;
    bool isLast(std::int64_t index) const { return index + 1 == architecture.layers; }
    ScoreRule scoreRule() const { return {architecture.attentionScale, architecture.attentionCap}; }
    /// LibTorch's attention on the CPU takes three times as long in bfloat16 as in float32, on CUDA it is the faster
    /// one.
    at::ScalarType attentionType() const { return rounded && device.is_cuda() ? rounded->type() : computeType; }
    bool anglesDependOnLength() const { return rotary.dependsOnLength() || windowRotary.dependsOnLength(); }

    at::Tensor embed(const at::Tensor& tokens, const at::Tensor& positions, const Pass& pass) const;
    /// tokens, positions [tokens] → what the head reads [tokens, embedding]. lengths as RotaryAngles::table has them;
    /// undefined where no angle depends on them.
    at::Tensor run(const at::Tensor& tokens, const at::Tensor& positions, const at::Tensor& lengths,
                   const std::shared_ptr<Pass>& pass) const;
    TreeAttention attentionOver(const PackedBatch& batch, std::int64_t window) const;
    at::Tensor run(const PackedBatch& batch, Queries asking) const;
    void checkLength(std::int64_t length) const;
    static bool inLayer(Module module) { return module >= Module::AttentionNorm && module <= Module::MlpOutputNorm; }
};

}  // namespace prefbench::model
