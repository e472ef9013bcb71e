#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/contract/passage.h"
#include "core/contract/run_spec.h"
#include "core/files/json.h"

namespace prefbench::contract {

/// Where things stand in a run directory; docs/run-directory.md.
struct RunDirectory {
    std::filesystem::path path;

    std::filesystem::path spec() const { return path / "run.json"; }
    std::filesystem::path trainData() const { return path / "dataset" / "train.jsonl"; }
    std::filesystem::path evalData() const { return path / "dataset" / "eval.jsonl"; }
    std::filesystem::path metrics() const { return path / "metrics.jsonl"; }
    std::filesystem::path margins() const { return path / "margins"; }
    std::filesystem::path samples() const { return path / "samples.jsonl"; }
    std::filesystem::path status() const { return path / "status.json"; }
    std::filesystem::path requests() const { return path / "requests"; }
    std::filesystem::path lock() const { return path / "lock"; }
    std::filesystem::path log() const { return path / "engine.log"; }
    std::filesystem::path checkpoints() const { return path / "checkpoints"; }
    std::filesystem::path finalModel() const { return path / "model"; }
};

enum class RunState { Queued, Preparing, Running, Paused, Finished, Failed, Stopped, Interrupted };
const char* toString(RunState state);
RunState runStateFromString(const std::string& name);
/// Finished, failed, stopped: nothing more will happen by itself.
bool isFinal(RunState state);

/// status.json
struct RunStatus {
    RunState state = RunState::Queued;
    std::int64_t step = 0, totalSteps = 0;
    double stepsPerSecond = 0;
    double etaSeconds = 0;
    std::string message;  ///< for failed: the one-line reason; for preparing: what is being done
    std::string host, bootId;
    std::int64_t pid = 0;
    std::uint64_t pidStartTime = 0;  ///< clock ticks since boot, /proc/PID/stat field 22
    double heartbeat = 0;            ///< seconds since the epoch
    std::int64_t lastRequest = 0;    ///< number of the last request handled
};
files::OrderedJson toJson(const RunStatus& status);
RunStatus runStatusFromJson(const files::OrderedJson& json, const std::string& what);

/// Creates the folder with run.json, dataset/, requests/ and status.json (queued). Fails if `path` exists.
/// `train` and `eval` are JSON lines.
RunDirectory createRunDirectory(const std::filesystem::path& path, const RunSpec& spec, const std::string& train,
                                const std::string& eval);
RunSpec readRunSpec(const RunDirectory& run);
void writeStatus(const RunDirectory& run, const RunStatus& status);
/// As written; Queued for a directory of which nobody has made more than run.json and the dataset.
RunStatus readWrittenStatus(const RunDirectory& run);
/// The same, except that a run that is neither final nor queued and whose lock nobody holds reads as Interrupted.
RunStatus readStatus(const RunDirectory& run);

/// fcntl open-file-description lock on run/lock, close-on-exec: released by the kernel when the holder dies.
class RunLock {
  public:
    /// nullopt when another process holds it.
    static std::optional<RunLock> tryAcquire(const RunDirectory& run);
    static bool isHeld(const RunDirectory& run);
    ~RunLock();
    RunLock(RunLock&& other) noexcept;
    RunLock& operator=(RunLock&& other) noexcept;

  private:
    explicit RunLock(int descriptor) : descriptor_(descriptor) {}
    int descriptor_ = -1;
};

enum class RequestKind { Pause, Resume, Checkpoint, Stop };
const char* toString(RequestKind kind);
/// Writes requests/NNNN.json by rename; returns its number.
std::int64_t postRequest(const RunDirectory& run, RequestKind kind);
struct Request {
    std::int64_t number = 0;
    RequestKind kind = RequestKind::Stop;
};
/// Requests with a number above `after`, in order. Files that are not requests are ignored.
std::vector<Request> pendingRequests(const RunDirectory& run, std::int64_t after);

/// One training example of dataset/*.jsonl: {"pair": comparison id, "prompt", "chosen", "rejected"}, or for sft
/// {"pair": completion id, "prompt", "completion"}, as TRL's data sets have them: all plain text, or all messages of a
/// conversation. One without "pair" is named after its line, "line 12". For plackett_luce also rankings, best first:
/// {"pair": comparison id, "prompt", "completions": […]}.
struct PairExample {
    std::string id;
    Passage prompt, chosen, rejected;
    double strength = 1;    ///< how much better the chosen one is, |score| of the label; above 0
    double preference = 1;  ///< the probability that it is the better one, ½ for a tie
};
struct RankingExample {
    std::string id;
    Passage prompt;
    std::vector<Passage> completions;  ///< two or more, best first
    double preference = 1;             ///< of a pair, as above
};
struct DemonstrationExample {
    std::string id;
    Passage prompt, completion;
};
/// Error naming file and line; also for a ranking.
std::vector<PairExample> readPairs(const std::filesystem::path& file);
/// A pair is a ranking of two. Error naming file and line.
std::vector<RankingExample> readRankings(const std::filesystem::path& file);
std::vector<DemonstrationExample> readDemonstrations(const std::filesystem::path& file);
std::string toLine(const PairExample& example);
std::string toLine(const RankingExample& example);
std::string toLine(const DemonstrationExample& example);

}  // namespace prefbench::contract
