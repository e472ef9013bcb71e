#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/model/attention.h"
#include "core/model/dropout.h"
#include "core/model/torch.h"
#include "core/model/transformer.h"

namespace prefbench::model {

/// Which tokens of a packed batch ask.
enum class Queries {
    All,
    Predicting,  ///< from each tree's last prefix token on: those whose successors are branch tokens
};
/// The first token of a tree that asks.
std::int64_t firstQuery(const PrefixTree& tree, Queries queries);

/// Attention within every tree of a packed batch: a token sees its own past, and a branch's token besides the whole
/// prefix. Made once for a forward pass and used by all layers of one kind; copies share what they know. Not
/// thread-safe.
class TreeAttention {
  public:
    /// `window`: positions that a token sees, its own included; 0: all. `slopes`: of ALiBi, else undefined.
    TreeAttention(std::vector<PrefixTree> trees, std::int64_t window, const at::Tensor& slopes, const ScoreRule& rule);

    /// queries [asking tokens, heads, headDim], keys and values [tokens, kvHeads, headDim] → [asking tokens, heads,
    /// headDim]. Differentiable. Where `dropout` drops, it drops weights after the softmax; then all of a tree's
    /// weights are in memory at once.
    at::Tensor operator()(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values, Queries asking,
                          const Dropout& dropout) const;

    struct Plan;

  private:
    std::shared_ptr<Plan> plan_;
};

/// Whether attention of such a model is computed without matrices of scores, on the CPU (tree_kernels.h).
bool attendsWithoutScores(std::int64_t headDim, const ScoreRule& rule, at::ScalarType type);

}  // namespace prefbench::model
