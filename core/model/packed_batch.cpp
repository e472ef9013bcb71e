#include <algorithm>
#include <numeric>

#include "core/model/transformer.h"

namespace prefbench::model {

std::int64_t PrefixTree::tokens() const {
    return std::accumulate(branches.begin(), branches.end(), prefix);
}

std::int64_t PrefixTree::positions() const {
    return prefix + (branches.empty() ? 0 : *std::max_element(branches.begin(), branches.end()));
}

PackedBatch PackedBatch::pack(const std::vector<Tree>& trees, at::Device device) {
    PackedBatch batch;
    std::vector<std::int64_t> tokens, positions;
    const auto append = [&](const std::vector<std::int64_t>& ids, std::int64_t firstPosition) {
        for (const std::int64_t id : ids) {
            tokens.push_back(id);
            positions.push_back(firstPosition++);
        }
    };
    for (const Tree& tree : trees) {
        const auto prefix = static_cast<std::int64_t>(tree.prefix.size());
        PrefixTree shape{prefix, {}};
        append(tree.prefix, 0);
        for (const auto& branch : tree.branches) {
            append(branch, prefix);
            shape.branches.push_back(static_cast<std::int64_t>(branch.size()));
        }
        batch.trees.push_back(std::move(shape));
    }
    batch.tokens = at::tensor(tokens, at::kLong).to(device);
    batch.positions = at::tensor(positions, at::kLong).to(device);
    return batch;
}

at::Tensor PackedBatch::sequenceLengths() const {
    std::vector<std::int64_t> lengths;
    for (const PrefixTree& tree : trees) {
        lengths.insert(lengths.end(), static_cast<std::size_t>(tree.tokens()), tree.positions());
    }
    return at::tensor(lengths, at::kLong).to(tokens.device());
}

}  // namespace prefbench::model
