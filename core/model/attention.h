#pragma once

#include <cstdint>
#include <vector>

#include "core/model/torch.h"
#include "core/model/transformer.h"

namespace prefbench::model {

/// Which tokens of a packed batch see which: made once for a forward pass and used by all its layers.
struct TreeMasks {
    std::vector<std::int64_t> lengths;  ///< tokens a tree
    /// To be added to scores [length, length]: 0 or -inf; undefined where the tree is one plain causal sequence.
    std::vector<at::Tensor> masks;
};
TreeMasks treeMasks(const std::vector<PrefixTree>& trees, at::Device device, at::ScalarType type);

/// Attention within every tree: a token sees its own past, and a branch's token besides the whole prefix.
/// queries [tokens, heads, headDim], keys and values [tokens, kvHeads, headDim] → [tokens, heads, headDim]
at::Tensor treeAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                         const TreeMasks& masks);

/// softmax(Q Kᵀ / √headDim + mask) V; kvHeads may divide heads.
/// [sequences, heads, new, headDim] over [sequences, kvHeads, all, headDim]; an undefined mask means all, or the past
/// where `causal`.
at::Tensor attention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                     const at::Tensor& mask, bool causal);

}  // namespace prefbench::model
