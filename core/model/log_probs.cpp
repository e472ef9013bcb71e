#include "core/model/log_probs.h"

#include <algorithm>

namespace prefbench::model {
namespace {

/// Logits that a chunk of rows may hold at once: 64 MiB in float32.
constexpr std::int64_t chunkElements = std::int64_t{1} << 24;

at::ScalarType accumulationType(at::ScalarType type) {
    return type == at::kDouble ? at::kDouble : at::kFloat;
}

/// log softmax(head's logits)[target], row by row. The logits of a chunk live only while the chunk is worked on: the
/// backward pass makes them anew from rows and the saved log-sum-exp.
class ChosenLogProbs : public torch::autograd::Function<ChosenLogProbs> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& rows,
                              const at::Tensor& weight, const std::optional<at::Tensor>& bias, double cap,
                              const at::Tensor& targets, std::int64_t chunk) {
        const OutputHead head{weight, bias.value_or(at::Tensor()), cap};
        const auto type = accumulationType(rows.scalar_type());
        const std::int64_t count = rows.size(0);
        at::Tensor result = at::empty({count}, rows.options().dtype(type));
        at::Tensor normalizers = at::empty_like(result);
        for (std::int64_t begin = 0; begin < count; begin += chunk) {
            const std::int64_t size = std::min(chunk, count - begin);
            const at::Tensor logits = head.logits(rows.narrow(0, begin, size)).to(type);
            const at::Tensor chosen = logits.gather(1, targets.narrow(0, begin, size).unsqueeze(1)).squeeze(1);
            const at::Tensor normalizer = logits.logsumexp(1);
            normalizers.narrow(0, begin, size).copy_(normalizer);
            result.narrow(0, begin, size).copy_(chosen - normalizer);
        }
        context->save_for_backward({rows, weight, head.bias, targets, normalizers});
        context->saved_data["chunk"] = chunk;
        context->saved_data["cap"] = cap;
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &rows = saved[0], &weight = saved[1], &targets = saved[3], &normalizers = saved[4];
        const OutputHead head{weight, saved[2], context->saved_data["cap"].toDouble()};
        const at::Tensor gradient = gradients[0].unsqueeze(1);
        const std::int64_t count = rows.size(0), chunk = context->saved_data["chunk"].toInt();
        const bool rowsNeed = context->needs_input_grad(0), weightNeeds = context->needs_input_grad(1);
        at::Tensor rowsGradient = rowsNeed ? at::empty_like(rows) : at::Tensor();
        at::Tensor weightGradient = weightNeeds ? at::zeros_like(weight) : at::Tensor();
        at::Tensor biasGradient = head.bias.defined() ? at::zeros_like(head.bias) : at::Tensor();
        for (std::int64_t begin = 0; begin < count; begin += chunk) {
            const std::int64_t size = std::min(chunk, count - begin);
            const at::Tensor inputs = rows.narrow(0, begin, size);
            const at::Tensor g = gradient.narrow(0, begin, size);
            // d log p[target] / d logits = onehot(target) − softmax
            at::Tensor d = head.logits(inputs).to(normalizers.scalar_type());
            const at::Tensor slope =
                head.cap > 0 ? 1 - (d / head.cap).square() : at::Tensor();  // of cap · tanh(x / cap)
            d.sub_(normalizers.narrow(0, begin, size).unsqueeze(1)).exp_().mul_(g).neg_();
            d.scatter_add_(1, targets.narrow(0, begin, size).unsqueeze(1), g);
            if (slope.defined()) {
                d.mul_(slope);
            }
            const at::Tensor logitsGradient = d.to(rows.scalar_type());
            if (biasGradient.defined()) {
                biasGradient.add_(logitsGradient.sum(0));
            }
            if (rowsNeed) {
                rowsGradient.narrow(0, begin, size).copy_(logitsGradient.mm(weight));
            }
            if (weightNeeds) {
                weightGradient.addmm_(logitsGradient.t(), inputs);
            }
        }
        return {rowsGradient, weightGradient, biasGradient, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

/// For every branch token, in packing order: the row of the packed batch whose hidden state predicts it, and the row
/// that holds it. A first token without a prefix has no predictor.
struct Predictions {
    std::vector<std::int64_t> predictor, target;
    std::vector<std::int64_t> place;  ///< in the result
    std::int64_t branchTokens = 0;
};

Predictions predictions(const std::vector<PrefixTree>& trees) {
    Predictions result;
    std::int64_t begin = 0;
    for (const PrefixTree& tree : trees) {
        std::int64_t row = begin + tree.prefix;
        for (const std::int64_t length : tree.branches) {
            for (std::int64_t i = 0; i < length; ++i, ++row, ++result.branchTokens) {
                if (i == 0 && tree.prefix == 0) {
                    continue;
                }
                result.predictor.push_back(i == 0 ? begin + tree.prefix - 1 : row - 1);
                result.target.push_back(row);
                result.place.push_back(result.branchTokens);
            }
        }
        begin = row;
    }
    return result;
}

}  // namespace

at::Tensor chosenLogProbs(const at::Tensor& rows, const OutputHead& head, const at::Tensor& targets,
                          std::int64_t rowsPerChunk) {
    const std::int64_t automatic = std::max<std::int64_t>(chunkElements / head.weight.size(0), 16);
    return ChosenLogProbs::apply(rows, head.weight, head.bias.defined() ? std::optional(head.bias) : std::nullopt,
                                 head.cap, targets, rowsPerChunk > 0 ? rowsPerChunk : automatic);
}

at::Tensor branchTokenLogProbs(const Transformer& model, const PackedBatch& batch) {
    const at::Tensor hidden = model.forward(batch);
    const Predictions wanted = predictions(batch.trees);
    const auto onDevice = [&](const std::vector<std::int64_t>& rows) {
        return at::tensor(rows, at::kLong).to(model.device());
    };
    const at::Tensor rows = hidden.index_select(0, onDevice(wanted.predictor));
    const at::Tensor targets = batch.tokens.index_select(0, onDevice(wanted.target));
    const at::Tensor chosen = chosenLogProbs(rows, model.head(), targets);
    if (static_cast<std::int64_t>(wanted.place.size()) == wanted.branchTokens) {
        return chosen;
    }
    return at::zeros({wanted.branchTokens}, chosen.options()).index_copy(0, onDevice(wanted.place), chosen);
}

at::Tensor sumByBranch(const at::Tensor& tokenLogProbs, const PackedBatch& batch) {
    std::vector<std::int64_t> owner;
    std::int64_t branches = 0;
    for (const PrefixTree& tree : batch.trees) {
        for (const std::int64_t length : tree.branches) {
            owner.insert(owner.end(), static_cast<std::size_t>(length), branches++);
        }
    }
    const at::Tensor owners = at::tensor(owner, at::kLong).to(tokenLogProbs.device());
    return at::zeros({branches}, tokenLogProbs.options().dtype(at::kDouble))
        .index_add(0, owners, tokenLogProbs.to(at::kDouble));
}

}  // namespace prefbench::model
