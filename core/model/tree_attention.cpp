#include "core/model/tree_attention.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <map>
#include <utility>

#include "core/model/parallel.h"
#include "core/model/tree_kernels.h"

namespace prefbench::model {
namespace {

constexpr double hidden = -std::numeric_limits<double>::infinity();

/// A tree's tokens: to which branch each belongs (0: prefix), and its position.
struct TreeTokens {
    at::Tensor owners, positions;

    explicit TreeTokens(const PrefixTree& tree) {
        std::vector<std::int64_t> owner(static_cast<std::size_t>(tree.prefix), 0);
        std::vector<at::Tensor> places{at::arange(tree.prefix, at::kLong)};
        for (std::size_t b = 0; b < tree.branches.size(); ++b) {
            owner.insert(owner.end(), static_cast<std::size_t>(tree.branches[b]), static_cast<std::int64_t>(b) + 1);
            places.push_back(at::arange(tree.prefix, tree.prefix + tree.branches[b], at::kLong));
        }
        owners = at::tensor(owner, at::kLong);
        positions = at::cat(places);
    }
};

}  // namespace

struct TreeAttention::Plan {
    std::vector<PrefixTree> trees;
    std::int64_t window = 0;
    ScoreRule rule;
    at::Tensor slopes;
    std::map<std::pair<std::int64_t, std::vector<std::int64_t>>, at::Tensor> masks{};  ///< those asked for so far

    std::vector<std::int64_t> lengths(Queries asking) const {
        std::vector<std::int64_t> result;
        for (const PrefixTree& tree : trees) {
            result.push_back(tree.tokens() - firstQuery(tree, asking));
        }
        return result;
    }

    /// ALiBi's, by position [heads, 1, positions]; undefined without.
    at::Tensor bias(at::ScalarType type) const {
        if (!slopes.defined()) {
            return {};
        }
        std::int64_t longest = 0;
        for (const PrefixTree& tree : trees) {
            longest = std::max(longest, tree.positions());
        }
        return alibiBias(slopes, at::arange(longest, at::kLong), rule.scale, type);
    }

    /// To be added to the scores of a tree [length, length] or [heads, length, length]; undefined where it is one plain
    /// causal sequence.
    at::Tensor mask(const PrefixTree& tree, at::ScalarType type, at::Device device) {
        const bool isPlain =
            tree.branches.size() <= 1 && !slopes.defined() && !(window > 0 && tree.positions() > window);
        return isPlain ? at::Tensor() : wholeMask(tree, type, device);
    }

    at::Tensor wholeMask(const PrefixTree& tree, at::ScalarType type, at::Device device) {
        at::Tensor& known = masks[{tree.prefix, tree.branches}];
        if (known.defined()) {
            return known;
        }
        const TreeTokens tokens(tree);
        const at::Tensor keyOwner = tokens.owners.unsqueeze(0);
        at::Tensor visible = ((keyOwner == 0) | (keyOwner == tokens.owners.unsqueeze(1))).tril();
        if (window > 0) {
            visible = visible & (tokens.positions.unsqueeze(1) - tokens.positions.unsqueeze(0) < window);
        }
        const at::Tensor added = bias(type);
        const at::Tensor start = added.defined()
                                     ? added.index_select(-1, tokens.positions).expand({-1, visible.size(0), -1})
                                     : at::zeros(visible.sizes(), type);
        return known = start.masked_fill(visible.logical_not(), hidden).to(device);
    }
};

namespace {

using Plan = TreeAttention::Plan;

/// Runs work(tree's number, its first token, its first asking token, kv head) for all; by turns, for trees differ.
template <class Work>
void overHeads(const Plan& plan, Queries asking, std::int64_t kvHeads, const Work& work) {
    std::vector<std::int64_t> tokens{0}, queries{0};
    for (const PrefixTree& tree : plan.trees) {
        tokens.push_back(tokens.back() + tree.tokens());
        queries.push_back(queries.back() + tree.tokens() - firstQuery(tree, asking));
    }
    const auto tasks = static_cast<std::int64_t>(plan.trees.size()) * kvHeads;
    std::atomic<std::int64_t> next = 0;
    inParallel(at::get_num_threads(), 1, [&](std::int64_t, std::int64_t) {
        for (std::int64_t task = next++; task < tasks; task = next++) {
            const auto tree = static_cast<std::size_t>(task / kvHeads);
            work(tree, tokens[tree], queries[tree], task % kvHeads);
        }
    });
}

const TreeKernel& fastest() {
    static const TreeKernel kernel = treeKernels().front();
    return kernel;
}

std::vector<float>& scratchOfThread() {
    thread_local std::vector<float> scratch;
    return scratch;
}

/// What forward and backward pass have in common.
struct Attended {
    const Plan& plan;
    Queries asking;
    at::Tensor queries, keys, values, outputs, logSums, bias;

