#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/files/json.h"

namespace prefbench::model {

enum class Norm { LayerNorm, RmsNorm };
enum class Activation { GeluTanh, GeluExact, Silu, Relu };
enum class Positions { Learned, Rotary };

/// What one family's transformer looks like, resolved from config.json; everything that the forward pass asks.
/// Sizes in elements.
struct Architecture {
    std::string family;  ///< config's model_type
    std::int64_t vocabulary = 0, hidden = 0, layers = 0, heads = 0, kvHeads = 0, headDim = 0, mlp = 0;
    std::int64_t maxPositions = 0;
    Norm norm = Norm::RmsNorm;
    double normEpsilon = 1e-5;
    Activation activation = Activation::Silu;
    bool gatedMlp = true;
    Positions positions = Positions::Rotary;
    double ropeTheta = 10000;
    bool attentionBias = false, outputBias = false, mlpBias = false;
    bool tiedHead = false;
    std::vector<std::int64_t> eosIds;  ///< from config.json or generation_config.json
};

/// Reads the family's row of the table and fills it from config.json as transformers 4 and 5 write it, with the
/// family's defaults where a key is missing. Errors name the file, key and value; an unknown model_type lists those
/// known.
Architecture architectureFromConfig(const files::OrderedJson& config, const std::string& what);

}  // namespace prefbench::model
