#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contract/run_directory.h"
#include "core/files/model_folder.h"
#include "core/text/conversation.h"
#include "core/training/dataset.h"

namespace prefbench::training {

/// What a run trains and evaluates on, as its model sees it.
struct RunData {
    Dataset train, eval;         ///< eval: empty where there is no such file
    std::int64_t maxLength = 0;  ///< tokens of prompt + completion; 0: no limit
    std::string unit;            ///< what an example is called: pairs, rankings, demonstrations
};

/// Error where the files cannot be read, or hold what the method cannot take.
RunData loadRunData(const contract::RunDirectory& run, const contract::RunSpec& spec, const files::ModelFolder& folder,
                    const text::Conversations& conversations);

/// Error where there is nothing to train on.
void requireData(const contract::RunDirectory& run, const RunData& data);

/// How many examples there are and what became of the others: a line each for training and evaluation.
std::vector<std::string> describe(const RunData& data);

}  // namespace prefbench::training
