#include "core/model/log_probs.h"

#include <algorithm>
#include <cmath>

#include "core/model/kernels.h"
#include "core/model/parallel.h"

namespace prefbench::model {
namespace {

at::ScalarType accumulationType(at::ScalarType type) {
    return type == at::kDouble ? at::kDouble : at::kFloat;
}

/// Softmax of a chunk's logits as the backward pass wants it.
struct Softmax {
    at::Tensor weights;  ///< exp(logit − the row's greatest), times the slope of the head's cap. [n, vocabulary]
    at::Tensor sums;     ///< of a row's exp(logit − greatest) [n]
    at::Tensor slopes;   ///< of the cap at the target [n]; undefined: 1
};

/// The softmax of the rows' logits; `logProbs` [n] gets log softmax[target].
Softmax softmax(const OutputHead& head, const at::Tensor& rows, const at::Tensor& targets, at::Tensor logProbs) {
    const auto type = accumulationType(rows.scalar_type());
    at::Tensor logits = head.logits(rows).to(type);
    const at::Tensor index = targets.unsqueeze(1);
    const at::Tensor chosen = logits.gather(1, index).squeeze(1);
    Softmax result;
    if (head.cap == 0 && type == at::kFloat && logits.device().is_cpu()) {
        result.sums = at::empty_like(chosen);
        auto* values = logits.mutable_data_ptr<float>();
        auto* sums = result.sums.mutable_data_ptr<float>();
        const auto* chosenValues = chosen.const_data_ptr<float>();
        auto* out = logProbs.mutable_data_ptr<float>();
        const std::int64_t columns = logits.size(1);
        inParallel(logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t row = begin; row < end; ++row) {
                const ExponentialRow made = exponentiateRow(values + row * columns, columns);
                sums[row] = static_cast<float>(made.sum);
                out[row] = static_cast<float>(chosenValues[row] - made.most - std::log(made.sum));
            }
        });
        result.weights = logits;
        return result;
    }
    const at::Tensor most = logits.amax(1, true);
    const at::Tensor slope = head.cap > 0 ? 1 - (logits / head.cap).square() : at::Tensor();  // of cap · tanh(x / cap)
    result.weights = logits.sub_(most).exp_();
    result.sums = result.weights.sum(1);
    logProbs.copy_(chosen - most.squeeze(1) - result.sums.log());
    if (slope.defined()) {
        result.weights.mul_(slope);
        result.slopes = slope.gather(1, index).squeeze(1);
    }
    return result;
}

/// Adds what a chunk of rows contributes to the gradients, given dL/d log p [n]; undefined ones are not wanted.
/// d log p[target] / d logits = onehot(target) − softmax, so that the whole matrix need not be touched: scaling rows of
/// the other factor scales the rows of a product.
struct HeadGradients {
    at::Tensor rows, weight, bias;

    void add(const OutputHead& head, const at::Tensor& inputs, const at::Tensor& targets, const Softmax& softmax,
             const at::Tensor& gradient, std::int64_t begin) {
        const at::ScalarType type = inputs.scalar_type();
        const at::Tensor ofTarget = (softmax.slopes.defined() ? gradient * softmax.slopes : gradient).unsqueeze(1);
        const at::Tensor ofSoftmax = (gradient / softmax.sums).neg().unsqueeze(1);
        const at::Tensor weights = softmax.weights.to(type);
        if (rows.defined()) {
            at::Tensor part = rows.narrow(0, begin, inputs.size(0));
            at::mm_out(part, weights, head.weight);
            part.mul_(ofSoftmax.to(type)).addcmul_(head.weight.index_select(0, targets), ofTarget.to(type));
        }
        if (weight.defined()) {
            const at::Tensor scaled = (inputs * ofSoftmax).to(type);
            begin == 0 ? at::mm_out(weight, weights.t(), scaled) : weight.addmm_(weights.t(), scaled);
            weight.index_add_(0, targets, (inputs * ofTarget).to(type));
        }
        if (bias.defined()) {
            bias.add_(weights.t().mv(ofSoftmax.squeeze(1).to(type)));
            bias.index_add_(0, targets, ofTarget.squeeze(1).to(type));
        }
    }
};

