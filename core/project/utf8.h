#pragma once

#include <QString>
#include <string>
#include <string_view>

namespace prefbench::project {

/// UTF-8 to QString without loss: a leading U+FEFF stays (QString::fromUtf8 drops it), so that texts come back byte for
/// byte. Invalid sequences become U+FFFD.
QString fromUtf8(std::string_view bytes);
std::string toUtf8(const QString& text);

}  // namespace prefbench::project