    TreeHead head(std::size_t tree, std::int64_t token, std::int64_t query, std::int64_t kvHead) const {
        TreeHead h;
        h.tokens = plan.trees[tree].tokens();
        h.prefix = plan.trees[tree].prefix;
        h.branches = plan.trees[tree].branches;
        h.firstQuery = firstQuery(plan.trees[tree], asking);
        h.queryHeads = queries.size(1) / keys.size(1);
        h.dim = queries.size(2);
        h.window = plan.window;
        h.scale = static_cast<float>(plan.rule.scale);
        const std::int64_t first = kvHead * h.queryHeads;
        if (bias.defined()) {
            h.bias = bias.const_data_ptr<float>() + first * bias.size(2);
            h.biasStride = bias.size(2);
        }
        h.queries = queries.const_data_ptr<float>() + query * queries.stride(0) + first * h.dim;
        h.keys = keys.const_data_ptr<float>() + token * keys.stride(0) + kvHead * keys.stride(1);
        h.values = values.const_data_ptr<float>() + token * values.stride(0) + kvHead * values.stride(1);
        h.queryStride = queries.stride(0);
        h.keyStride = keys.stride(0);
        h.valueStride = values.stride(0);
        h.outputs = outputs.mutable_data_ptr<float>() + query * outputs.stride(0) + first * h.dim;
        h.outputStride = outputs.stride(0);
        if (logSums.defined()) {
            h.logSums = logSums.mutable_data_ptr<float>() + first * logSums.size(1) + query;
            h.logStride = logSums.size(1);
        }
        return h;
    }
};

/// For float32 on the CPU. Saves the logarithms of the softmax's sums, not its weights.
class FusedTreeAttention : public torch::autograd::Function<FusedTreeAttention> {
    struct Kept : torch::CustomClassHolder {
        Kept(std::shared_ptr<const Plan> given, Queries queries) : plan(std::move(given)), asking(queries) {}
        std::shared_ptr<const Plan> plan;
        Queries asking;
    };

  public:
    static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& queries,
                              const at::Tensor& keys, const at::Tensor& values, const std::shared_ptr<Plan>& plan,
                              Queries asking, bool differentiated) {
        const Attended a{
            *plan,
            asking,
            queries,
            keys,
            values,
            at::empty(queries.sizes(), queries.options()),
            differentiated ? at::empty({queries.size(1), queries.size(0)}, queries.options()) : at::Tensor(),
            plan->bias(at::kFloat)};
        overHeads(*plan, asking, keys.size(1),
                  [&](std::size_t tree, std::int64_t token, std::int64_t query, std::int64_t kvHead) {
                      fastest().attend(a.head(tree, token, query, kvHead), scratchOfThread());
                  });
        if (differentiated) {
            context->save_for_backward({queries, keys, values, a.outputs, a.logSums});
            context->saved_data["plan"] = c10::IValue::make_capsule(c10::make_intrusive<Kept>(plan, asking));
        }
        return a.outputs;
    }

