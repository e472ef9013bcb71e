#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"

/// Sorted; empty where there is no such folder.
inline std::vector<std::string> namesIn(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; entry != end; entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// As a reader sees them.
inline std::vector<prefbench::contract::MetricRecord> recordsOf(const prefbench::contract::RunDirectory& run) {
    prefbench::contract::MetricsReader reader(run.metrics());
    reader.read();
    return reader.records();
}

inline std::vector<std::int64_t> trainStepsOf(const prefbench::contract::RunDirectory& run) {
    std::vector<std::int64_t> steps;
    for (const prefbench::contract::MetricRecord& record : recordsOf(run)) {
        if (record.split == "train") {
            steps.push_back(record.step);
        }
    }
    return steps;
}

inline std::vector<std::int64_t> stepsUpTo(std::int64_t last) {
    std::vector<std::int64_t> steps(static_cast<std::size_t>(last));
    std::iota(steps.begin(), steps.end(), 1);
    return steps;
}

/// The records without what depends on the clock and the machine, a line each.
inline std::vector<std::string> whatRecordsSay(const prefbench::contract::RunDirectory& run) {
    std::vector<std::string> lines;
    for (prefbench::contract::MetricRecord record : recordsOf(run)) {
        record.time = 0;
        for (const char* name : {"pairs_per_second", "tokens_per_second", "peak_memory_bytes"}) {
            record.values.erase(name);
        }
        lines.push_back(prefbench::files::toLine(prefbench::contract::toJson(record)));
    }
    return lines;
}

/// The first file in which two folders differ, or empty.
inline std::string differenceOfFolders(const std::filesystem::path& one, const std::filesystem::path& other) {
    const std::vector<std::string> names = namesIn(one);
    if (names.empty() || names != namesIn(other)) {
        return one.string() + ": not the same files";
    }
    for (const std::string& name : names) {
        if (prefbench::files::readFile(one / name) != prefbench::files::readFile(other / name)) {
            return (one / name).string() + ": not the same bytes";
        }
    }
    return {};
}

/// In what a finished run differs from another one of the same run.json and data, or empty: final model, newest
/// checkpoint with its optimizer, margins and samples byte for byte, and the metrics but for speed and memory. Nothing
/// half-written may lie about.
inline std::string differenceOf(const prefbench::contract::RunDirectory& run,
                                const prefbench::contract::RunDirectory& other) {
    if (const auto state = prefbench::contract::readStatus(run).state;
        state != prefbench::contract::RunState::Finished) {
        return std::string("the run is ") + prefbench::contract::toString(state);
    }
    for (const auto& folder : {run.path, run.checkpoints(), run.margins()}) {
        if (const auto names = namesIn(folder); !names.empty() && names.front().starts_with('.')) {
            return (folder / names.front()).string() + ": left lying about";
        }
    }
    const std::vector<std::string> checkpoints = namesIn(run.checkpoints());
    if (checkpoints.empty() || checkpoints.size() > 5) {
        return std::to_string(checkpoints.size()) + " checkpoints";
    }
    const std::vector<std::string> records = whatRecordsSay(run), expected = whatRecordsSay(other);
    const auto [mine, others] = std::mismatch(records.begin(), records.end(), expected.begin(), expected.end());
    if (mine != records.end() || others != expected.end()) {
        return "metrics: " + (mine == records.end() ? "an end" : *mine) + " in the place of " +
               (others == expected.end() ? "the end" : *others);
    }
    if (prefbench::files::readFile(run.samples()) != prefbench::files::readFile(other.samples())) {
        return run.samples().string() + ": not the same bytes";
    }
    std::string difference = differenceOfFolders(run.finalModel(), other.finalModel());
    if (difference.empty()) {
        difference = differenceOfFolders(run.margins(), other.margins());
    }
    return difference.empty()
               ? differenceOfFolders(run.checkpoints() / checkpoints.back(), other.checkpoints() / checkpoints.back())
               : difference;
}
