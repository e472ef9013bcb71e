#include "core/files/json_lines.h"

#include <fstream>

#include "core/files/durable_file.h"
#include "core/files/error.h"

namespace prefbench::files {

namespace {

constexpr std::size_t maxLineBytes = std::size_t{64} << 20;
constexpr std::string_view byteOrderMark = "\xEF\xBB\xBF";

/// Reads up to the next newline; false at the end of input. What exceeds the limit is read over, not kept.
bool readLine(std::istream& in, std::string& line, bool& tooLong) {
    line.clear();
    tooLong = false;
    std::streambuf& buffer = *in.rdbuf();
    bool any = false;
    for (int c = buffer.sbumpc(); c != std::char_traits<char>::eof(); c = buffer.sbumpc()) {
        any = true;
        if (c == '\n') {
            return true;
        }
        if (line.size() == maxLineBytes) {
            tooLong = true;
        } else {
            line.push_back(static_cast<char>(c));
        }
    }
    return any;
}

bool isBlank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

void readJsonLines(std::istream& in, const std::function<void(std::int64_t, OrderedJson)>& onValue,
                   const std::function<void(const BadLine&)>& onBad) {
    std::string line;
    bool tooLong = false;
    for (std::int64_t number = 1; readLine(in, line, tooLong); ++number) {
        if (tooLong) {
            onBad({number, "longer than 64 MiB"});
            continue;
        }
        std::string_view text = line;
        if (number == 1 && text.starts_with(byteOrderMark)) {
            text.remove_prefix(byteOrderMark.size());
        }
        if (isBlank(text)) {
            continue;
        }
        try {
            onValue(number, parseOrderedJson(text, {}));
        } catch (const Error& error) {
            onBad({number, error.what()});
        }
    }
}

void readJsonLinesFile(const std::filesystem::path& file, const std::function<void(std::int64_t, OrderedJson)>& onValue,
                       const std::function<void(const BadLine&)>& onBad) {
    checkReadable(file);
    std::ifstream in(file, std::ios::binary);
    try {
        readJsonLines(in, onValue, onBad);
    } catch (const std::ios_base::failure&) {
        throw Error(file.string() + ": reading failed (I/O error)");
    }
}

}  // namespace prefbench::files
