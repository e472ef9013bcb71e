#pragma once

#include <cstdint>
#include <vector>

#include "core/model/dropout.h"
#include "core/model/torch.h"
#include "core/model/transformer.h"

namespace prefbench::model {

/// Which tokens of a packed batch see which: made once for a forward pass and used by all layers of one kind.
struct TreeMasks {
    std::vector<std::int64_t> lengths;  ///< tokens a tree
    /// To be added to scores [length, length] or [heads, length, length]; undefined where the tree is one plain causal
    /// sequence.
    std::vector<at::Tensor> masks;
};
/// `window`: positions that a token sees, its own included; 0: all. `slopes`: of ALiBi, else undefined; `scale`: of
/// scores.
TreeMasks treeMasks(const std::vector<PrefixTree>& trees, std::int64_t window, const at::Tensor& slopes, double scale,
                    at::Device device, at::ScalarType type);

/// What a family does to scores.
struct ScoreRule {
    double scale = 1;
    double cap = 0;  ///< cap · tanh(score / cap) where above 0
};

/// Attention within every tree: a token sees its own past, and a branch's token besides the whole prefix.
/// queries [tokens, heads, headDim], keys and values [tokens, kvHeads, headDim] → [tokens, heads, headDim]. Where
/// `dropout` drops, it drops weights after the softmax; then all of a tree's weights are in memory at once.
at::Tensor treeAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                         const TreeMasks& masks, const ScoreRule& rule, const Dropout& dropout);

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

/// Press, Smith and Lewis 2022, "Train Short, Test Long" (ALiBi): how steeply each head's scores fall with distance.
/// [heads, 1, 1] float32
at::Tensor alibiSlopes(std::int64_t heads);
/// What ALiBi adds to scores of keys at these positions, rounded as where the models were trained: bfloat16 before
/// the division by √headDim. positions […] → [heads, 1, …] in `type`
at::Tensor alibiBias(const at::Tensor& slopes, const at::Tensor& positions, double scale, at::ScalarType type);

}  // namespace prefbench::model
