#pragma once

#include <QString>

namespace prefbench::charts {

/// A value as the page shows it: three significant digits, grouped thousands.
QString readable(double value);

}  // namespace prefbench::charts
