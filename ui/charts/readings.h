#pragma once

#include <QStringList>
#include <optional>
#include <utility>
#include <vector>

#include "ui/charts/run_data.h"

namespace prefbench::charts {

/// What a chart's header says of its metrics (each with its name, empty when it is the only one): their values at
/// step `at`, or the newest. The same in ever shorter words, as ChartHeader takes it.
QStringList readings(const RunData& data, const std::vector<std::pair<Metric, QString>>& metrics,
                     std::optional<double> at);

}  // namespace prefbench::charts
