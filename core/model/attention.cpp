#include "core/model/attention.h"

#include <limits>
#include <map>

namespace prefbench::model {
namespace {

std::int64_t lengthOf(const PrefixTree& tree) {
    std::int64_t length = tree.prefix;
    for (const std::int64_t branch : tree.branches) {
        length += branch;
    }
    return length;
}

at::Tensor branchMask(const PrefixTree& tree, at::Device device, at::ScalarType type) {
    std::vector<std::int64_t> owner(static_cast<std::size_t>(tree.prefix), 0);  // 0: prefix, b: branch b
    for (std::size_t b = 0; b < tree.branches.size(); ++b) {
        owner.insert(owner.end(), static_cast<std::size_t>(tree.branches[b]), static_cast<std::int64_t>(b) + 1);
    }
    const at::Tensor owners = at::tensor(owner, at::kLong);
    const at::Tensor keyOwner = owners.unsqueeze(0);
    const at::Tensor visible = ((keyOwner == 0) | (keyOwner == owners.unsqueeze(1))).tril();
    return at::zeros(visible.sizes(), type)
        .masked_fill_(visible.logical_not(), -std::numeric_limits<double>::infinity())
        .to(device);
}

}  // namespace

TreeMasks treeMasks(const std::vector<PrefixTree>& trees, at::Device device, at::ScalarType type) {
    TreeMasks result;
    std::map<std::pair<std::int64_t, std::vector<std::int64_t>>, at::Tensor> masks;
    for (const PrefixTree& tree : trees) {
        result.lengths.push_back(lengthOf(tree));
        at::Tensor mask;
        if (tree.branches.size() > 1) {
            at::Tensor& known = masks[{tree.prefix, tree.branches}];
            if (!known.defined()) {
                known = branchMask(tree, device, type);
            }
            mask = known;
        }
        result.masks.push_back(mask);
    }
    return result;
}

at::Tensor treeAttention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                         const TreeMasks& masks) {
    // Splitting, not slicing: the backward pass of a split writes each gradient once.
    const auto q = queries.split_with_sizes(masks.lengths), k = keys.split_with_sizes(masks.lengths),
               v = values.split_with_sizes(masks.lengths);
    const auto headsFirst = [](const at::Tensor& x) { return x.transpose(0, 1).unsqueeze(0); };
    std::vector<at::Tensor> outputs;
    for (std::size_t tree = 0; tree < masks.lengths.size(); ++tree) {
        if (masks.lengths[tree] == 0) {
            continue;
        }
        const at::Tensor& mask = masks.masks[tree];
        const at::Tensor output =
            attention(headsFirst(q[tree]), headsFirst(k[tree]), headsFirst(v[tree]), mask, !mask.defined());
        outputs.push_back(output.squeeze(0).transpose(0, 1));
    }
    return outputs.empty() ? queries : at::cat(outputs);
}

at::Tensor attention(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                     const at::Tensor& mask, bool causal) {
    const std::optional<at::Tensor> added = mask.defined() ? std::optional(mask) : std::nullopt;
    const bool grouped = queries.size(1) != keys.size(1);
    return at::scaled_dot_product_attention(queries, keys, values, added, 0.0, causal, std::nullopt, grouped);
}

}  // namespace prefbench::model
