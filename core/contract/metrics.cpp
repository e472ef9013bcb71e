#include "core/contract/metrics.h"

#include <algorithm>
#include <fstream>

#include "core/contract/json_fields.h"

namespace prefbench::contract {

namespace {

/// Keys of a record that are not metric values.
bool isHeader(const std::string& key) {
    return key == "step" || key == "split" || key == "time" || key == "pairs" || key == "n";
}

MetricRecord recordFromJson(const files::OrderedJson& json) {
    const JsonFields fields(json, "metrics.jsonl");
    MetricRecord record;
    fields.read("step", record.step);
    fields.read("split", record.split);
    fields.read("time", record.time);
    fields.read("n", record.count);
    if (const auto* pairs = fields.find("pairs"); pairs && pairs->is_array()) {
        for (const auto& id : *pairs) {
            record.pairIds.push_back(id.is_string() ? id.get<std::string>() : files::toLine(id));
        }
    }
    for (const auto& [key, value] : json.items()) {
        if (!isHeader(key) && (value.is_number() || value.is_string())) {
            record.values[key] = files::numberFromJson(value, key);
        }
    }
    return record;
}

}  // namespace

files::OrderedJson toJson(const MetricRecord& record) {
    files::OrderedJson json = {
        {"step", record.step}, {"split", record.split}, {"time", record.time}, {"n", record.count}};
    for (const auto& [name, value] : record.values) {
        json[name] = files::OrderedJson(files::numberToJson(value));
    }
    if (!record.pairIds.empty()) {
        json["pairs"] = record.pairIds;
    }
    return json;
}

MetricsReader::MetricsReader(std::filesystem::path file) : file_(std::move(file)) {}

MetricsReader::Update MetricsReader::read() {
    Update update;
    std::ifstream in(file_, std::ios::binary);
    if (!in) {
        return update;
    }
    in.seekg(0, std::ios::end);
    const auto size = static_cast<std::uint64_t>(in.tellg());
    if (size < offset_) {
        // Another file stands in its place: read it from its beginning.
        offset_ = 0;
        partial_.clear();
        records_.clear();
        update.restarted = true;
    }
    in.seekg(static_cast<std::streamoff>(offset_));
    std::string bytes(size - offset_, '\0');
    in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    bytes.resize(static_cast<std::size_t>(in.gcount()));
    offset_ += bytes.size();
    partial_ += bytes;

    std::size_t start = 0;
    for (std::size_t end; (end = partial_.find('\n', start)) != std::string::npos; start = end + 1) {
        take(std::string_view(partial_).substr(start, end - start), update);
    }
    partial_.erase(0, start);
    return update;
}

void MetricsReader::take(std::string_view line, Update& update) {
    files::OrderedJson json;
    try {
        json = files::parseOrderedJson(line, "metrics.jsonl");
        if (json.value("event", "") == "resumed") {
            const std::int64_t from = json.at("from_step").get<std::int64_t>();
            const auto later = [from](const MetricRecord& record) { return record.step > from; };
            update.restarted = true;
            std::erase_if(records_, later);
            std::erase_if(update.added, later);
            return;
        }
        if (!json.contains("step")) {
            return;
        }
        MetricRecord record = recordFromJson(json);
        records_.push_back(record);
        update.added.push_back(std::move(record));
    } catch (const std::exception&) {
        // A line torn by a crash and ended on resume: worth nothing, and no reason to lose the others.
    }
}

}  // namespace prefbench::contract
