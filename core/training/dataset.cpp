#include "core/training/dataset.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace prefbench::training {
namespace {

void keep(Dataset& dataset, Example example, std::int64_t maxLength) {
    ++dataset.read;
    bool cut = false;
    if (truncateExample(example, maxLength, cut)) {
        dataset.truncated += cut ? 1 : 0;
        dataset.examples.push_back(std::move(example));
    } else {
        ++dataset.dropped;
    }
}

}  // namespace

std::int64_t Example::tokens() const {
    std::size_t sum = prompt.size();
    for (const auto& completion : completions) {
        sum += completion.size();
    }
    return static_cast<std::int64_t>(sum);
}

std::int64_t Example::predictedTokens() const {
    std::size_t sum = 0;
    for (const auto& completion : completions) {
        sum += completion.size() - (prompt.empty() && !completion.empty() ? 1 : 0);
    }
    return static_cast<std::int64_t>(sum);
}

bool truncateExample(Example& example, std::int64_t maxLength, bool& cut) {
    const auto promptTokens = static_cast<std::int64_t>(example.prompt.size());
    if (maxLength > 0 && promptTokens >= maxLength) {
        return false;
    }
    for (auto& completion : example.completions) {
        const auto room = static_cast<std::size_t>(maxLength - promptTokens);
        if (maxLength > 0 && completion.size() > room) {
            completion.resize(room);
            cut = true;
        }
    }
    return example.predictedTokens() > 0;
}

void addMismatchedCompletions(Dataset& dataset, std::int64_t maxLength) {
    std::vector<std::vector<text::TokenId>> firsts;
    for (const Example& example : dataset.examples) {
        firsts.push_back(example.completions.front());
    }
    for (std::size_t i = 0; i < dataset.examples.size(); ++i) {
        Example& example = dataset.examples[i];
        example.completions.push_back(firsts[i == 0 ? firsts.size() - 1 : i - 1]);
        bool cut = false;
        truncateExample(example, maxLength, cut);
    }
}

Dataset loadDataset(const std::filesystem::path& file, DataKind kind, const text::Tokenizer& tokenizer,
                    std::int64_t maxLength) {
    Dataset dataset;
    std::unordered_set<std::string> seen;
    const auto countDuplicate = [&](std::initializer_list<std::string_view> texts) {
        std::string key;
        for (const std::string_view text : texts) {
            key += std::to_string(text.size()) + ":" + std::string(text);
        }
        dataset.duplicates += seen.insert(std::move(key)).second ? 0 : 1;
    };
    constexpr bool appendEos = true;  // the snapshot holds plain text
    if (kind == DataKind::Pairs) {
        for (const contract::PairExample& row : contract::readPairs(file)) {
            countDuplicate({row.prompt, row.chosen, row.rejected});
            text::TokenizedPair ids = text::tokenizePair(tokenizer, row.prompt, row.chosen, row.rejected, appendEos);
            keep(dataset, {row.id, row.prompt, std::move(ids.prompt), {std::move(ids.chosen), std::move(ids.rejected)}},
                 maxLength);
        }
    } else {
        for (const contract::DemonstrationExample& row : contract::readDemonstrations(file)) {
            countDuplicate({row.prompt, row.completion});
            text::TokenizedCompletion ids = text::tokenizeCompletion(tokenizer, row.prompt, row.completion, appendEos);
            keep(dataset, {row.id, row.prompt, std::move(ids.prompt), {std::move(ids.completion)}}, maxLength);
        }
    }
    return dataset;
}

}  // namespace prefbench::training
