#include "core/contract/run_directory.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <limits>

#include "core/contract/json_fields.h"
#include "core/files/durable_file.h"
#include "core/files/json_lines.h"

namespace prefbench::contract {

namespace {

constexpr std::array kStates = {RunState::Queued,   RunState::Preparing, RunState::Running, RunState::Paused,
                                RunState::Finished, RunState::Failed,    RunState::Stopped, RunState::Interrupted};

constexpr std::array kRequestKinds = {RequestKind::Pause, RequestKind::Resume, RequestKind::Checkpoint,
                                      RequestKind::Stop};

/// NNNN.json → NNNN; 0 for any other name.
std::int64_t requestNumber(const std::filesystem::path& file) {
    const std::string name = file.stem().string();
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
    const bool wholeName = error == std::errc() && end == name.data() + name.size();
    return wholeName && file.extension() == ".json" && number > 0 ? number : 0;
}

std::string stringField(const files::OrderedJson& row, const char* key) {
    if (!row.is_object() || !row.contains(key) || !row.at(key).is_string()) {
        throw Error(std::string("no text under \"") + key + "\"");
    }
    return row.at(key).get<std::string>();
}

double numberField(const files::OrderedJson& row, const char* key, double missing, double least, double most) {
    const auto found = row.find(key);
    if (found == row.end()) {
        return missing;
    }
    const double value = found->is_number() ? found->get<double>() : std::numeric_limits<double>::quiet_NaN();
    if (!(value >= least && value <= most)) {
        throw Error("\"" + std::string(key) + "\" must be a number from " + files::toLine(files::OrderedJson(least)) +
                    " to " + files::toLine(files::OrderedJson(most)) + ", found " + files::toLine(*found));
    }
    return value;
}

Passage passageField(const files::OrderedJson& row, const char* key) {
    if (!row.is_object() || !row.contains(key)) {
        throw Error(std::string("no text under \"") + key + "\"");
    }
    return passageFromJson(row.at(key), key);
}

/// An answer, in its prompt's form.
Passage inFormOf(const Passage& prompt, Passage answer, const std::string& key) {
    if (answer.isConversation() != prompt.isConversation()) {
        throw Error("\"prompt\" and \"" + key + "\" must both be text or both be messages");
    }
    return answer;
}

Passage answerField(const files::OrderedJson& row, const char* key, const Passage& prompt) {
    return inFormOf(prompt, passageField(row, key), key);
}

bool isRanking(const files::OrderedJson& row) {
    return row.is_object() && row.contains("completions");
}

std::vector<Passage> rankedFields(const files::OrderedJson& row, const Passage& prompt) {
    const files::OrderedJson& list = row.at("completions");
    if (!list.is_array() || list.size() < 2) {
        throw Error("\"completions\" must be a list of two or more, best first");
    }
    std::vector<Passage> completions;
    for (std::size_t i = 0; i < list.size(); ++i) {
        const std::string key = "completions[" + std::to_string(i) + "]";
        completions.push_back(inFormOf(prompt, passageFromJson(list[i], key), key));
    }
    return completions;
}

PairExample pairFrom(const files::OrderedJson& row) {
    if (isRanking(row)) {
        throw Error(
            "a ranking (\"completions\"); method plackett_luce takes those, the others take pairs of \"chosen\" "
            "and \"rejected\"");
    }
    PairExample example;
    example.prompt = passageField(row, "prompt");
    example.chosen = answerField(row, "chosen", example.prompt);
    example.rejected = answerField(row, "rejected", example.prompt);
    example.strength = numberField(row, "strength", 1, 1e-6, 1e6);
    example.preference = numberField(row, "preference", 1, 0, 1);
    return example;
}

RankingExample rankingFrom(const files::OrderedJson& row) {
    if (!isRanking(row)) {
        const PairExample pair = pairFrom(row);
        return {{}, pair.prompt, {pair.chosen, pair.rejected}, pair.preference};
    }
    if (row.contains("chosen") || row.contains("rejected")) {
        throw Error("a line has \"completions\", or \"chosen\" and \"rejected\": not both");
    }
    RankingExample example;
    example.prompt = passageField(row, "prompt");
    example.completions = rankedFields(row, example.prompt);
    return example;
}

template <class Example, class Read>
std::vector<Example> readExamples(const std::filesystem::path& file, Read read) {
    std::vector<Example> examples;
    files::readJsonLinesFile(
        file,
        [&](std::int64_t number, const files::OrderedJson& row) {
            Example example = read(row);
            if (example.prompt.isConversation()) {
                refuseTemplateVariables(row);
            }
            example.id = row.contains("pair") ? stringField(row, "pair") : "line " + std::to_string(number);
            examples.push_back(std::move(example));
        },
        [&](const files::BadLine& bad) {
            throw Error(file.string() + ": line " + std::to_string(bad.number) + ": " + bad.reason);
        });
    return examples;
}

}  // namespace

const char* toString(RunState state) {
    switch (state) {
        case RunState::Queued:
            return "queued";
        case RunState::Preparing:
            return "preparing";
        case RunState::Running:
            return "running";
        case RunState::Paused:
            return "paused";
        case RunState::Finished:
            return "finished";
        case RunState::Failed:
            return "failed";
        case RunState::Stopped:
            return "stopped";
        case RunState::Interrupted:
            return "interrupted";
    }
    return "";
}

RunState runStateFromString(const std::string& name) {
    for (const RunState state : kStates) {
        if (name == toString(state)) {
            return state;
        }
    }
    throw Error("state \"" + name + "\": not a state of a run");
}

bool isFinal(RunState state) {
    return state == RunState::Finished || state == RunState::Failed || state == RunState::Stopped;
}

files::OrderedJson toJson(const RunStatus& status) {
    return {{"state", toString(status.state)},
            {"step", status.step},
            {"total_steps", status.totalSteps},
            {"steps_per_second", status.stepsPerSecond},
            {"eta_seconds", status.etaSeconds},
            {"message", status.message},
            {"host", status.host},
            {"boot_id", status.bootId},
            {"pid", status.pid},
            {"pid_start_time", status.pidStartTime},
            {"heartbeat", status.heartbeat},
            {"last_request", status.lastRequest}};
}

RunStatus runStatusFromJson(const files::OrderedJson& json, const std::string& what) {
    const JsonFields fields(json, what);
    RunStatus status;
    std::string state = toString(status.state);
    fields.read("state", state);
    status.state = runStateFromString(state);
    fields.read("step", status.step);
    fields.read("total_steps", status.totalSteps);
    fields.read("steps_per_second", status.stepsPerSecond);
    fields.read("eta_seconds", status.etaSeconds);
    fields.read("message", status.message);
    fields.read("host", status.host);
    fields.read("boot_id", status.bootId);
    fields.read("pid", status.pid);
    fields.read("pid_start_time", status.pidStartTime);
    fields.read("heartbeat", status.heartbeat);
    fields.read("last_request", status.lastRequest);
    return status;
}

RunDirectory createRunDirectory(const std::filesystem::path& path, const RunSpec& spec, const std::string& train,
                                const std::string& eval) {
    check(spec);
    const RunDirectory run{path};
    std::error_code error;
    std::filesystem::create_directories(path.parent_path(), error);
    if (!std::filesystem::create_directory(path, error)) {
        throw Error(path.string() + ": " + (error ? error.message() : "a run directory is there already"));
    }
    try {
        for (const auto& folder : {path / "dataset", run.requests(), run.margins(), run.checkpoints()}) {
            if (!std::filesystem::create_directory(folder, error)) {
                throw Error(folder.string() + ": " + error.message());
            }
        }
        files::writeDurably(run.trainData(), train);
        files::writeDurably(run.evalData(), eval);
        writeStatus(run, RunStatus{});
        // Last, so that a directory with a run.json is a whole one.
        files::writeDurably(run.spec(), toJson(spec).dump(2) + "\n");
    } catch (...) {
        // A full disk is not filled with halves of runs.
        std::filesystem::remove_all(path, error);
        throw;
    }
    return run;
}

RunSpec readRunSpec(const RunDirectory& run) {
    return runSpecFromJson(files::readOrderedJsonFile(run.spec()), run.spec().string());
}

void writeStatus(const RunDirectory& run, const RunStatus& status) {
    files::writeAtomically(run.status(), toJson(status).dump(2) + "\n");
}

RunStatus readWrittenStatus(const RunDirectory& run) {
    const bool hasBegun = std::filesystem::exists(run.status()) || std::filesystem::exists(run.metrics());
    if (!hasBegun && std::filesystem::exists(run.spec())) {
        return {};
    }
    return runStatusFromJson(files::readOrderedJsonFile(run.status()), run.status().string());
}

RunStatus readStatus(const RunDirectory& run) {
    // The lock is asked first: an engine that ends between the two reads has written its final status by then.
    const bool held = RunLock::isHeld(run);
    RunStatus status = readWrittenStatus(run);
    if (!held && !isFinal(status.state) && status.state != RunState::Queued) {
        status.state = RunState::Interrupted;
    }
    return status;
}

const char* toString(RequestKind kind) {
    switch (kind) {
        case RequestKind::Pause:
            return "pause";
        case RequestKind::Resume:
            return "resume";
        case RequestKind::Checkpoint:
            return "checkpoint";
        case RequestKind::Stop:
            return "stop";
    }
    return "";
}

std::int64_t postRequest(const RunDirectory& run, RequestKind kind) {
    std::int64_t last = 0;
    std::filesystem::create_directories(run.requests());
    for (const auto& entry : std::filesystem::directory_iterator(run.requests())) {
        last = std::max(last, requestNumber(entry.path()));
    }
    std::array<char, 32> name{};
    std::snprintf(name.data(), name.size(), "%04lld.json", static_cast<long long>(last + 1));
    const files::OrderedJson json = {{"request", toString(kind)}};
    files::writeAtomically(run.requests() / name.data(), json.dump() + "\n");
    return last + 1;
}

std::vector<Request> pendingRequests(const RunDirectory& run, std::int64_t after) {
    std::vector<Request> requests;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(run.requests(), error)) {
        const std::int64_t number = requestNumber(entry.path());
        if (number <= after) {
            continue;
        }
        try {
            const std::string name = stringField(files::readOrderedJsonFile(entry.path()), "request");
            for (const RequestKind kind : kRequestKinds) {
                if (name == toString(kind)) {
                    requests.push_back({number, kind});
                }
            }
        } catch (const Error&) {
            // Not a request of ours; the run goes on.
        }
    }
    std::sort(requests.begin(), requests.end(), [](const Request& a, const Request& b) { return a.number < b.number; });
    return requests;
}

