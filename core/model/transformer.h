#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/files/model_folder.h"
#include "core/model/architecture.h"
#include "core/model/product_library.h"
#include "core/model/torch.h"

namespace prefbench::model {

/// One prompt and the completions that share it: each branch attends to the prefix and to itself only, and its
/// positions restart at the prefix's length. A plain sequence is a prefix without branches, or an empty prefix with
/// one.
struct PrefixTree {
    std::int64_t prefix = 0;             ///< tokens
    std::vector<std::int64_t> branches;  ///< tokens each

    std::int64_t tokens() const;
    /// Of its longest sequence.
    std::int64_t positions() const;
};

/// Sequences laid end to end without padding: tree by tree, the prefix and then its branches.
struct PackedBatch {
    at::Tensor tokens;     ///< [tokens] int64
    at::Tensor positions;  ///< [tokens] int64
    std::vector<PrefixTree> trees;
    std::vector<std::uint64_t> dropoutKeys;  ///< one a tree, see Dropout; empty (as packed): nothing is dropped

    /// Packs prefix + branches a tree. Every inner vector holds ids. Tensors are made on `device`.
    struct Tree {
        std::vector<std::int64_t> prefix;
        std::vector<std::vector<std::int64_t>> branches;
    };
    static PackedBatch pack(const std::vector<Tree>& trees, at::Device device);

    /// For every token, the length of the longest sequence of its tree. [tokens] int64
    at::Tensor sequenceLengths() const;
};

/// A trainable weight under its Hugging Face name. A tied head appears once, as the embedding.
struct Parameter {
    std::string name;
    at::Tensor value;
    bool decays = false;  ///< AdamW's weight decay applies: matrices; not norms, not biases
};

class KvCache;
class Lora;
class PackedMatrix;
class RoundedWeights;
enum class WeightFormat;
struct LoraSettings;
enum class BaseName;

/// Where weights that need no conversion live: in the file's private mapping (nothing is read before it is needed, and
/// processes share it), or in memory of their own (for training, which writes to all of them).
enum class WeightStorage { Mapped, Owned };

/// From hidden states to logits: cap · tanh(x / cap) of x = hidden · weightᵀ + bias.
struct OutputHead {
    at::Tensor weight;                             ///< [vocabulary, embedding]; the embedding where they are tied
    at::Tensor bias;                               ///< [vocabulary]; undefined: none
    double cap = 0;                                ///< 0: none
    std::shared_ptr<const PackedMatrix> packed{};  ///< the weight, of a model for decoding; may be null
    std::shared_ptr<RoundedWeights> rounded{};     ///< of a model whose products are narrower than its weights, or null
    ProductLibraries libraries{};                  ///< of chosenLogProbs

    /// What rows are multiplied with: the weight, or its rounded copy.
    at::Tensor factor() const;
    /// [n, embedding] → [n, vocabulary]
    at::Tensor logits(const at::Tensor& rows) const;
};

/// A causal language model of any supported family: one transformer driven by its Architecture (a row of data), and
/// the LoRA adapter over it where there is one.
/// Not thread-safe; one object per thread that runs it.
class Transformer {
  public:
    /// Errors name file, tensor, expected and found: missing, misshaped, of unsupported dtype. Of an adapter's folder
    /// the base and the adapter.
    static Transformer load(const files::ModelFolder& folder, at::Device device, at::ScalarType computeType,
                            WeightStorage storage = WeightStorage::Mapped);
    Transformer(Transformer&&) noexcept;
    Transformer& operator=(Transformer&&) noexcept;
    ~Transformer();

