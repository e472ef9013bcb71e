#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/contract/run_directory.h"
#include "core/text/conversation.h"
#include "core/training/losses.h"

namespace prefbench::training {

/// One example as the model sees it: a prompt and the completions that follow it (chosen, rejected; a ranking, best
/// first; or one).
struct Example {
    std::string id;
    contract::Passage asked;  ///< the prompt as the file has it
    std::vector<text::TokenId> prompt;
    std::vector<std::vector<text::TokenId>> completions;
    double strength = 1;    ///< how much better the chosen one is: |score| of the label
    double preference = 1;  ///< the probability that the chosen one is the better one
    bool isRanking = false;

    /// Prompt once, all completions.
    std::int64_t tokens() const;
    /// Completion tokens that the model predicts: all but the first where there is no prompt before it.
    std::int64_t predictedTokens() const;
};

/// A data set's examples in file order, and what happened to the others.
struct Dataset {
    std::vector<Example> examples;
    std::int64_t read = 0;        ///< lines in the file
    std::int64_t truncated = 0;   ///< kept, but cut at the maximum length
    std::int64_t dropped = 0;     ///< no completion token was left within the maximum length
    std::int64_t duplicates = 0;  ///< same text as an earlier one; kept
};

/// Reads and tokenises a file of dataset/ by TRL's rules: plain text with EOS after each completion (text/tokenizer.h),
/// conversations through the chat template (text/conversation.h); sequences cut to `maxLength` tokens from the start
/// (0: never), examples whose prompt alone fills it dropped. Errors name the file and its line, or the example.
Dataset loadDataset(const std::filesystem::path& file, DataKind kind, const text::Conversations& conversations,
                    std::int64_t maxLength);

/// Gives each example, as its last completion, the first completion of the example before it (the first one, of the
/// last), cut to `maxLength` as above: an answer to another prompt. Ethayarajh et al., KTO, arXiv:2402.01306, section
/// 4.1.
void addMismatchedCompletions(Dataset& dataset, std::int64_t maxLength);

/// Cuts prompt + each completion to `maxLength` tokens in place; false when nothing is left to learn from. `cut` is set
/// when something went.
bool truncateExample(Example& example, std::int64_t maxLength, bool& cut);

}  // namespace prefbench::training
