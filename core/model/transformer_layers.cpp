#include "core/files/error.h"
#include "core/model/activation.h"
#include "core/model/transformer_state.h"

namespace prefbench::model {
namespace {

/// Statistics of half-precision inputs are taken in float32, as transformers does, and so is the product with weights
/// that are stored as their difference to 1. Zhang and Sennrich 2019.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, bool fromOne, double epsilon) {
    const at::ScalarType type = x.scalar_type();
    if (type == at::kFloat || type == at::kDouble) {
        return at::rms_norm(x, weight.sizes(), fromOne ? weight + 1 : weight, epsilon);
    }
    const at::Tensor normed = at::rms_norm(x.to(at::kFloat), weight.sizes(), std::nullopt, epsilon);
    return fromOne ? (normed * (weight.to(at::kFloat) + 1)).to(type) : normed.to(type) * weight;
}

}  // namespace

at::Tensor Transformer::State::linear(const ProductInput& x, const ModuleWeights& m, const DropoutKeys& keys) const {
    const at::Tensor y = product(x, m);
    return m.adapterLayer >= 0 ? adapter->add(y, x, m.adapterLayer, keys, rounded.get()) : y;
}

at::Tensor Transformer::State::product(const ProductInput& x, const ModuleWeights& m) const {
    if (m.packed && m.packed->takes(x.values)) {
        return m.packed->multiply(x.values, m.bias);
    }
    const bool inputsFirst = family->matrices == MatrixLayout::InputByOutput;
    if (rounded) {
        return mixedProduct(x, m.weight, inputsFirst, m.bias, *rounded);
    }
    if (!libraries.layers.areBlas() && device.is_cpu() && computeType == at::kFloat) {
        return linearBy(libraries.layers, x.values, m.weight, inputsFirst, m.bias);
    }
    if (!inputsFirst) {
        return at::linear(x.values, m.weight, m.bias.defined() ? std::optional(m.bias) : std::nullopt);
    }
    return m.bias.defined() ? at::addmm(m.bias, x.values, m.weight) : at::mm(x.values, m.weight);
}

at::Tensor Transformer::State::norm(const at::Tensor& x, const ModuleWeights& m) const {
    if (architecture.norm == Norm::RmsNorm) {
        return rmsNorm(x, m.weight, architecture.normWeightsFromOne, architecture.normEpsilon);
    }
    return at::layer_norm(x, m.weight.sizes(), m.weight, m.bias, architecture.normEpsilon);
}

at::Tensor Transformer::State::residual(const at::Tensor& x, DropoutSite site, std::int64_t index,
                                        const DropoutKeys& keys) const {
    return architecture.residualDropout ? Dropout(keys, dropout, site, index)(x) : x;
}

std::array<at::Tensor, 3> Transformer::State::queriesKeysValues(const Weights& layer, const ProductInput& x,
                                                                const DropoutKeys& keys) const {
    const std::int64_t heads = architecture.heads, kvHeads = architecture.kvHeads, dim = architecture.headDim;
    if (!layer.has(Module::QueryKeyValue)) {
        return {linear(x, layer[Module::Query], keys).view({-1, heads, dim}),
                linear(x, layer[Module::Key], keys).view({-1, kvHeads, dim}),
                linear(x, layer[Module::Value], keys).view({-1, kvHeads, dim})};
    }
    const at::Tensor fused = linear(x, layer[Module::QueryKeyValue], keys);
    if (architecture.fusedOrder == FusedOrder::Blocks) {
        const auto parts = fused.view({-1, heads + 2 * kvHeads, dim}).split_with_sizes({heads, kvHeads, kvHeads}, 1);
        return {parts[0], parts[1], parts[2]};
    }
    const std::int64_t group = heads / kvHeads;
    const auto parts = fused.view({-1, kvHeads, group + 2, dim}).split_with_sizes({group, 1, 1}, 2);
    return {parts[0].reshape({-1, heads, dim}), parts[1].squeeze(2), parts[2].squeeze(2)};
}

