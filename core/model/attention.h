#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/model/torch.h"

namespace prefbench::model {

/// What a family does to scores.
struct ScoreRule {
    double scale = 1;
    double cap = 0;  ///< cap · tanh(score / cap) where above 0
};

/// Sequences of a cache that begin alike: the first tokens[s] keys and values of sequence s are those of leaders[s]
/// too.
struct SharedPast {
    std::vector<std::int64_t> leaders, tokens;
};

/// softmax(scale · Q Kᵀ + mask) V; kvHeads may divide heads.
/// [sequences, heads, new, headDim] over [sequences, kvHeads, all, headDim]; an undefined mask means all, or the past
/// where `causal`. `shared` changes nothing but how often memory is read.
at::Tensor attention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                     const at::Tensor& mask, bool causal, const ScoreRule& rule, const SharedPast* shared = nullptr);

/// What a softmax's weights are multiplied with; nothing: they stay.
using WeightMask = std::function<at::Tensor(const at::Tensor& weights)>;
/// The same with all weights in memory at once, as they must be to be dropped, and where scores are capped.
at::Tensor plainAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                          const at::Tensor& mask, bool causal, const ScoreRule& rule, const WeightMask& dropout = {});

/// Press, Smith and Lewis 2022, "Train Short, Test Long" (ALiBi): how steeply each head's scores fall with distance.
/// [heads, 1, 1] float32
at::Tensor alibiSlopes(std::int64_t heads);
/// What ALiBi adds to scores of keys at these positions, rounded as where the models were trained: bfloat16 before
/// the division by √headDim. positions […] → [heads, 1, …] in `type`
at::Tensor alibiBias(const at::Tensor& slopes, const at::Tensor& positions, double scale, at::ScalarType type);

}  // namespace prefbench::model