/// log softmax(head's logits)[target], row by row. Chunks whose softmax is not kept make it anew when the backward
/// pass comes to them.
class ChosenLogProbs : public torch::autograd::Function<ChosenLogProbs> {
  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& rows,
                              const at::Tensor& weight, const std::optional<at::Tensor>& bias, double cap,
                              const at::Tensor& targets, std::int64_t chunk, std::int64_t keptChunks) {
        const OutputHead head{weight, bias.value_or(at::Tensor()), cap};
        const std::int64_t count = rows.size(0);
        at::Tensor result = at::empty({count}, rows.options().dtype(accumulationType(rows.scalar_type())));
        torch::autograd::variable_list saved{rows, weight, head.bias, targets};
        for (std::int64_t begin = 0; begin < count; begin += chunk) {
            const std::int64_t size = std::min(chunk, count - begin);
            const Softmax made = softmax(head, rows.narrow(0, begin, size), targets.narrow(0, begin, size),
                                         result.narrow(0, begin, size));
            if (begin / chunk < keptChunks) {
                saved.insert(saved.end(), {made.weights, made.sums, made.slopes});
            }
        }
        context->save_for_backward(saved);
        context->saved_data["chunk"] = chunk;
        context->saved_data["cap"] = cap;
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &rows = saved[0], &weight = saved[1], &targets = saved[3];
        const OutputHead head{weight, saved[2], context->saved_data["cap"].toDouble()};
        const std::int64_t count = rows.size(0), chunk = context->saved_data["chunk"].toInt();
        HeadGradients sums{
            context->needs_input_grad(0) ? at::empty_like(rows) : at::Tensor(),
            context->needs_input_grad(1) ? at::empty_like(weight) : at::Tensor(),
            head.bias.defined() && context->needs_input_grad(2) ? at::zeros_like(head.bias) : at::Tensor()};
        if (count == 0 && sums.weight.defined()) {
            sums.weight.zero_();
        }
        std::size_t kept = 4;
        for (std::int64_t begin = 0; begin < count; begin += chunk) {
            const std::int64_t size = std::min(chunk, count - begin);
            const at::Tensor inputs = rows.narrow(0, begin, size), wanted = targets.narrow(0, begin, size);
            Softmax part;
            if (kept < saved.size()) {
                part = {saved[kept], saved[kept + 1], saved[kept + 2]};
                kept += 3;
            } else {
                part = softmax(head, inputs, wanted, at::empty_like(gradients[0].narrow(0, begin, size)));
            }
            sums.add(head, inputs, wanted, part, gradients[0].narrow(0, begin, size), begin);
        }
        return {sums.rows, sums.weight, sums.bias, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

/// For every branch token, in packing order: the row of Transformer::forwardPredicting that predicts it, and the token
/// of the batch that it is. A first token without a prefix has no predictor.
struct Predictions {
    std::vector<std::int64_t> predictor, target;
    std::vector<std::int64_t> place;  ///< in the result
    std::int64_t branchTokens = 0;
};

Predictions predictions(const std::vector<PrefixTree>& trees) {
    Predictions result;
    std::int64_t token = 0, row = 0;
    for (const PrefixTree& tree : trees) {
        const std::int64_t last = row;  // the prefix's last token, where there is one
        token += tree.prefix;
        row += tree.prefix > 0 ? 1 : 0;
        for (const std::int64_t length : tree.branches) {
            for (std::int64_t i = 0; i < length; ++i, ++row, ++token, ++result.branchTokens) {
                if (i == 0 && tree.prefix == 0) {
                    continue;
                }
                result.predictor.push_back(i == 0 ? last : row - 1);
                result.target.push_back(token);
                result.place.push_back(result.branchTokens);
            }
        }
    }
    return result;
}

}  // namespace

at::Tensor chosenLogProbs(const at::Tensor& rows, const OutputHead& head, const at::Tensor& targets,
                          std::int64_t rowsPerChunk, std::int64_t keptBytes) {
    const std::int64_t count = rows.size(0), vocabulary = head.weight.size(0);
    const std::int64_t most = rowsPerChunk > 0 ? rowsPerChunk : std::max<std::int64_t>(chunkLogits / vocabulary, 16);
    const std::int64_t chunks = std::max<std::int64_t>((count + most - 1) / most, 1);
    const std::int64_t chunk = std::max<std::int64_t>((count + chunks - 1) / chunks, 1);  // all of about one size
    const auto bytes = static_cast<std::int64_t>(c10::elementSize(accumulationType(rows.scalar_type())));
    const bool differentiated = at::GradMode::is_enabled() && (rows.requires_grad() || head.weight.requires_grad());
    return ChosenLogProbs::apply(rows, head.weight, head.bias.defined() ? std::optional(head.bias) : std::nullopt,
                                 head.cap, targets, chunk,
                                 differentiated ? keptBytes / (chunk * vocabulary * bytes) : 0);
}

at::Tensor branchTokenLogProbs(const Transformer& model, const PackedBatch& batch) {
    const at::Tensor hidden = model.forwardPredicting(batch);
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
