#include "core/training/run_log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "core/files/error.h"

namespace prefbench::training {
namespace {

bool isStandardError(const std::filesystem::path& file) {
    struct stat own {
    }, other{};
    return ::fstat(STDERR_FILENO, &own) == 0 && ::stat(file.c_str(), &other) == 0 && own.st_dev == other.st_dev &&
           own.st_ino == other.st_ino;
}

}  // namespace

// A log that cannot be written is no reason to end a run.
RunLog::RunLog(const std::filesystem::path& file) {
    try {
        if (!isStandardError(file)) {
            file_ = std::make_unique<files::LineAppender>(file);
        }
    } catch (const Error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

void RunLog::say(const std::string& line) {
    char time[32];
    const std::time_t seconds = std::time(nullptr);
    std::strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S ", std::localtime(&seconds));
    const std::string text = time + line;
    std::fprintf(stderr, "%s\n", text.c_str());
    try {
        if (file_) {
            file_->append(text);
        }
    } catch (const Error&) {
    }
}

}  // namespace prefbench::training