at::Tensor Transformer::State::attentionBlock(std::int64_t index, const at::Tensor& x, const Pass& pass) const {
    const Weights& layer = layers[static_cast<std::size_t>(index)];
    auto [q, k, v] = queriesKeysValues(layer, input(x), pass.dropout);
    if (architecture.queryKeyNorm) {
        q = norm(q, layer[Module::QueryNorm]);
        k = norm(k, layer[Module::KeyNorm]);
    }
    const bool windowed = architecture.windowed(index);
    if (const RotaryTable& angles = windowed ? pass.windowed : pass.full; angles.cosine.defined()) {
        const RotaryAngles& turn = windowed ? windowRotary : rotary;
        q = turn.rotate(q, angles);
        k = turn.rotate(k, angles);
    }
    const bool narrows = isLast(index) && pass.predicting.defined();
    if (narrows) {
        q = q.index_select(0, pass.predicting);
    }
    const DropoutKeys& dropoutKeys = narrows ? pass.predictingDropout : pass.dropout;
    const at::Tensor seen = pass.attend(index, narrows ? Queries::Predicting : Queries::All, q, k, v)
                                .reshape({-1, architecture.heads * architecture.headDim});
    return residual(linear(input(seen), layer[Module::AttentionOutput], dropoutKeys), DropoutSite::AttentionOutput,
                    index, dropoutKeys);
}

at::Tensor Transformer::State::mlpInner(const Weights& layer, const ProductInput& x, const DropoutKeys& keys) const {
    if (layer.has(Module::GateUp)) {
        const auto parts = linear(x, layer[Module::GateUp], keys).chunk(2, -1);
        return activate(parts[0], architecture.activation) * parts[1];
    }
    const at::Tensor inner = linear(x, layer[Module::Up], keys);
    return architecture.gatedMlp ? activate(linear(x, layer[Module::Gate], keys), architecture.activation) * inner
                                 : activate(inner, architecture.activation);
}

at::Tensor Transformer::State::mlpBlock(std::int64_t index, const at::Tensor& x, const DropoutKeys& keys) const {
    const Weights& layer = layers[static_cast<std::size_t>(index)];
    const at::Tensor inner = mlpInner(layer, input(x), keys);
    const at::Tensor out = linear(input(inner), layer[Module::Down], keys);
    return residual(out, DropoutSite::MlpOutput, index, keys);
}

at::Tensor Transformer::State::layerBlock(std::int64_t index, const at::Tensor& x, const Pass& pass) const {
    const Weights& layer = layers[static_cast<std::size_t>(index)];
    const auto attended = [&](const at::Tensor& in) { return attentionBlock(index, in, pass); };
    const bool narrows = isLast(index) && pass.predicting.defined();
    const DropoutKeys& keys = narrows ? pass.predictingDropout : pass.dropout;
    const auto kept = [&](const at::Tensor& in) { return narrows ? in.index_select(0, pass.predicting) : in; };
    const auto mlp = [&](const at::Tensor& in) { return mlpBlock(index, in, keys); };
    const auto normed = [&](const at::Tensor& in, Module module) { return norm(in, layer[module]); };
    switch (architecture.block) {
        case Block::PreNorm: {
            const at::Tensor y = kept(x) + attended(normed(x, Module::AttentionNorm));
            return y + mlp(normed(y, Module::MlpNorm));
        }
        case Block::PostNorm: {
            const at::Tensor y = normed(kept(x) + attended(x), Module::AttentionNorm);
            return normed(y + mlp(y), Module::MlpNorm);
        }
        case Block::SandwichNorm: {
            const at::Tensor seen = attended(normed(x, Module::AttentionNorm));
            const at::Tensor y = kept(x) + normed(seen, Module::AttentionOutputNorm);
            return y + normed(mlp(normed(y, Module::MlpNorm)), Module::MlpOutputNorm);
        }
        case Block::Parallel: {
            const at::Tensor stream = kept(x);
            return stream + attended(normed(x, Module::AttentionNorm)) + mlp(normed(stream, Module::MlpNorm));
        }
        case Block::ParallelOneNorm: {
            const at::Tensor in = normed(x, Module::AttentionNorm);
            return kept(x) + attended(in) + mlp(kept(in));
        }
    }
    throw Error("unknown block");
}

}  // namespace prefbench::model
