#include "core/model/rotary_config.h"

#include <algorithm>
#include <cmath>

#include "core/files/error.h"

namespace prefbench::model {
namespace {

using Kind = RopeScaling::Kind;

Kind kindOf(const ConfigReader& rope, const Family& family) {
    const std::string type = rope.text("rope_type", rope.text("type", "default"));
    if (type == "longrope" || (family.oldLongRopeNames && (type == "su" || type == "yarn"))) {
        return Kind::LongRope;
    }
    for (const auto& [name, kind] :
         {std::pair("default", Kind::None), std::pair("linear", Kind::Linear), std::pair("dynamic", Kind::Dynamic),
          std::pair("llama3", Kind::Llama3), std::pair("yarn", Kind::Yarn)}) {
        if (type == name) {
            return kind;
        }
    }
    throw Error(rope.what() + ": rope_type is \"" + type +
                "\"; supported are default, linear, dynamic, llama3, yarn and longrope");
}

/// Peng et al. 2023, "YaRN": attention is sharpened as the context grows.
double yarnAmplitude(double factor, double mscale) {
    return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

void readYarn(const ConfigReader& rope, RopeScaling& s) {
    s.betaFast = rope.positive("beta_fast", 32);
    s.betaSlow = rope.positive("beta_slow", 1);
    s.wholeDimensions = rope.flag("truncate", true);
    const double mscale = rope.nonNegative("mscale", 0), allDimensions = rope.nonNegative("mscale_all_dim", 0);
    const double inferred = mscale > 0 && allDimensions > 0
                                ? yarnAmplitude(s.factor, mscale) / yarnAmplitude(s.factor, allDimensions)
                                : yarnAmplitude(s.factor, 1);
    s.amplitude = rope.positive("attention_factor", inferred);
}

/// Ding et al. 2024, "LongRoPE".
void readLongRope(const ConfigReader& rope, std::int64_t dim, RopeScaling& s) {
    s.shortFactors = rope.positives("short_factor");
    s.longFactors = rope.positives("long_factor");
    for (const auto& [key, factors] : {std::pair("short_factor", &s.shortFactors), {"long_factor", &s.longFactors}}) {
        if (static_cast<std::int64_t>(factors->size()) != dim / 2) {
            throw Error(rope.what() + ": " + key + " has " + std::to_string(factors->size()) + " numbers, must have " +
                        std::to_string(dim / 2));
        }
    }
    if (s.factor > 1 && s.originalMaxPositions == 1) {
        throw Error(rope.what() + ": original_max_position_embeddings is 1, must be more for rope_type longrope");
    }
    const auto original = static_cast<double>(s.originalMaxPositions);
    const double inferred = s.factor <= 1 ? 1 : std::sqrt(1 + std::log(s.factor) / std::log(original));
    s.amplitude = rope.positive("attention_factor", inferred);
}

void readLlama3(const ConfigReader& rope, RopeScaling& s) {
    s.lowFrequencyFactor = rope.requiredPositive("low_freq_factor");
    s.highFrequencyFactor = rope.requiredPositive("high_freq_factor");
    if (s.highFrequencyFactor <= s.lowFrequencyFactor) {
        rope.fail("high_freq_factor", *rope.find("high_freq_factor"), "above low_freq_factor");
    }
}

/// `config` is the whole of config.json, `rope` the object in it that describes these layers.
void readScaling(const ConfigReader& config, const ConfigReader& rope, const Family& family, const Architecture& a,
                 Rotary& rotary) {
    RopeScaling& s = rotary.scaling;
    s.kind = kindOf(rope, family);
    if (s.kind == Kind::None) {
        return;
    }
    s.originalMaxPositions = a.maxPositions;
    if (s.kind != Kind::Linear && s.kind != Kind::Dynamic) {
        constexpr std::string_view key = "original_max_position_embeddings";
        // A family that has the key beside rope_parameters does not look for it there.
        const std::int64_t fallback =
            family.originalMaxPositions > 0 ? family.originalMaxPositions : rope.size(key, a.maxPositions);
        s.originalMaxPositions = config.size(key, fallback);
    }
    const double ratio = static_cast<double>(a.maxPositions) / static_cast<double>(s.originalMaxPositions);
    const bool mayOmit = s.kind == Kind::LongRope || (s.kind == Kind::Yarn && rope.isNull("factor"));
    s.factor = mayOmit ? rope.positive("factor", ratio) : rope.requiredPositive("factor");
    if (s.kind == Kind::Llama3) {
        readLlama3(rope, s);
    } else if (s.kind == Kind::Yarn) {
        readYarn(rope, s);
    } else if (s.kind == Kind::LongRope) {
        readLongRope(rope, rotary.dim, s);
    }
}

/// How many of a head's elements turn, by the share that config.json gives under `key`.
std::int64_t turningElements(const ConfigReader& config, std::string_view key, double share, const Architecture& a) {
    // Whatever the share, 64 bits hold it.
    const double turning = std::min(static_cast<double>(a.headDim) * share, 1e18);
    const auto dim = static_cast<std::int64_t>(turning);
    if (dim < 2 || dim % 2 != 0 || dim > a.headDim) {
        throw Error(config.what() + ": " + std::string(key) + " makes " + std::to_string(dim) + " of a head's " +
                    std::to_string(a.headDim) +
                    " elements turn with the position, must be an even number of at least 2");
    }
    return dim;
}

void readOne(const ConfigReader& config, const ConfigReader& rope, const Family& family, const Architecture& a,
             double share, Rotary& rotary) {
    rotary.theta = rope.positive("rope_theta", rotary.theta);
    constexpr std::string_view key = "partial_rotary_factor";
    rotary.dim = turningElements(rope, key, rope.positive(key, share), a);
    readScaling(config, rope, family, a, rotary);
}

}  // namespace

void readRotary(const ConfigReader& config, const Family& family, Architecture& a) {
    const double share = config.positive(family.keys.rotaryShare, family.rotaryShare);
    if (a.rotary.dim == 0) {
        a.rotary.dim = turningElements(config, family.keys.rotaryShare, share, a);
    } else if (a.rotary.dim % 2 != 0 || a.rotary.dim > a.headDim) {
        throw Error(config.what() + ": rotary_dim is " + std::to_string(a.rotary.dim) +
                    ", must be even and at most a head's " + std::to_string(a.headDim) + " elements");
    }
    a.rotary.theta = config.positive(family.keys.ropeTheta, a.rotary.theta);
    const bool twoKinds = family.windowRopeTheta > 0;
    if (twoKinds) {
        a.windowRotary = {.theta = config.positive("rope_local_base_freq", family.windowRopeTheta),
                          .dim = a.rotary.dim};
    }
    const std::string_view key = config.find("rope_parameters") != nullptr ? "rope_parameters" : "rope_scaling";
    if (config.find(key) != nullptr) {
        const ConfigReader rope = config.object(key);
        if (twoKinds && rope.find("sliding_attention") != nullptr) {
            readOne(config, rope.object("sliding_attention"), family, a, share, a.windowRotary);
        }
        const bool nested = rope.find("full_attention") != nullptr;
        readOne(config, nested ? rope.object("full_attention") : rope, family, a, share, a.rotary);
    }
    if (!twoKinds) {
        a.windowRotary = a.rotary;
    }
}

}  // namespace prefbench::model
