#include "ui/charts/readable.h"

#include <QLocale>
#include <cmath>

namespace prefbench::charts {

QString readable(double value) {
    if (!std::isfinite(value)) {
        return QStringLiteral("–");
    }
    if (value == 0) {
        return QStringLiteral("0");
    }
    const QLocale locale;
    const double size = std::abs(value);
    if (size < 1e-4 || size >= 1e7) {
        return locale.toString(value, 'e', 1);
    }
    const int decimals = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 4;
    return locale.toString(value, 'f', decimals).replace(QLatin1Char('-'), QChar(0x2212));
}

}  // namespace prefbench::charts
