#include <algorithm>
#include <limits>

#include "core/files/error.h"
#include "core/model/checkpointing.h"
#include "core/model/kv_cache.h"
#include "core/model/transformer_state.h"

namespace prefbench::model {
namespace {

/// Which of a cache's keys new tokens see.
struct CachedMasks {
    struct Mask {
        at::Tensor added;  ///< [sequences, 1 or heads, new tokens, longest + new tokens]; undefined: all, or
        bool causal = false;
    };
    Mask full, windowed;

    /// positions [sequences, new tokens]: of the new tokens.
    CachedMasks(const KvCache& cache, const at::Tensor& positions, const at::Tensor& slopes, const Architecture& a,
                at::ScalarType type) {
        const std::int64_t longest = cache.longest(), newTokens = positions.size(1), total = longest + newTokens;
        const bool sameLengths = std::all_of(cache.lengths().begin(), cache.lengths().end(),
                                             [&](std::int64_t length) { return length == longest; });
        const auto make = [&](std::int64_t window) {
            const bool allSeen = (window == 0 || total <= window) && !slopes.defined();
            if (allSeen && longest == 0 && newTokens > 1) {
                return Mask{{}, true};
            }
            if (allSeen && sameLengths && newTokens == 1) {
                return Mask{};
            }
            const at::Tensor key = at::arange(total, positions.options());
            at::Tensor hidden = key > positions.unsqueeze(-1);
            if (window > 0) {
                hidden = hidden | (key <= positions.unsqueeze(-1) - window);
            }
            const auto options = at::TensorOptions(positions.device()).dtype(type);
            const at::Tensor start = slopes.defined() ? alibiBias(slopes.to(key.device()), key, a.attentionScale, type)
                                                      : at::zeros({1, 1, 1}, options);
            return Mask{start.masked_fill(hidden.unsqueeze(1), -std::numeric_limits<double>::infinity()), false};
        };
        full = make(0);
        windowed = a.windowedLayers.empty() ? full : make(a.window);
    }
};

}  // namespace

at::Tensor Transformer::State::embed(const at::Tensor& tokens, const at::Tensor& positions, const Pass& pass) const {
    // Where the head adds its own gradient to the table's, a sparse one saves writing a whole table of zeros.
    at::Tensor x = at::embedding(outer[Module::TokenEmbedding].weight, tokens, /*padding_idx=*/-1,
                                 /*scale_grad_by_freq=*/false, /*sparse=*/architecture.tiedHead);
    if (architecture.embeddingScale != 1) {
        x = x * at::scalar_tensor(architecture.embeddingScale, x.options());  // rounded to the weights' type
    }
    if (outer.has(Module::EmbeddingIn)) {
        x = linear(input(x), outer[Module::EmbeddingIn], pass.dropout);
    }
    if (architecture.positions == Positions::Learned) {
        x = x + at::embedding(outer[Module::PositionEmbedding].weight, positions + architecture.positionOffset);
    }
    return architecture.embeddingDropout ? Dropout(pass.dropout, dropout, DropoutSite::Embedding)(x) : x;
}

at::Tensor Transformer::State::run(const at::Tensor& tokens, const at::Tensor& positions, const at::Tensor& lengths,
                                   const std::shared_ptr<Pass>& pass) const {
    if (architecture.positions == Positions::Rotary) {
        pass->full = rotary.table(positions, lengths, computeType);
        pass->windowed =
            architecture.windowedLayers.empty() ? pass->full : windowRotary.table(positions, lengths, computeType);
    }
    at::Tensor x = embed(tokens, positions, *pass);
    for (std::int64_t index = 0; index < architecture.layers; ++index) {
        const auto layer = [this, index, pass](const at::Tensor& in) { return layerBlock(index, in, *pass); };
        x = checkpointing && at::GradMode::is_enabled() ? checkpointed(layer, x) : layer(x);
    }
    if (architecture.finalNorm) {
        x = norm(x, outer[Module::FinalNorm]);
    }
    return outer.has(Module::EmbeddingOut)
               ? linear(input(x), outer[Module::EmbeddingOut],
                        pass->predicting.defined() ? pass->predictingDropout : pass->dropout)
               : x;
}

TreeAttention Transformer::State::attentionOver(const PackedBatch& batch, std::int64_t window) const {
    return {batch.trees, window, slopes, scoreRule()};
}

at::Tensor Transformer::State::run(const PackedBatch& batch, Queries asking) const {
    std::vector<std::int64_t> tokens, predicting, rows;
    std::int64_t begin = 0;
    for (const PrefixTree& tree : batch.trees) {
        checkLength(tree.positions());
        tokens.push_back(tree.tokens());
        const std::int64_t first = firstQuery(tree, asking);
        predicting.push_back(tree.tokens() - first);
        for (std::int64_t row = begin + first; row < begin + tree.tokens(); ++row) {
            rows.push_back(row);
        }
        begin += tree.tokens();
    }
    const auto pass = std::make_shared<Pass>();
    pass->dropout = {batch.dropoutKeys, tokens};
    if (static_cast<std::int64_t>(rows.size()) < begin) {
        pass->predicting = at::tensor(rows, at::kLong).to(device);
        pass->predictingDropout = {batch.dropoutKeys, predicting};
    }
    const TreeAttention full = attentionOver(batch, 0);
    const TreeAttention windowed =
        architecture.windowedLayers.empty() ? full : attentionOver(batch, architecture.window);
    // Owns what it needs: a layer may be computed anew when this function has returned.
    pass->attend = [this, full, windowed, keys = pass->dropout](std::int64_t layer, Queries queries,
                                                                const at::Tensor& q, const at::Tensor& k,
                                                                const at::Tensor& v) {
        const Dropout dropped(keys, dropout, DropoutSite::AttentionWeights, layer);
        const at::ScalarType type = attentionType();
        return (architecture.windowed(layer) ? windowed : full)(q.to(type), k.to(type), v.to(type), queries, dropped)
            .to(computeType);
    };
    return run(batch.tokens, batch.positions, anglesDependOnLength() ? batch.sequenceLengths() : at::Tensor(), pass);
}

void Transformer::State::checkLength(std::int64_t length) const {
    if (architecture.positions == Positions::Learned && length > architecture.maxPositions) {
        throw Error("a sequence has " + std::to_string(length) + " tokens, but the model has only " +
                    std::to_string(architecture.maxPositions) + " positions");
    }
}

at::Tensor Transformer::forward(const PackedBatch& batch) const {
    return state_->run(batch, Queries::All);
}

at::Tensor Transformer::forwardPredicting(const PackedBatch& batch) const {
    return state_->run(batch, Queries::Predicting);
}

at::Tensor Transformer::forwardCached(const at::Tensor& tokens, KvCache& cache) const {
    const at::NoGradGuard noGrad;
    const std::int64_t sequences = tokens.size(0), newTokens = tokens.size(1);
    state_->checkLength(cache.longest() + newTokens);
    cache.reserve(newTokens);
    const at::Tensor lengths = at::tensor(cache.lengths(), at::kLong).to(state_->device).unsqueeze(1);
    const at::Tensor positions = lengths + at::arange(newTokens, lengths.options());  // [sequences, newTokens]

    const Architecture& a = state_->architecture;
    const CachedMasks masks(cache, positions, state_->slopes, a, state_->computeType);
    const auto pass = std::make_shared<Pass>();
    pass->attend = [&](std::int64_t layer, Queries /*all*/, const at::Tensor& q, const at::Tensor& k,
                       const at::Tensor& v) {
        const auto bySequence = [&](const at::Tensor& x) { return x.unflatten(0, {sequences, newTokens}); };
        const KvCache::View past = cache.append(layer, bySequence(k), bySequence(v), positions);
        const CachedMasks::Mask& mask = a.windowed(layer) ? masks.windowed : masks.full;
        return attention(bySequence(q).transpose(1, 2), past.keys, past.values, mask.added, mask.causal,
                         state_->scoreRule(), &cache.shared())
            .transpose(1, 2);
    };
    at::Tensor sequenceLengths;
    if (state_->anglesDependOnLength()) {
        sequenceLengths = (lengths + newTokens).expand({-1, newTokens}).flatten();
    }
    const at::Tensor hidden = state_->run(tokens.flatten(), positions.flatten(), sequenceLengths, pass);
    cache.advance(newTokens);
    return hidden.unflatten(0, {sequences, newTokens});
}

}  // namespace prefbench::model