    static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                   const torch::autograd::variable_list& gradients) {
        const auto saved = context->get_saved_variables();
        const auto capsule = context->saved_data["plan"].toCapsule();
        const auto& kept = static_cast<const Kept&>(*capsule);
        const Attended a{*kept.plan, kept.asking, saved[0], saved[1],
                         saved[2],   saved[3],    saved[4], kept.plan->bias(at::kFloat)};
        const at::Tensor given = gradients[0].contiguous();
        const at::Tensor queries = at::empty(a.queries.sizes(), given.options()),
                         keys = at::zeros(a.keys.sizes(), given.options()),
                         values = at::zeros(a.values.sizes(), given.options());
        overHeads(*kept.plan, kept.asking, keys.size(1),
                  [&](std::size_t tree, std::int64_t token, std::int64_t query, std::int64_t kvHead) {
                      const TreeHead head = a.head(tree, token, query, kvHead);
                      const std::int64_t row = query * queries.stride(0) + kvHead * head.queryHeads * head.dim,
                                         key = token * keys.stride(0) + kvHead * head.dim;
                      TreeHeadGradients g;
                      g.outputs = given.const_data_ptr<float>() + row;
                      g.queries = queries.mutable_data_ptr<float>() + row;
                      g.keys = keys.mutable_data_ptr<float>() + key;
                      g.values = values.mutable_data_ptr<float>() + key;
                      g.outputStride = g.queryStride = queries.stride(0);
                      g.keyStride = g.valueStride = keys.stride(0);
                      fastest().differentiate(head, g, scratchOfThread());
                  });
        return {queries, keys, values, at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

at::Tensor fused(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                 const std::shared_ptr<Plan>& plan, Queries asking) {
    const auto withHeadsTogether = [](const at::Tensor& x) {
        return x.stride(2) == 1 && x.stride(1) == x.size(2) ? x : x.contiguous();
    };
    const bool differentiated =
        at::GradMode::is_enabled() && (queries.requires_grad() || keys.requires_grad() || values.requires_grad());
    return FusedTreeAttention::apply(withHeadsTogether(queries), withHeadsTogether(keys), withHeadsTogether(values),
                                     plan, asking, differentiated);
}

}  // namespace

std::int64_t firstQuery(const PrefixTree& tree, Queries queries) {
    return queries == Queries::All ? 0 : std::max<std::int64_t>(tree.prefix - 1, 0);
}

bool attendsWithoutScores(std::int64_t headDim, const ScoreRule& rule, at::ScalarType type) {
    return headDim % 16 == 0 && rule.cap == 0 && type == at::kFloat;
}

TreeAttention::TreeAttention(std::vector<PrefixTree> trees, std::int64_t window, const at::Tensor& slopes,
                             const ScoreRule& rule)
    : plan_(std::make_shared<Plan>(Plan{std::move(trees), window, rule, slopes})) {}

at::Tensor TreeAttention::operator()(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                                     Queries asking, const Dropout& dropout) const {
    if (queries.device().is_cpu() && !dropout.drops() &&
        attendsWithoutScores(queries.size(2), plan_->rule, queries.scalar_type())) {
        return fused(queries, keys, values, plan_, asking);
    }
    // Splitting, not slicing: the backward pass of a split writes each gradient once.
    const auto q = queries.split_with_sizes(plan_->lengths(asking)),
               k = keys.split_with_sizes(plan_->lengths(Queries::All)),
               v = values.split_with_sizes(plan_->lengths(Queries::All));
    const auto headsFirst = [](const at::Tensor& x) { return x.transpose(0, 1).unsqueeze(0); };
    std::vector<at::Tensor> outputs;
    for (std::size_t i = 0; i < plan_->trees.size(); ++i) {
        const PrefixTree& tree = plan_->trees[i];
        const std::int64_t first = firstQuery(tree, asking);
        if (q[i].size(0) == 0) {
            continue;
        }
        at::Tensor mask = first > 0 ? plan_->wholeMask(tree, queries.scalar_type(), queries.device())
                                    : plan_->mask(tree, queries.scalar_type(), queries.device());
        if (first > 0) {
            mask = mask.narrow(-2, first, q[i].size(0));
        }
        const at::Tensor asked = headsFirst(q[i]), from = headsFirst(k[i]), what = headsFirst(v[i]);
        const at::Tensor output =
            dropout.drops() ? plainAttention(asked, from, what, mask, !mask.defined(), plan_->rule,
                                             [&](const at::Tensor& weights) { return dropout.mask(i, weights); })
                            : attention(asked, from, what, mask, !mask.defined(), plan_->rule);
        outputs.push_back(output.squeeze(0).transpose(0, 1));
    }
    return outputs.empty() ? queries : at::cat(outputs);
}

}  // namespace prefbench::model
