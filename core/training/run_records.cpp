#include "core/training/run_records.h"

#include <algorithm>

#include "core/training/resources.h"
#include "core/training/status_writer.h"

namespace prefbench::training {

contract::MetricRecord recordOf(const StepReport& report, double epochs, double seconds) {
    contract::MetricRecord record;
    record.step = report.step;
    record.split = "train";
    record.time = now();
    record.values = report.pairMetrics;
    record.values["loss"] = report.loss;
    record.values["grad_norm"] = report.gradientNorm;
    record.values["learning_rate"] = report.learningRate;
    record.values["epoch"] = epochs;
    record.values["pairs_per_second"] = static_cast<double>(report.ids.size()) / seconds;
    record.values["tokens_per_second"] = static_cast<double>(report.tokens) / seconds;
    record.values["peak_memory_bytes"] = static_cast<double>(peakMemoryBytes());
    if (report.skipped) {
        record.values["skipped"] = 1;
    }
    record.pairIds = report.ids;
    record.count = static_cast<std::int64_t>(report.ids.size());
    return record;
}

contract::MetricRecord recordOf(const Evaluation& evaluation, std::int64_t step, const Dataset& dataset) {
    contract::MetricRecord record;
    record.step = step;
    record.split = "eval";
    record.time = now();
    record.values = evaluation.values;
    record.count = static_cast<std::int64_t>(dataset.examples.size());
    return record;
}

bool hasEvaluation(const contract::RunDirectory& run, std::int64_t step) {
    contract::MetricsReader reader(run.metrics());
    reader.read();
    return std::any_of(reader.records().begin(), reader.records().end(), [step](const contract::MetricRecord& record) {
        return record.split == "eval" && record.step == step;
    });
}

}  // namespace prefbench::training
