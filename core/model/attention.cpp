#include "core/model/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/model/kernels.h"
#include "core/model/parallel.h"

namespace prefbench::model {
namespace {

constexpr double hidden = -std::numeric_limits<double>::infinity();

/// Decoding: scaled_dot_product_attention would start threads for every head of every sequence.
bool isOneTokenEach(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values) {
    return queries.size(2) == 1 && queries.size(3) % 16 == 0 && queries.device().is_cpu() &&
           queries.scalar_type() == at::kFloat && keys.stride(3) == 1 && values.stride(3) == 1 &&
           !at::GradMode::is_enabled();
}

/// Of sequence · heads + head: a head of all sequences that share a past, one after the other.
std::vector<std::int64_t> readingOrder(std::int64_t sequences, std::int64_t heads, const SharedPast* shared) {
    std::vector<std::int64_t> order(static_cast<std::size_t>(sequences * heads));
    std::iota(order.begin(), order.end(), 0);
    if (shared != nullptr) {
        std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
            const auto key = [&](std::int64_t i) {
                return shared->leaders[static_cast<std::size_t>(i / heads)] * heads + i % heads;
            };
            return key(a) < key(b);
        });
    }
    return order;
}

/// [sequences, heads, 1, headDim] over [sequences, kvHeads, tokens, headDim]
at::Tensor oneTokenAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                             const at::Tensor& mask, double scale, const SharedPast* shared) {
    const std::int64_t heads = queries.size(1), group = heads / keys.size(1), tokens = keys.size(2);
    const at::Tensor asked = queries.contiguous();
    at::Tensor output = at::empty_like(asked), scores = at::empty({queries.size(0) * heads, tokens}, asked.options());
    const at::Tensor added = mask.defined() ? mask.expand({queries.size(0), heads, 1, tokens})
                                            : at::Tensor();  // [sequences, heads, 1, tokens]
    const at::Tensor rows = added.defined() && added.stride(3) != 1 ? added.contiguous() : added;
    const std::vector<std::int64_t> order = readingOrder(queries.size(0), heads, shared);
    inParallel(queries.size(0) * heads, 4, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t place = begin; place < end; ++place) {
            const std::int64_t i = order[static_cast<std::size_t>(place)];
            const std::int64_t sequence = i / heads, head = i % heads, from = head / group;
            TokenAttention one;
            if (shared != nullptr) {
                const auto index = static_cast<std::size_t>(sequence);
                const std::int64_t leader = shared->leaders[index];
                one.sharedKeys = keys.const_data_ptr<float>() + leader * keys.stride(0) + from * keys.stride(1);
                one.sharedValues = values.const_data_ptr<float>() + leader * values.stride(0) + from * values.stride(1);
                one.shared = shared->tokens[index];
            }
            one.query = asked.const_data_ptr<float>() + i * queries.size(3);
            one.keys = keys.const_data_ptr<float>() + sequence * keys.stride(0) + from * keys.stride(1);
            one.values = values.const_data_ptr<float>() + sequence * values.stride(0) + from * values.stride(1);
            one.mask = rows.defined() ? rows.const_data_ptr<float>() + sequence * rows.stride(0) + head * rows.stride(1)
                                      : nullptr;
            one.scores = scores.mutable_data_ptr<float>() + i * tokens;
            one.output = output.mutable_data_ptr<float>() + i * queries.size(3);
            one.tokens = tokens;
            one.dim = queries.size(3);
            one.keyStride = keys.stride(2);
            one.valueStride = values.stride(2);
            one.scale = static_cast<float>(scale);
            attendToken(one);
        }
    });
    return output;
}

}  // namespace

at::Tensor plainAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                          const at::Tensor& mask, bool causal, const ScoreRule& rule, const WeightMask& dropout) {
    const std::int64_t groups = queries.size(1) / keys.size(1);
    const auto forEveryHead = [groups](const at::Tensor& x) { return groups > 1 ? x.repeat_interleave(groups, 1) : x; };
    at::Tensor scores = at::matmul(queries, forEveryHead(keys).transpose(-2, -1));
    scores = rule.cap > 0 ? (scores * (rule.scale / rule.cap)).tanh() * rule.cap : scores * rule.scale;
    if (causal) {
        const at::Tensor future = at::ones({queries.size(2), keys.size(2)}, queries.options().dtype(at::kBool)).triu(1);
        scores = scores.masked_fill(future, hidden);
    } else if (mask.defined()) {
        scores = scores + mask;
    }
    const at::ScalarType type = queries.scalar_type();
    const at::Tensor weights = scores.softmax(-1, type == at::kDouble ? at::kDouble : at::kFloat).to(type);
    return at::matmul(dropout ? weights * dropout(weights) : weights, forEveryHead(values));
}

at::Tensor attention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                     const at::Tensor& mask, bool causal, const ScoreRule& rule, const SharedPast* shared) {
    if (rule.cap > 0) {
        return plainAttention(queries, keys, values, mask, causal, rule);
    }
    if (!causal && isOneTokenEach(queries, keys, values)) {
        return oneTokenAttention(queries, keys, values, mask, rule.scale, shared);
    }
    const std::optional<at::Tensor> added = mask.defined() ? std::optional(mask) : std::nullopt;
    const bool grouped = queries.size(1) != keys.size(1);
    return at::scaled_dot_product_attention(queries, keys, values, added, 0.0, causal, rule.scale, grouped);
}

at::Tensor alibiSlopes(std::int64_t heads) {
    const double whole = std::exp2(std::floor(std::log2(static_cast<double>(heads))));
    std::vector<double> slopes;
    for (std::int64_t head = 1; head <= heads; ++head) {
        const auto number = static_cast<double>(head);
        // Heads beyond the power of two take every second slope of twice as many.
        slopes.push_back(number <= whole ? std::exp2(-8 * number / whole)
                                         : std::exp2(-4 * (2 * (number - whole) - 1) / whole));
    }
    return at::tensor(slopes, at::kFloat).view({heads, 1, 1});
}

at::Tensor alibiBias(const at::Tensor& slopes, const at::Tensor& positions, double scale, at::ScalarType type) {
    const at::Tensor rounded = (slopes.to(at::kBFloat16) * positions.to(at::kBFloat16)).to(type);
    return rounded * scale;
}

}  // namespace prefbench::model
