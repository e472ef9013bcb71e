#include <algorithm>
#include <cmath>

#include "core/files/json.h"
#include "core/model/architecture.h"
#include "core/model/families.h"
#include "core/model/lora_config.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_mutator.h"

using namespace prefbench;

namespace {

bool isPositive(double number) {
    return std::isfinite(number) && number > 0;
}

void checkRotary(const model::Rotary& rotary, const model::Architecture& a) {
    const model::RopeScaling& s = rotary.scaling;
    fuzz::require(rotary.dim >= 2 && rotary.dim % 2 == 0 && rotary.dim <= a.headDim, "pairs of a head's elements turn");
    fuzz::require(isPositive(rotary.theta), "theta is a positive number");
    fuzz::require(isPositive(s.factor) && isPositive(s.amplitude), "scaling is by positive numbers");
    fuzz::require(s.originalMaxPositions >= 1, "the first training had positions");
    if (s.kind == model::RopeScaling::Kind::LongRope) {
        const auto half = static_cast<std::size_t>(rotary.dim / 2);
        fuzz::require(s.shortFactors.size() == half && s.longFactors.size() == half, "a factor for each frequency");
        fuzz::require(std::all_of(s.shortFactors.begin(), s.shortFactors.end(), isPositive), "short factors divide");
        fuzz::require(std::all_of(s.longFactors.begin(), s.longFactors.end(), isPositive), "long factors divide");
    }
}

void check(const model::Architecture& a) {
    for (const std::int64_t size :
         {a.vocabulary, a.hidden, a.layers, a.heads, a.kvHeads, a.headDim, a.mlp, a.embedding, a.maxPositions}) {
        fuzz::require(size >= 1 && size < std::int64_t{1} << 40, "sizes are positive, and their products fit 64 bits");
    }
    fuzz::require(a.heads % a.kvHeads == 0, "heads share key heads evenly");
    fuzz::require(a.window >= 0 && a.positionOffset >= 0, "a window is none or positive");
    fuzz::require(a.windowedLayers.empty() || static_cast<std::int64_t>(a.windowedLayers.size()) == a.layers,
                  "windows for each layer or none");
    fuzz::require(isPositive(a.normEpsilon) && isPositive(a.attentionScale) && isPositive(a.embeddingScale),
                  "factors are positive numbers");
    fuzz::require(a.attentionCap == 0 || isPositive(a.attentionCap), "an attention cap is none or positive");
    fuzz::require(a.logitCap == 0 || isPositive(a.logitCap), "a logit cap is none or positive");
    if (a.positions == model::Positions::Rotary) {
        checkRotary(a.rotary, a);
        if (std::count(a.windowedLayers.begin(), a.windowedLayers.end(), true) > 0) {
            checkRotary(a.windowRotary, a);
        }
    }
    fuzz::require(model::findFamily(a.family) != nullptr, "the family is one of the table");
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maxSize,
                                               unsigned seed) {
    return fuzz::mutateJson(data, size, maxSize, seed);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::accepted([&] {
        const files::OrderedJson config = files::parseOrderedJson(fuzz::viewOf(data, size), "config.json");
        check(model::architectureFromConfig(config, "config.json"));
    });
    fuzz::accepted([&] {
        const files::OrderedJson config = files::parseOrderedJson(fuzz::viewOf(data, size), "adapter_config.json");
        const model::LoraConfig lora = model::loraConfigFrom(config, "adapter_config.json");
        fuzz::require(lora.rank >= 1 && std::isfinite(lora.scale), "a rank is positive, a scale a number");
    });
    return 0;
}
