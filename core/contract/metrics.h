#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"

namespace prefbench::contract {

/// One line of metrics.jsonl. Names are TRL's ("loss", "rewards/chosen", …; evaluation records carry the same names
/// with split "eval").
struct MetricRecord {
    std::int64_t step = 0;                 ///< optimizer steps done; 0 = before the first
    std::string split;                     ///< "train" or "eval"
    double time = 0;                       ///< seconds since the epoch
    std::map<std::string, double> values;  ///< may be non-finite
    std::vector<std::string> pairIds;      ///< comparisons that a train step used
    std::int64_t count = 0;                ///< eval: pairs evaluated; train: pairs in the step
};

files::OrderedJson toJson(const MetricRecord& record);

/// Reads metrics.jsonl as it grows: call `read` again and again. A torn last line waits for its end. After a
/// {"event":"resumed","from_step":N} record, records past N that were written before it are dropped.
class MetricsReader {
  public:
    explicit MetricsReader(std::filesystem::path file);

    /// What changed since the last call.
    struct Update {
        std::vector<MetricRecord> added;
        bool restarted = false;  ///< earlier records were dropped: take `records()` anew
    };
    Update read();
    /// All valid records so far, in file order.
    const std::vector<MetricRecord>& records() const { return records_; }

  private:
    void take(std::string_view line, Update& update);

    std::filesystem::path file_;
    std::uint64_t offset_ = 0;
    std::string partial_;
    std::vector<MetricRecord> records_;
};

}  // namespace prefbench::contract