std::vector<PairExample> readPairs(const std::filesystem::path& file) {
    return readExamples<PairExample>(file, pairFrom);
}

std::vector<RankingExample> readRankings(const std::filesystem::path& file) {
    return readExamples<RankingExample>(file, rankingFrom);
}

std::vector<DemonstrationExample> readDemonstrations(const std::filesystem::path& file) {
    return readExamples<DemonstrationExample>(file, [](const files::OrderedJson& row) {
        DemonstrationExample example;
        example.prompt = passageField(row, "prompt");
        example.completion = answerField(row, "completion", example.prompt);
        return example;
    });
}

std::string toLine(const PairExample& example) {
    files::OrderedJson row = {{"pair", example.id},
                              {"prompt", toJson(example.prompt)},
                              {"chosen", toJson(example.chosen)},
                              {"rejected", toJson(example.rejected)}};
    if (example.strength != 1) {
        row["strength"] = example.strength;
    }
    if (example.preference != 1) {
        row["preference"] = example.preference;
    }
    return files::toLine(row);
}

std::string toLine(const RankingExample& example) {
    files::OrderedJson row = {
        {"pair", example.id}, {"prompt", toJson(example.prompt)}, {"completions", files::OrderedJson::array()}};
    for (const Passage& completion : example.completions) {
        row["completions"].push_back(toJson(completion));
    }
    return files::toLine(row);
}

std::string toLine(const DemonstrationExample& example) {
    return files::toLine(files::OrderedJson{
        {"pair", example.id}, {"prompt", toJson(example.prompt)}, {"completion", toJson(example.completion)}});
}

}  // namespace prefbench::contract
