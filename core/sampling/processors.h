#pragma once

#include "core/contract/sampling.h"
#include "core/model/torch.h"

namespace prefbench::sampling {

/// Logits as the settings change them before a token is drawn, in transformers' order and sense: divided by the
/// temperature; all below the topK-th removed (its equals stay); then, where topP < 1, the least likely tokens whose
/// probabilities sum to at most 1 − topP removed, but never the last one left. Removed logits become -inf.
/// Temperature 0 (greedy) leaves them as they are. [rows, vocabulary] float → the same
at::Tensor processLogits(const at::Tensor& logits, const contract::SamplingSettings& settings);

/// For each row the token at which the cumulative probability passes `uniforms` (float64, [rows], each in [0, 1)).
/// Tokens with logit -inf are never drawn. [rows] int64
at::Tensor drawTokens(const at::Tensor& processedLogits, const at::Tensor& uniforms);

}  // namespace prefbench::sampling
