#include "core/sampling/processors.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

#include "core/model/kernels.h"
#include "core/model/parallel.h"

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

/// Whether forEachRow takes them.
bool isPlain(const at::Tensor& logits) {
    return logits.device().is_cpu() && logits.scalar_type() == at::kFloat && logits.is_contiguous();
}

/// Calls work(row, its logits, a copy of them to work on) for all rows, with all threads. A row stays in a thread's
/// cache, where whole tensors of probabilities would go through memory.
void forEachRow(const at::Tensor& logits,
                const std::function<void(std::int64_t, const float*, std::vector<float>&)>& work) {
    const std::int64_t columns = logits.size(1);
    model::inParallel(logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
        std::vector<float> copy;
        for (std::int64_t row = begin; row < end; ++row) {
            const float* source = logits.const_data_ptr<float>() + row * columns;
            copy.assign(source, source + columns);
            work(row, source, copy);
        }
    });
}

/// The first place at which the sum of the weights up to it exceeds `uniform` of their whole. Weights of 0 are never
/// chosen.
std::int64_t placeOf(const std::vector<float>& weights, double uniform) {
    constexpr std::size_t block = 512;
    std::vector<double> sums;
    for (std::size_t begin = 0; begin < weights.size(); begin += block) {
        const auto first = weights.begin() + static_cast<std::ptrdiff_t>(begin);
        sums.push_back(
            std::accumulate(first, first + static_cast<std::ptrdiff_t>(std::min(block, weights.size() - begin)), 0.0));
    }
    const double target = uniform * std::accumulate(sums.begin(), sums.end(), 0.0);
    double sum = 0;
    std::size_t last = 0;  // that has a weight, for a target that rounding put at the end
    for (std::size_t i = 0; i < sums.size(); sum += sums[i++]) {
        if (sums[i] == 0 || (sum + sums[i] <= target && i + 1 < sums.size())) {
            continue;
        }
        double within = sum;
        for (std::size_t place = i * block; place < std::min((i + 1) * block, weights.size()); ++place) {
            within += weights[place];
            last = weights[place] > 0 ? place : last;
            if (within > target && weights[place] > 0) {
                return static_cast<std::int64_t>(place);
            }
        }
    }
    return static_cast<std::int64_t>(last);
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

at::Tensor logProbabilities(const at::Tensor& logits, const at::Tensor& ids) {
    if (!isPlain(logits)) {
        return (logits.gather(1, ids.unsqueeze(1)).squeeze(1) - logits.logsumexp(1)).to(at::kDouble);
    }
    at::Tensor result = at::empty({logits.size(0)}, at::kDouble);
    forEachRow(logits, [&](std::int64_t row, const float* source, std::vector<float>& weights) {
        const model::ExponentialRow made = model::exponentiateRow(weights.data(), logits.size(1));
        const float chosen = source[ids.const_data_ptr<std::int64_t>()[row]];
        result.mutable_data_ptr<double>()[row] = double{chosen} - made.most - std::log(made.sum);
    });
    return result;
}

at::Tensor drawTokens(const at::Tensor& processedLogits, const at::Tensor& uniforms) {
    if (isPlain(processedLogits)) {
        at::Tensor ids = at::empty({processedLogits.size(0)}, at::kLong);
        forEachRow(processedLogits, [&](std::int64_t row, const float* /*source*/, std::vector<float>& weights) {
            const bool finite = std::isfinite(model::exponentiateRow(weights.data(), processedLogits.size(1)).sum);
            ids.mutable_data_ptr<std::int64_t>()[row] =
                finite ? placeOf(weights, uniforms.const_data_ptr<double>()[row]) : processedLogits.size(1) - 1;
        });
        return ids;
    }
    const at::Tensor cumulative = processedLogits.softmax(-1).cumsum(-1, at::kDouble);
    const at::Tensor total = cumulative.narrow(-1, cumulative.size(-1) - 1, 1);
    // The first place that exceeds the target: a token of probability 0 adds nothing, so it is never the first.
    // Not a number exceeds nothing; the last id then keeps the index in range for whoever reports it.
    return at::searchsorted(cumulative, uniforms.unsqueeze(-1) * total, /*out_int32=*/false, /*right=*/true)
        .squeeze(-1)
        .clamp_max(cumulative.size(-1) - 1);
}

}  // namespace prefbench::sampling
