#pragma once

#include "core/model/transformer.h"

namespace prefbench::model {

/// What the backward pass keeps of a head's logits at most.
inline constexpr std::int64_t keptLogitsBytes = std::int64_t{256} << 20;
/// Logits that a chunk of rows may hold at once: 64 MiB in float32.
inline constexpr std::int64_t chunkLogits = std::int64_t{1} << 24;

/// log p of every branch token given its prefix and what precedes it in the branch, in packing order.
/// [sum of branch lengths] float32 (float64 where the model is float64). The vocabulary head runs over these rows only,
/// in chunks; what the backward pass needs of their logits is kept up to keptLogitsBytes and recomputed above. A branch
/// whose prefix is empty has no prediction for its first token: it gets 0. Differentiable.
at::Tensor branchTokenLogProbs(const Transformer& model, const PackedBatch& batch);

/// log softmax(head's logits)[target], row by row, `rowsPerChunk` rows at a time (0: as many as make chunkLogits).
/// Above `keptBytes` of logits they are made anew in the backward pass. rows [n, embedding], targets [n] int64 → [n],
/// float32 or float64. Differentiable in rows and the head's tensors.
at::Tensor chosenLogProbs(const at::Tensor& rows, const OutputHead& head, const at::Tensor& targets,
                          std::int64_t rowsPerChunk = 0, std::int64_t keptBytes = keptLogitsBytes);

/// Sums of branchTokenLogProbs over each branch, accumulated in float64. [branches]
at::Tensor sumByBranch(const at::Tensor& tokenLogProbs, const PackedBatch& batch);

}  // namespace prefbench::model
