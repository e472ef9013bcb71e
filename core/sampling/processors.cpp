#include "core/sampling/processors.h"

#include <algorithm>
#include <limits>
#include <set>

namespace prefbench::sampling {
namespace {

constexpr double removed = -std::numeric_limits<double>::infinity();

at::Tensor keepTopK(const at::Tensor& logits, std::int64_t k) {
    const at::Tensor best = std::get<0>(logits.topk(std::min(k, logits.size(-1)), -1));
    return logits.masked_fill(logits < best.narrow(-1, best.size(-1) - 1, 1), removed);
}

at::Tensor keepTopP(const at::Tensor& logits, double p) {
    const auto [sorted, order] = logits.sort(-1, /*descending=*/false);
    at::Tensor unlikely = sorted.softmax(-1).cumsum(-1) <= 1 - p;
    unlikely.select(-1, unlikely.size(-1) - 1).fill_(false);
    return logits.masked_fill(at::zeros_like(unlikely).scatter(-1, order, unlikely), removed);
}

/// Removes what `unlikely` marks, but never the likeliest.
at::Tensor remove(const at::Tensor& logits, const at::Tensor& unlikely) {
    return logits.masked_fill(unlikely & (logits < std::get<0>(logits.max(-1, /*keepdim=*/true))), removed);
}

at::Tensor keepMinP(const at::Tensor& logits, double p) {
    const at::Tensor probabilities = logits.softmax(-1);
    return remove(logits, probabilities < p * std::get<0>(probabilities.max(-1, /*keepdim=*/true)));
}

at::Tensor keepAbove(const at::Tensor& logits, double probability) {
    return remove(logits, logits.softmax(-1) < probability);
}

/// Keeps the tokens whose surprise is nearest to the entropy, until they hold the share `p`.
at::Tensor keepTypical(const at::Tensor& logits, double p) {
    const at::Tensor logProbabilities = logits.log_softmax(-1);
    const at::Tensor entropy = -(logProbabilities.exp() * logProbabilities).nansum(-1, /*keepdim=*/true);
    const auto [distances, order] = (-logProbabilities - entropy).abs().sort(-1, /*descending=*/false);
    const at::Tensor shares = logits.gather(-1, order).softmax(-1).cumsum(-1);
    const at::Tensor last = (shares < p).sum(-1, /*keepdim=*/true).clamp_max(logits.size(-1) - 1);
    at::Tensor far = distances > distances.gather(-1, last);
    far.select(-1, 0).fill_(false);
    return logits.masked_fill(at::zeros_like(far).scatter(-1, order, far), removed);
}

/// Keskar et al. 2019, "CTRL".
void penalise(at::Tensor row, const std::vector<text::TokenId>& ids, double penalty) {
    const at::Tensor places = at::tensor(ids, at::kLong).to(row.device());
    const at::Tensor chosen = row.index_select(0, places);
    row.index_copy_(0, places, at::where(chosen < 0, chosen * penalty, chosen / penalty));
}

/// Ids that would end an n-gram that `ids` holds already.
std::vector<text::TokenId> repeating(const std::vector<text::TokenId>& ids, std::int64_t n) {
    std::set<text::TokenId> found;
    const auto size = static_cast<std::int64_t>(ids.size());
    for (std::int64_t begin = 0; begin + n <= size; ++begin) {
        if (std::equal(ids.begin() + begin, ids.begin() + begin + n - 1, ids.end() - (n - 1))) {
            found.insert(ids[static_cast<std::size_t>(begin + n - 1)]);
        }
    }
    return {found.begin(), found.end()};
}

void removeIds(at::Tensor row, const std::vector<text::TokenId>& ids) {
    if (!ids.empty()) {
        row.index_fill_(0, at::tensor(ids, at::kLong).to(row.device()), removed);
    }
}

at::Tensor withHistories(const at::Tensor& logits, const contract::SamplingSettings& settings,
                         const std::vector<RowHistory>& histories) {
    at::Tensor processed = logits.clone();
    for (std::size_t i = 0; i < histories.size(); ++i) {
        const at::Tensor row = processed[static_cast<std::int64_t>(i)];
        const RowHistory& history = histories[i];
        if (settings.repetitionPenalty != 1 && !history.ids.empty()) {
            penalise(row, history.ids, settings.repetitionPenalty);
        }
        if (settings.noRepeatNgramSize > 0) {
            removeIds(row, repeating(history.ids, settings.noRepeatNgramSize));
        }
        removeIds(row, history.forbidden);
    }
    return processed;
}

}  // namespace

bool needsHistory(const contract::SamplingSettings& settings) {
    return settings.repetitionPenalty != 1 || settings.noRepeatNgramSize > 0;
}

at::Tensor processLogits(const at::Tensor& logits, const contract::SamplingSettings& settings,
                         const std::vector<RowHistory>& histories) {
    const bool anyForbidden = std::any_of(histories.begin(), histories.end(),
                                          [](const RowHistory& history) { return !history.forbidden.empty(); });
    at::Tensor processed = needsHistory(settings) || anyForbidden ? withHistories(logits, settings, histories) : logits;
    if (settings.temperature == 0) {
        return processed;
    }
    processed = settings.temperature == 1 ? processed : processed / settings.temperature;
    processed = settings.topK > 0 ? keepTopK(processed, settings.topK) : processed;
    processed = settings.topP < 1 ? keepTopP(processed, settings.topP) : processed;
    processed = settings.minP > 0 ? keepMinP(processed, settings.minP) : processed;
    processed = settings.typicalP < 1 ? keepTypical(processed, settings.typicalP) : processed;
    return settings.epsilonCutoff > 0 ? keepAbove(processed, settings.epsilonCutoff) : processed;
}

at::Tensor drawTokens(const at::Tensor& processedLogits, const at::Tensor& uniforms) {
    const at::Tensor cumulative = processedLogits.softmax(-1).cumsum(-1, at::kDouble);
    const at::Tensor total = cumulative.narrow(-1, cumulative.size(-1) - 1, 1);
    // The first place that exceeds the target: a token of probability 0 adds nothing, so it is never the first.
    // Not a number exceeds nothing; the last id then keeps the index in range for whoever reports it.
    return at::searchsorted(cumulative, uniforms.unsqueeze(-1) * total, /*out_int32=*/false, /*right=*/true)
        .squeeze(-1)
        .clamp_max(cumulative.size(-1) - 1);
}

}  // namespace prefbench::sampling
