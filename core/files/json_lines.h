#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <istream>
#include <string>

#include "core/files/json.h"

namespace prefbench::files {

struct BadLine {
    std::int64_t number = 0;  ///< 1-based
    std::string reason;       ///< without the number
};

/// Calls `onValue(lineNumber, value)` for every line that is a JSON value and `onBad` for every other non-blank line.
/// A line costs itself only. An Error thrown by `onValue` counts as a bad line with that message. Lines end with \n or
/// \r\n; a leading U+FEFF is dropped; the last line needs no end. Lines longer than 64 MiB are bad.
void readJsonLines(std::istream& in, const std::function<void(std::int64_t, OrderedJson)>& onValue,
                   const std::function<void(const BadLine&)>& onBad);

/// The same over a file; throws Error only where the file cannot be read at all.
void readJsonLinesFile(const std::filesystem::path& file, const std::function<void(std::int64_t, OrderedJson)>& onValue,
                       const std::function<void(const BadLine&)>& onBad);

}  // namespace prefbench::files
