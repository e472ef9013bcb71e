#include "core/sampling/processors.h"

#include <algorithm>
#include <limits>

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

}  // namespace

at::Tensor processLogits(const at::Tensor& logits, const contract::SamplingSettings& settings) {
    if (settings.temperature == 0) {
        return logits;
    }
    at::Tensor processed = settings.temperature == 1 ? logits : logits / settings.temperature;
    if (settings.topK > 0) {
        processed = keepTopK(processed, settings.topK);
    }
    return settings.topP < 1 ? keepTopP(processed, settings.topP) : processed;
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
