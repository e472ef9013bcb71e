#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <fstream>
#include <functional>
#include <iosfwd>
#include <string>

#include "core/files/json_lines.h"

namespace prefbench::engine {

/// Where a command's JSON lines come from and go to; empty or "-" is standard input or output.
struct LineFiles {
    std::string in;
    std::string out;
};

/// Adds --in and --out.
void addLineOptions(CLI::App& command, LineFiles& files);

/// Output of JSON lines; counts the lines that failed.
class LineWriter {
  public:
    /// Throws Error when the file cannot be written.
    explicit LineWriter(const LineFiles& files);

    void write(const files::OrderedJson& value);
    /// Writes {"error": "line N: reason"}, and the same on standard error.
    void fail(std::int64_t line, const std::string& reason);
    void flush();
    /// Flushes; throws Error when something could not be written. Returns the exit status: 1 when a line failed.
    int finish();

  private:
    std::string name_;
    std::ofstream file_;
    std::ostream& stream_;
    bool anyFailed_ = false;
};

/// Calls `onValue` for each line and `onBad` for each line that is no JSON value; see files::readJsonLines. `onWait`,
/// when given, is called before each read that may have to wait for input. Throws Error when the file cannot be read.
void readLines(const LineFiles& files, const std::function<void(std::int64_t, files::OrderedJson)>& onValue,
               const std::function<void(const files::BadLine&)>& onBad, const std::function<void()>& onWait = {});

/// Answers each line of input with one line of output, in order. An Error that `answer` throws costs its line only.
/// Returns the exit status.
int answerLines(const LineFiles& files, const std::function<files::OrderedJson(const files::OrderedJson&)>& answer);

/// Fields of one line; an Error names the key and what was expected.
std::string requiredText(const files::OrderedJson& line, const char* key);
bool flagOr(const files::OrderedJson& line, const char* key, bool missing);

}  // namespace prefbench::engine