    const Architecture& architecture() const;
    at::Device device() const;
    /// Of weights, and of all that is computed but for products of a narrower type.
    at::ScalarType computeType() const;
    /// Of what linear layers and head multiply: computeType(), unless set otherwise.
    at::ScalarType productType() const;
    /// BFloat16 where weights are Float32: products round their factors, sums and results stay float32, and so do
    /// weights and gradients (mixed_product.h). The model then holds a rounded copy of every matrix that it multiplies
    /// with. On CUDA attention runs in that type too; on the CPU, whose attention is slower so, it stays float32. Error
    /// for any other type but computeType().
    void setProductType(at::ScalarType type);
    /// What multiplies in the linear layers, and in the head for chosenLogProbs, where products are float32 on the CPU;
    /// LibTorch's own until then.
    void setProductLibraries(const ModelLibraries& libraries);

    /// Hidden states that the head reads, one row a token. [tokens, embedding]. Differentiable where parameters require
    /// it.
    at::Tensor forward(const PackedBatch& batch) const;
    /// The same for each tree's tokens from its prefix's last on (all, without a prefix): those that predict branch
    /// tokens. What the last layer does with the others' queries nobody reads, so it is not computed.
    at::Tensor forwardPredicting(const PackedBatch& batch) const;

    const OutputHead& head() const;
    /// Next-token logits of hidden rows. [n, embedding] → [n, vocabulary]
    at::Tensor logits(const at::Tensor& hidden) const;

    /// One step of cached decoding or a prefill: `tokens` [sequences, new tokens] are appended to every sequence of
    /// `cache`. Returns hidden states [sequences, new tokens, embedding].
    at::Tensor forwardCached(const at::Tensor& tokens, KvCache& cache) const;

    /// The same model for decoding on the CPU: it shares the weights and has besides, where they are float32, a packed
    /// copy of its matrices, head included, from which forwardCached and logits multiply. BFloat16 and Int8 are less
    /// exact: tests/model/tst_decoding_formats.cpp holds by how much at most. Where products are of bfloat16, Float32
    /// means the weights that they round to, too. Weights that change later are not seen. Float32's copy is not made
    /// where it would take more than `roomBytes`: the model then multiplies its weights as they are, more slowly.
    Transformer forDecoding(WeightFormat format,
                            std::int64_t roomBytes = std::numeric_limits<std::int64_t>::max()) const;

    /// In a fixed order: embeddings, layers, final norm, head.
    const std::vector<Parameter>& parameters() const;
    /// The weight matrices within the layers: what the products of a forward pass over all tokens are made with.
    std::vector<at::Tensor> blockMatrices() const;
    /// What training changes: the adapter's matrices where there is one (the weights then stay as they are), else
    /// parameters().
    const std::vector<Parameter>& trainable() const;
    /// Marks trainable() as leaves that need gradients (training) or not.
    void requireGradients(bool on);
    /// Whether the backward pass computes each layer anew instead of keeping what is in it: see checkpointed.
    void setGradientCheckpointing(bool on);
    /// The share that a batch with dropout keys loses wherever the family has dropout: weights of attention, and what
    /// Architecture says. An adapter's dropout is its own.
    void setDropout(double share);

    /// Lays a fresh adapter over the model, which must have none: Lora::fresh, with its Error.
    void addAdapter(const LoraSettings& settings, std::uint64_t seed, BaseName name, const std::string& what);
    /// nullptr where there is none. What is changed in it holds from the next forward pass on.
    Lora* adapter();
    const Lora* adapter() const;
    /// Adds the adapter to weights of their own; the model is then one without.
    void mergeAdapter();

    /// An independent copy with its own storage, without gradients: the frozen reference.
    Transformer clone() const;

    /// Writes a Hugging Face folder that `transformers` loads: config.json and the tokenizer's files copied from the
    /// folder the model came from (unknown keys kept), model.safetensors under the family's weight names, in shards
    /// with their index above 5 GB. Of a model with an adapter, a PEFT folder of the adapter alone. `type`: of what is
    /// written; nothing: as it is computed. fsynced. The folder must exist.
    void save(const std::filesystem::path& folder, std::optional<at::ScalarType> type = {}) const;

  private:
    struct State;
    explicit Transformer(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace prefbench::model
