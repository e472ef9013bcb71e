#pragma once

#include <vector>

#include "core/contract/sampling.h"
#include "core/model/torch.h"
#include "core/text/tokenizer.h"

namespace prefbench::sampling {

/// What one row's logits depend on besides the settings.
struct RowHistory {
    std::vector<text::TokenId> ids;        ///< prompt and what was drawn so far; read where `needsHistory`
    std::vector<text::TokenId> forbidden;  ///< removed: the end tokens while it is too early to end
};

/// Whether these settings look at what came before.
bool needsHistory(const contract::SamplingSettings& settings);

/// Logits as the settings change them before a token is drawn, in transformers' order and sense: repetition penalty, no
/// repeated n-grams, forbidden ids removed; then, but for temperature 0 (greedy), divided by the temperature, top-k
/// (all below the k-th removed, its equals stay), top-p (the least likely tokens whose probabilities sum to at most 1 −
/// p removed), min-p, typical-p, epsilon cutoff; none of these removes the last one left. Removed logits become -inf.
/// [rows, vocabulary] float, one history a row → the same
at::Tensor processLogits(const at::Tensor& logits, const contract::SamplingSettings& settings,
                         const std::vector<RowHistory>& histories);

/// log softmax(logits)[id], row by row; NaN where the logits are not finite. [rows, vocabulary], [rows] int64 → [rows]
/// float64
at::Tensor logProbabilities(const at::Tensor& logits, const at::Tensor& ids);

/// For each row the token at which the cumulative probability passes `uniforms` (float64, [rows], each in [0, 1)).
/// Tokens with logit -inf are never drawn. [rows] int64
at::Tensor drawTokens(const at::Tensor& processedLogits, const at::Tensor& uniforms);

}  // namespace prefbench::sampling
