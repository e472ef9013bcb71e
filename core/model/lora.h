#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/files/adapter_folder.h"
#include "core/model/dropout.h"
#include "core/model/lora_config.h"
#include "core/model/mixed_product.h"
#include "core/model/torch.h"
#include "core/model/weights.h"

namespace prefbench::model {

/// The model that an adapter is laid over, as far as the adapter asks.
struct LoraBase {
    const std::vector<WeightSlot>& slots;
    MatrixLayout layout;
    at::Device device;
    at::ScalarType type;
};

/// How an adapter's files name the base model: by its absolute path, or relative to the adapter's own folder, so that
/// both can be moved together.
enum class BaseName { Absolute, Relative };

/// A LoRA adapter over linear layers of a transformer: y = x·W + scale · dropout(x)·Aᵀ·Bᵀ, with A [rank, inputs] and
/// B [outputs, rank]. A fused projection is one layer, as in PEFT. Kept in PEFT's files. Not thread-safe.
class Lora {
  public:
    /// A as PEFT begins it, uniform within 1/√inputs (Kaiming with a = √5), drawn from `seed`; B is 0, so that the
    /// model is the base at first. Error that starts with `what` for a target that names no linear layer.
    static Lora fresh(const LoraSettings& settings, const LoraBase& base, std::uint64_t seed, const std::string& what);
    /// Errors as loraConfigFrom, and naming file and tensor: missing, misshaped, or of a layer that is not there.
    static Lora load(const files::AdapterFolder& folder, const LoraBase& base);

    /// A and B of each layer in turn, under the names that PEFT's files have.
    const std::vector<Parameter>& parameters() const { return parameters_; }
    std::vector<Parameter>& parameters() { return parameters_; }
    /// The layer whose weight stands in that slot of the model; none: -1.
    std::int64_t layerOf(std::size_t slot) const { return layerOf_[slot]; }

    /// y + scale · dropout(x)·Aᵀ·Bᵀ. x [n, inputs], y [n, outputs]. Where `rounded` is not null, both products are
    /// mixed ones. Differentiable.
    at::Tensor add(const at::Tensor& y, const ProductInput& x, std::int64_t layer, const DropoutKeys& keys,
                   RoundedWeights* rounded) const;
    /// What the adapter adds to the layer's weight, in the weight's own layout.
    at::Tensor product(std::int64_t layer) const;

    /// The share of inputs dropped where there are keys; kept in the files.
    void setDropout(double share);
    void setBase(std::filesystem::path folder, BaseName name);

    /// Copies the matrices of an adapter of the same layers and rank; Error naming file and tensor.
    void read(const files::AdapterFolder& folder);
    /// adapter_config.json (other keys as they were loaded) and adapter_model.safetensors; fsynced.
    void save(const std::filesystem::path& folder, std::optional<at::ScalarType> type = {}) const;
    Lora clone() const;

  private:
    Lora(const LoraBase& base, double scale) : layerOf_(base.slots.size(), -1), layout_(base.layout), scale_(scale) {}
    void append(std::size_t slot, const std::string& module, at::Tensor a, at::Tensor b);
    const at::Tensor& matrixA(std::int64_t layer) const;
    const at::Tensor& matrixB(std::int64_t layer) const;

    std::vector<Parameter> parameters_;
    std::vector<std::int64_t> layerOf_;  ///< by slot
    MatrixLayout layout_;
    double scale_;
    double dropout_ = 0;
    files::OrderedJson config_;
    std::filesystem::path baseFolder_;
    BaseName baseName_ = BaseName::Absolute;
};

/// Elements of the matrices that a fresh adapter would have; Error as Lora::fresh.
std::int64_t loraParameterCount(const LoraSettings& settings, const std::vector<WeightSlot>& slots,
                                const std::string& what);

}  // namespace prefbench::model
