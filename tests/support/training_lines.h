#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/contract/run_directory.h"
#include "core/files/json_lines.h"

/// Lines of a run's dataset/: pairs of a golden trajectory, "pair-1" and so on, from `begin` on.
inline std::string goldenPairLines(std::size_t begin, std::size_t count, const std::string& trajectory = "dpo-gpt2") {
    using namespace prefbench;
    std::vector<std::string> lines;
    files::readJsonLinesFile(
        std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "trajectories" / trajectory / "data.jsonl",
        [&](std::int64_t number, const files::OrderedJson& row) {
            const auto passage = [&row](const char* key) { return contract::passageFromJson(row.at(key), key); };
            lines.push_back(contract::toLine(contract::PairExample{"pair-" + std::to_string(number), passage("prompt"),
                                                                   passage("chosen"), passage("rejected")}));
        },
        [](const files::BadLine&) {});
    std::string text;
    for (std::size_t i = begin; i < begin + count; ++i) {
        text += lines.at(i) + "\n";
    }
    return text;
}
