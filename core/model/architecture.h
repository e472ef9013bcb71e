#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files/json.h"

namespace prefbench::model {

enum class Norm { LayerNorm, RmsNorm };
enum class Activation { GeluTanh, GeluExact, QuickGelu, Silu, Relu };
enum class Positions { Learned, Rotary, Alibi };

/// How attention and MLP join the stream x; every norm has its own weights.
enum class Block {
    PreNorm,          ///< x += attention(norm(x)); x += mlp(norm(x))
    PostNorm,         ///< x = norm(x + attention(x)); x = norm(x + mlp(x))
    SandwichNorm,     ///< x += norm(attention(norm(x))); x += norm(mlp(norm(x)))
    Parallel,         ///< x += attention(norm(x)) + mlp(norm(x))
    ParallelOneNorm,  ///< the same with one norm for both
};

/// Rows of a fused query-key-value matrix: all queries, all keys, all values; or, for each key head, its queries, its
/// key, its value.
enum class FusedOrder { Blocks, ByKeyHead };

/// How rotary frequencies were stretched for longer texts than the model was first trained on. As transformers'
/// modeling_rope_utils.
struct RopeScaling {
    enum class Kind { None, Linear, Dynamic, Llama3, Yarn, LongRope };
    Kind kind = Kind::None;
    double factor = 1;
    double lowFrequencyFactor = 1, highFrequencyFactor = 4;  ///< llama3
    double betaFast = 32, betaSlow = 1;                      ///< yarn
    bool wholeDimensions = true;                             ///< yarn: the ramp begins and ends at whole dimensions
    std::vector<double> shortFactors{}, longFactors{};       ///< longrope
    double amplitude = 1;                                    ///< of cos and sin
    std::int64_t originalMaxPositions = 8192;
};

struct Rotary {
    double theta = 10000;
    std::int64_t dim = 0;   ///< leading elements of a head that turn; 0: all
    bool adjacent = false;  ///< element 2i turns with 2i + 1, not i with i + dim / 2
    RopeScaling scaling{};
};

/// What one family's transformer looks like, resolved from config.json; everything that the forward pass asks.
/// Sizes in elements.
struct Architecture {
    std::string family{};  ///< config's model_type
    std::int64_t vocabulary = 0, hidden = 0, layers = 0, heads = 0, kvHeads = 0, headDim = 0, mlp = 0;
    std::int64_t embedding = 0;  ///< width of the token embedding; projected where it is not `hidden`
    std::int64_t maxPositions = 0;
    std::int64_t positionOffset = 0;  ///< rows of the position embedding before position 0's

    Block block = Block::PreNorm;
    Norm norm = Norm::RmsNorm;
    double normEpsilon = 1e-5;
    bool normWeightsFromOne = false;  ///< weights are stored as their difference to 1
    bool finalNorm = true;
    double embeddingScale = 1;

    Activation activation = Activation::Silu;
    bool gatedMlp = true;

    Positions positions = Positions::Rotary;
    Rotary rotary{};
    Rotary windowRotary{};               ///< of layers with a window
    std::int64_t window = 0;             ///< positions seen by a layer with a window, its own included
    std::vector<bool> windowedLayers{};  ///< by layer; empty: none

    FusedOrder fusedOrder = FusedOrder::Blocks;
    bool queryKeyNorm = false;              ///< RMS norm of each head before the rotation
    double attentionScale = 0;              ///< of scores
    double attentionCap = 0, logitCap = 0;  ///< cap · tanh(x / cap); 0: none

    /// Where training may drop elements, besides the weights of attention: the embeddings; what attention and MLP add.
    bool embeddingDropout = false, residualDropout = false;

    bool attentionBias = false, outputBias = false, mlpBias = false, headBias = false;
    bool tiedHead = false;
    std::vector<std::int64_t> eosIds{};  ///< from config.json or generation_config.json

    bool windowed(std::int64_t layer) const {
        return !windowedLayers.empty() && windowedLayers[static_cast<std::size_t>(layer)];
    }
};

/// Reads the family's row of the table and fills it from config.json as transformers 4 and 5 write it, with the
/// family's defaults where a key is missing. Errors name the file, key and value; an unknown model_type lists those
/// known.
Architecture architectureFromConfig(const files::OrderedJson& config, const std::string& what);

/// The end tokens that generation_config.json in `folder` names, which go before config.json's; empty when it names
/// none or there is no such file.
std::vector<std::int64_t> eosIdsFromGenerationConfig(const std::filesystem::path& folder);

}  // namespace prefbench::model
