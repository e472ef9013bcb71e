#pragma once

#include "core/model/transformer.h"

namespace prefbench::model {

/// log p of every branch token given its prefix and what precedes it in the branch, in packing order.
/// [sum of branch lengths] float32 (float64 where the model is float64). The vocabulary head runs over these rows only,
/// in chunks, and its logits are not kept for the backward pass (recomputed). A branch whose prefix is empty has no
/// prediction for its first token: it gets 0. Differentiable.
at::Tensor branchTokenLogProbs(const Transformer& model, const PackedBatch& batch);

/// Sums of the above over each branch, accumulated in float64. [branches]
at::Tensor sumByBranch(const at::Tensor& tokenLogProbs, const PackedBatch& batch);

}  // namespace prefbench::model
