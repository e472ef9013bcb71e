#include "core/training/dataset.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/files/error.h"

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

text::TokenizedCompletions completionIds(const contract::Passage& prompt,
                                         const std::vector<const contract::Passage*>& answers,
                                         const text::Conversations& conversations) {
    std::vector<std::string_view> texts;
    std::vector<files::OrderedJson> messages;
    for (const contract::Passage* answer : answers) {
        texts.emplace_back(answer->text);
        messages.push_back(answer->messages);
    }
    return prompt.isConversation()
               ? conversations.tokenizeCompletions(prompt.messages, messages)
               : text::tokenizeCompletions(conversations.tokenizer(), prompt.text, texts, /*appendEos=*/true);
}

Example tokenized(const contract::PairExample& row, const text::Conversations& conversations) {
    text::TokenizedCompletions ids = completionIds(row.prompt, {&row.chosen, &row.rejected}, conversations);
    return {row.id, row.prompt, std::move(ids.prompt), std::move(ids.completions), row.strength, row.preference};
}

Example tokenized(const contract::RankingExample& row, const text::Conversations& conversations) {
    std::vector<const contract::Passage*> answers;
    for (const contract::Passage& completion : row.completions) {
        answers.push_back(&completion);
    }
    text::TokenizedCompletions ids = completionIds(row.prompt, answers, conversations);
    Example example{row.id, row.prompt, std::move(ids.prompt), std::move(ids.completions)};
    example.preference = row.preference;
    example.isRanking = true;
    return example;
}

Example tokenized(const contract::DemonstrationExample& row, const text::Conversations& conversations) {
    text::TokenizedCompletion ids =
        row.prompt.isConversation()
            ? conversations.tokenizeCompletion(row.prompt.messages, row.completion.messages)
            : text::tokenizeCompletion(conversations.tokenizer(), row.prompt.text, row.completion.text,
                                       /*appendEos=*/true);
    return {row.id, row.prompt, std::move(ids.prompt), {std::move(ids.completion)}};
}

/// Equal for examples of the same texts.
std::string contentOf(const contract::PairExample& row) {
    return contract::toLine(contract::PairExample{{}, row.prompt, row.chosen, row.rejected});
}
std::string contentOf(const contract::RankingExample& row) {
    return contract::toLine(contract::RankingExample{{}, row.prompt, row.completions});
}
std::string contentOf(const contract::DemonstrationExample& row) {
    return contract::toLine(contract::DemonstrationExample{{}, row.prompt, row.completion});
}

template <class Row>
Dataset tokenizedRows(const std::vector<Row>& rows, const std::string& file, const text::Conversations& conversations,
                      std::int64_t maxLength) {
    Dataset dataset;
    std::unordered_set<std::string> seen;
    for (const Row& row : rows) {
        dataset.duplicates += seen.insert(contentOf(row)).second ? 0 : 1;
        try {
            keep(dataset, tokenized(row, conversations), maxLength);
        } catch (const Error& error) {
            throw Error(file + ": pair " + row.id + ": " + error.what());
        }
    }
    return dataset;
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

Dataset loadDataset(const std::filesystem::path& file, DataKind kind, const text::Conversations& conversations,
                    std::int64_t maxLength) {
    switch (kind) {
        case DataKind::Pairs:
            return tokenizedRows(contract::readPairs(file), file.string(), conversations, maxLength);
        case DataKind::Rankings:
            return tokenizedRows(contract::readRankings(file), file.string(), conversations, maxLength);
        case DataKind::Demonstrations:
            break;
    }
    return tokenizedRows(contract::readDemonstrations(file), file.string(), conversations, maxLength);
}

}  // namespace prefbench::training
