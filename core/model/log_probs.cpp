#include "core/model/log_probs.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/model/kernels.h"
#include "core/model/parallel.h"
#include "core/model/product_library.h"

namespace prefbench::model {
namespace {

at::ScalarType accumulationType(at::ScalarType type) {
    return type == at::kDouble ? at::kDouble : at::kFloat;
}

/// exp(logit − the row's greatest) of a chunk of rows.
struct Softmax {
    at::Tensor weights;  ///< [n, vocabulary]
    at::Tensor sums;     ///< of a row's weights [n]
    at::Tensor slopes;   ///< of the head's cap at every logit; undefined: 1
};

/// A head as it multiplies: its weight perhaps rounded, then narrower than its bias and what it makes.
struct Factors {
    at::Tensor weight;  ///< [vocabulary, embedding]
    at::Tensor bias;    ///< undefined: none
    double cap = 0;
    ProductLibraries libraries;

    /// rows [n, embedding] of the weight's type → [n, vocabulary] of `type`
    at::Tensor logits(const at::Tensor& rows, at::ScalarType type) const {
        at::Tensor raw = multiplied(rows, weight.t(), type, libraries.forward);
        if (bias.defined()) {
            raw.add_(bias);
        }
        return cap > 0 ? raw.div_(cap).tanh_().mul_(cap) : raw;
    }
};

/// The softmax of the rows' logits; `logProbs` [n] gets log softmax[target].
Softmax softmax(const Factors& head, const at::Tensor& rows, const at::Tensor& targets, const at::Tensor& logProbs) {
    at::Tensor logits = head.logits(rows, logProbs.scalar_type());
    const at::Tensor chosen = logits.gather(1, targets.unsqueeze(1)).squeeze(1);
    Softmax result;
    if (head.cap == 0 && logits.scalar_type() == at::kFloat && logits.device().is_cpu()) {
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
    result.slopes = head.cap > 0 ? 1 - (logits / head.cap).square() : at::Tensor();  // of cap · tanh(x / cap)
    result.weights = logits.sub_(most).exp_();
    result.sums = result.weights.sum(1);
    logProbs.copy_(chosen - most.squeeze(1) - result.sums.log());
    return result;
}

/// What the backward pass wants of a chunk's softmax: d log p[target] / d logits = onehot(target) − softmax, times the
/// cap's slope. Rows are left unscaled: scaling rows of the other factor scales the rows of a product. The difference
/// is taken before it is rounded, since it is small where a prediction is good.
struct LogitGradients {
    at::Tensor values;  ///< −sum · d log p[target] / d logit, of the head's weight's type [n, vocabulary]
    at::Tensor sums;    ///< [n]

    LogitGradients(at::Tensor kept, at::Tensor keptSums) : values(std::move(kept)), sums(std::move(keptSums)) {}
    LogitGradients(Softmax softmax, const at::Tensor& targets, at::ScalarType type) : sums(std::move(softmax.sums)) {
        softmax.weights.scatter_add_(1, targets.unsqueeze(1), sums.neg().unsqueeze(1));
        values = (softmax.slopes.defined() ? softmax.weights.mul_(softmax.slopes) : softmax.weights).to(type);
    }
};

/// Adds up what chunks of rows contribute to the gradients, given dL/d log p [n]. Undefined: not wanted.
struct HeadGradients {
    at::Tensor rows, bias;
    std::optional<at::ScalarType> weightType;  ///< none: not wanted
    at::Tensor weight{};                       ///< made by the first chunk

    void add(const Factors& head, const at::Tensor& inputs, const LogitGradients& logits, const at::Tensor& gradient,
             std::int64_t begin) {
        const at::Tensor scale = (gradient / logits.sums).neg().unsqueeze(1);
        if (rows.defined()) {
            const at::ScalarType type = rows.scalar_type();
            at::Tensor part = rows.narrow(0, begin, inputs.size(0));
            at::mul_out(part, multiplied(logits.values, head.weight, type, head.libraries.inputGradient),
                        scale.to(type));
        }
        if (weightType) {
            const at::Tensor columns = logits.values.t(), scaled = (inputs * scale).to(inputs.scalar_type());
            if (weight.defined()) {
                addProduct(weight, columns, scaled);
            } else {
                weight = multiplied(columns, scaled, *weightType, head.libraries.weightGradient);
            }
        }
        if (bias.defined()) {
            const at::ScalarType type = bias.scalar_type();
            bias.add_(logits.values.to(type).t().mv(scale.squeeze(1).to(type)));
        }
    }
};

/// log softmax(head's logits)[target], row by row. Chunks whose softmax is not kept make it anew when the backward
/// pass comes to them.
class ChosenLogProbs : public torch::autograd::Function<ChosenLogProbs> {
  public:
    /// `rounded` is what the rows are multiplied with in the weight's place, where that is narrower.
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& rows,
                              const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                              const std::optional<at::Tensor>& rounded, double cap, const ProductLibraries& libraries,
                              const at::Tensor& targets, std::int64_t chunk, std::int64_t keptChunks) {
        const Factors head{rounded.value_or(weight), bias.value_or(at::Tensor()), cap, libraries};
        const at::ScalarType type = head.weight.scalar_type();
        const at::Tensor inputs = rows.to(type);
        const std::int64_t count = rows.size(0);
        at::Tensor result = at::empty({count}, rows.options().dtype(accumulationType(rows.scalar_type())));
        torch::autograd::variable_list saved{inputs, head.weight, head.bias, targets};
        for (std::int64_t begin = 0; begin < count; begin += chunk) {
            const std::int64_t size = std::min(chunk, count - begin);
            const at::Tensor wanted = targets.narrow(0, begin, size);
            Softmax made = softmax(head, inputs.narrow(0, begin, size), wanted, result.narrow(0, begin, size));
            if (begin / chunk < keptChunks) {
                const LogitGradients kept(std::move(made), wanted, type);
                saved.insert(saved.end(), {kept.values, kept.sums});
            }
        }
        context->save_for_backward(saved);
        context->saved_data["chunk"] = chunk;
        context->saved_data["cap"] = cap;
        context->saved_data["libraries"] = libraries.kept();
        context->saved_data["type"] = rows.scalar_type();
        return result;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const at::Tensor &rows = saved[0], &targets = saved[3];
        const Factors head{saved[1], saved[2], context->saved_data["cap"].toDouble(),
                           ProductLibraries::fromKept(context->saved_data["libraries"])};
        const at::ScalarType type = context->saved_data["type"].toScalarType();
        const std::int64_t count = rows.size(0), chunk = context->saved_data["chunk"].toInt();
        HeadGradients sums{
            context->needs_input_grad(0) ? at::empty_like(rows, type) : at::Tensor(),
            head.bias.defined() && context->needs_input_grad(2) ? at::zeros_like(head.bias) : at::Tensor(),
            context->needs_input_grad(1) ? std::optional(type) : std::nullopt};
        std::size_t kept = 4;
        for (std::int64_t begin = 0; begin < count; begin += chunk) {
            const std::int64_t size = std::min(chunk, count - begin);
            const at::Tensor inputs = rows.narrow(0, begin, size), gradient = gradients[0].narrow(0, begin, size);
            const auto madeAnew = [&] {
                const at::Tensor wanted = targets.narrow(0, begin, size);
                return LogitGradients(softmax(head, inputs, wanted, at::empty_like(gradient)), wanted,
                                      head.weight.scalar_type());
            };
            const bool isKept = kept < saved.size();
            sums.add(head, inputs, isKept ? LogitGradients(saved[kept], saved[kept + 1]) : madeAnew(), gradient, begin);
            kept += isKept ? 2 : 0;
        }
        torch::autograd::variable_list result(9);
        result[0] = sums.rows;
        result[1] = count == 0 && sums.weightType ? at::zeros_like(head.weight, type) : sums.weight;
        result[2] = sums.bias;
        return result;
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
    const at::Tensor factor = head.factor();
    const auto bytes = static_cast<std::int64_t>(c10::elementSize(factor.scalar_type()));
    const bool differentiated = at::GradMode::is_enabled() && (rows.requires_grad() || head.weight.requires_grad());
    return ChosenLogProbs::apply(rows, head.weight, head.bias.defined() ? std::optional(head.bias) : std::nullopt,
                                 head.rounded ? std::optional(factor) : std::nullopt, head.cap, head.libraries, targets,
                                 chunk, differentiated ? keptBytes / (chunk * vocabulary * bytes) : 0);
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
