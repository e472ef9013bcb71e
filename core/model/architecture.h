#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/files/json.h"

namespace prefbench::model {

enum class Norm { LayerNorm, RmsNorm };
enum class Activation { GeluTanh, GeluExact, Silu, Relu };
enum class Positions { Learned, Rotary };

/// How rotary frequencies were stretched for longer texts than the model was first trained on.
struct RopeScaling {
    enum class Kind { None, Llama3 };
    Kind kind = Kind::None;
    double factor = 1, lowFrequencyFactor = 1, highFrequencyFactor = 4;
    std::int64_t originalMaxPositions = 8192;
};

/// What one family's transformer looks like, resolved from config.json; everything that the forward pass asks.
/// Sizes in elements.
struct Architecture {
    std::string family{};  ///< config's model_type
    std::int64_t vocabulary = 0, hidden = 0, layers = 0, heads = 0, kvHeads = 0, headDim = 0, mlp = 0;
    std::int64_t maxPositions = 0;
    Norm norm = Norm::RmsNorm;
    double normEpsilon = 1e-5;
    Activation activation = Activation::Silu;
    bool gatedMlp = true;
    Positions positions = Positions::Rotary;
    double ropeTheta = 10000;
    RopeScaling ropeScaling{};
    bool attentionBias = false, outputBias = false, mlpBias = false;
    bool tiedHead = false;
    std::vector<std::int64_t> eosIds{};  ///< from config.json or generation_config.json
};

/// Reads the family's row of the table and fills it from config.json as transformers 4 and 5 write it, with the
/// family's defaults where a key is missing. Errors name the file, key and value; an unknown model_type lists those
/// known.
Architecture architectureFromConfig(const files::OrderedJson& config, const std::string& what);

/// The end tokens that generation_config.json in `folder` names, which go before config.json's; empty when it names
/// none or there is no such file.
std::vector<std::int64_t> eosIdsFromGenerationConfig(const std::filesystem::path& folder);

}  // namespace prefbench::model
