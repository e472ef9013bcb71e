#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/model/architecture.h"
#include "core/model/config_reader.h"

namespace prefbench::model {

/// The parts of a transformer that own weights.
enum class Module {
    TokenEmbedding,
    EmbeddingIn,  ///< from the embedding's width to the layers'
    PositionEmbedding,
    AttentionNorm,
    Query,
    Key,
    Value,
    QueryKeyValue,  ///< the three as one matrix
    QueryNorm,
    KeyNorm,
    AttentionOutput,
    AttentionOutputNorm,
    MlpNorm,
    Gate,
    Up,
    GateUp,  ///< both as one matrix, in this order
    Down,
    MlpOutputNorm,
    FinalNorm,
    EmbeddingOut,  ///< and back, before the head
    Head,
};

/// What a family's checkpoints call a module; "{}" stands for the layer's number. Its tensors are NAME.weight and,
/// where the architecture has one, NAME.bias.
struct ModuleName {
    Module module;
    std::string_view name;
    bool (*when)(const Architecture&) = nullptr;  ///< only in such models; nullptr: in all
};

/// How linear layers' matrices are stored: as torch's Linear, or as the Conv1D of the original GPT-2 code.
enum class MatrixLayout { OutputByInput, InputByOutput };

/// Under which keys config.json keeps a family's values; an empty name means that the family's default always holds.
struct ConfigKeys {
    std::string_view vocabulary = "vocab_size";
    std::string_view hidden = "hidden_size";
    std::string_view layers = "num_hidden_layers";
    std::string_view heads = "num_attention_heads";
    std::string_view kvHeads = {};  ///< null: as many as heads
    std::string_view headDim = {};  ///< null: hidden / heads
    std::string_view mlp = "intermediate_size";
    std::string_view embedding = {};
    std::string_view maxPositions = "max_position_embeddings";
    std::string_view normEpsilon = {};
    std::string_view activation = "hidden_act";
    std::string_view attentionBias = {};  ///< for queries, keys, values
    std::string_view outputBias = {};
    std::string_view mlpBias = {};
    std::string_view ropeTheta = "rope_theta";  ///< as transformers 4 wrote it
    std::string_view rotaryShare = "partial_rotary_factor";
    std::string_view window = {};                       ///< null: none
    std::string_view attentionCap = {}, logitCap = {};  ///< null: none
};

/// A switch in config.json that changes what the model computes and that we know in one position only.
struct RequiredSwitch {
    std::string_view key;
    bool value;
};

/// One row of the table: all that distinguishes a family from another.
struct Family {
    std::string_view modelType;
    /// Facts, and the values meant where config.json has no such key. kvHeads 0: as many as heads; headDim 0:
    /// hidden / heads; mlp 0: 4 · hidden; embedding 0: hidden; attentionScale 0: 1 / √headDim.
    Architecture defaults{};
    double rotaryShare = 1;         ///< of a head's elements
    double windowRopeTheta = 0;     ///< of layers with a window, where they turn at a rate of their own; else 0
    bool oldLongRopeNames = false;  ///< rope types su and yarn mean longrope
    /// Where config.json has no original_max_position_embeddings; 0: as many as positions.
    std::int64_t originalMaxPositions = 0;
    ConfigKeys keys{};
    std::vector<RequiredSwitch> required{};
    /// What config.json says in this family's own way, once the keys are read.
    void (*complete)(const ConfigReader& config, Architecture& architecture) = nullptr;
    MatrixLayout matrices = MatrixLayout::OutputByInput;
    std::vector<ModuleName> modules{};
    /// Written, but left out by old checkpoints.
    std::string_view optionalPrefix = {};
    /// Ends of names of stored tensors that are not weights.
    std::vector<std::string_view> ignored{};
};

std::span<const Family> families();
/// nullptr when there is no such row.
const Family* findFamily(std::string_view modelType);

}  // namespace prefbench::model
