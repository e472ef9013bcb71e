#include "app/engine/commands/json_line_loop.h"

#include <cerrno>
#include <iostream>
#include <system_error>

#include "core/files/durable_file.h"
#include "core/files/error.h"

namespace prefbench::engine {

namespace {

bool isStandard(const std::string& name) {
    return name.empty() || name == "-";
}

}  // namespace

void addLineOptions(CLI::App& command, LineFiles& files) {
    command.add_option("--in", files.in, "JSON lines to read (default: standard input)");
    command.add_option("--out", files.out, "file to write (default: standard output)");
}

LineWriter::LineWriter(const LineFiles& files)
    : name_(isStandard(files.out) ? "standard output" : files.out), stream_(isStandard(files.out) ? std::cout : file_) {
    if (!isStandard(files.out)) {
        file_.open(files.out, std::ios::binary | std::ios::trunc);
        if (!file_) {
            throw Error(files.out + ": cannot be written (" + std::generic_category().message(errno) + ")");
        }
    }
}

void LineWriter::write(const files::OrderedJson& value) {
    stream_ << files::toLine(value) << '\n';
}

void LineWriter::fail(std::int64_t line, const std::string& reason) {
    anyFailed_ = true;
    const std::string message = "line " + std::to_string(line) + ": " + reason;
    write({{"error", message}});
    std::cerr << "prefbench-engine: " << message << '\n';
}

void LineWriter::flush() {
    stream_.flush();
}

int LineWriter::finish() {
    if (!stream_.flush()) {
        throw Error(name_ + ": cannot be written (is the disk full?)");
    }
    return anyFailed_ ? 1 : 0;
}

void readLines(const LineFiles& files, const std::function<void(std::int64_t, files::OrderedJson)>& onValue,
               const std::function<void(const files::BadLine&)>& onBad, const std::function<void()>& onWait) {
    std::ifstream file;
    if (!isStandard(files.in)) {
        files::checkReadable(files.in);
        file.open(files.in, std::ios::binary);
    }
    std::istream& in = isStandard(files.in) ? std::cin : file;
    const auto waitIfEmpty = [&] {
        if (onWait && in.rdbuf()->in_avail() <= 0) {
            onWait();
        }
    };
    try {
        files::readJsonLines(
            in,
            [&](std::int64_t number, files::OrderedJson value) {
                onValue(number, std::move(value));
                waitIfEmpty();
            },
            [&](const files::BadLine& bad) {
                onBad(bad);
                waitIfEmpty();
            });
    } catch (const std::ios_base::failure&) {
        throw Error((isStandard(files.in) ? "standard input" : files.in) + ": reading failed (I/O error)");
    }
}

int answerLines(const LineFiles& files, const std::function<files::OrderedJson(const files::OrderedJson&)>& answer) {
    LineWriter out(files);
    readLines(
        files, [&](std::int64_t, const files::OrderedJson& line) { out.write(answer(line)); },
        [&](const files::BadLine& bad) { out.fail(bad.number, bad.reason); }, [&] { out.flush(); });
    return out.finish();
}

std::string requiredText(const files::OrderedJson& line, const char* key) {
    if (!line.is_object()) {
        throw Error("expected an object, found " + files::toLine(line).substr(0, 80));
    }
    const auto found = line.find(key);
    if (found == line.end()) {
        throw Error(std::string("\"") + key + "\" is missing");
    }
    if (!found->is_string()) {
        throw Error(std::string("\"") + key + "\" must be a string, found " + files::toLine(*found).substr(0, 80));
    }
    return found->get<std::string>();
}

bool flagOr(const files::OrderedJson& line, const char* key, bool missing) {
    const auto found = line.find(key);
    if (found == line.end()) {
        return missing;
    }
    if (!found->is_boolean()) {
        throw Error(std::string("\"") + key + "\" must be true or false, found " + files::toLine(*found).substr(0, 80));
    }
    return found->get<bool>();
}

}  // namespace prefbench::engine
