#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/contract/run_directory.h"
#include "core/model/transformer.h"
#include "core/text/conversation.h"
#include "core/training/dataset.h"

namespace prefbench::training {

/// Answers the same prompts with the same random numbers at each evaluation and keeps the answers in samples.jsonl:
/// {"step","prompt","completion","finish_reason","logprob"}, the prompt in the form that the data set has it in.
class SampleWriter {
  public:
    /// `conversations` must outlive it. Takes the first `spec.hyperparameters.evalSamples` different prompts of
    /// `source` that hold a token and are shorter than `maxLength` (0: no limit).
    SampleWriter(const contract::RunDirectory& run, const contract::RunSpec& spec,
                 const text::Conversations& conversations, std::int64_t maxLength, const Dataset& source);

    /// The lines for samples.jsonl. `goOn` is asked at every token; once it says no the lines are of no use.
    std::vector<std::string> answer(const model::Transformer& policy, std::int64_t step,
                                    const std::function<bool()>& goOn) const;
    /// Appends them; fsynced.
    void write(const std::vector<std::string>& lines);
    /// Whether the file has all answers of that step.
    bool has(std::int64_t step) const;
    /// Removes what a run wrote past the step that it now goes on from.
    void dropAfter(std::int64_t step);

  private:
    std::filesystem::path file_;
    contract::SamplingSettings settings_;
    const text::Tokenizer& tokenizer_;
    std::vector<contract::Passage> asked_;
    std::vector<std::vector<text::TokenId>> prompts_;
};

}  // namespace prefbench::training
