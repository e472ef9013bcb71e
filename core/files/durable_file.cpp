#include "core/files/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/files/error.h"

namespace prefbench::files {

namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const char* what, int number) {
    throw Error(path.string() + ": " + what + " (" + std::generic_category().message(number) + ")");
}

class Descriptor {
  public:
    explicit Descriptor(int number) : number_(number) {}
    ~Descriptor() {
        if (number_ >= 0) {
            ::close(number_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return number_; }
    int release() { return std::exchange(number_, -1); }

  private:
    int number_;
};

int openRetrying(const std::filesystem::path& path, int flags, mode_t mode = 0) {
    int descriptor = -1;
    do {
        descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    } while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

Descriptor openForReading(const std::filesystem::path& file) {
    const int descriptor = openRetrying(file, O_RDONLY);
    if (descriptor < 0) {
        fail(file, "cannot be read", errno);
    }
    return Descriptor(descriptor);
}

/// Goes on where a write was short. Bytes that could not be written; errno then says why.
std::size_t writeMost(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return bytes.size();
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

void writeAll(int descriptor, std::string_view bytes, const std::filesystem::path& file) {
    if (writeMost(descriptor, bytes) > 0) {
        fail(file, "cannot be written", errno);
    }
}

/// A name in the same folder that no other thread or process of this machine uses; a file left under it by a process
/// that died is overwritten.
std::filesystem::path temporaryBeside(const std::filesystem::path& file) {
    static std::atomic<unsigned> counter{0};
    const std::string suffix = kTemporaryMark + std::to_string(::getpid()) + "-" + std::to_string(++counter);
    return file.parent_path() / ("." + file.filename().string() + suffix);
}

std::filesystem::path folderOf(const std::filesystem::path& file) {
    return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

void replaceFile(const std::filesystem::path& file, std::string_view bytes, bool durable) {
    std::error_code ignored;
    // A link is written through, as an ordinary write would.
    const std::filesystem::path target =
        std::filesystem::is_symlink(file, ignored) ? std::filesystem::weakly_canonical(file, ignored) : file;
    const std::filesystem::path temporary = temporaryBeside(target);
    Descriptor out(openRetrying(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0666));
    if (out.get() < 0) {
        fail(file, "cannot be written", errno);
    }
    try {
        struct stat old {};
        if (::stat(target.c_str(), &old) == 0 && ::fchmod(out.get(), old.st_mode & 07777) != 0) {
            fail(file, "its permissions cannot be kept", errno);
        }
        writeAll(out.get(), bytes, file);
        if (durable && ::fsync(out.get()) != 0) {
            fail(file, "cannot be made durable", errno);
        }
        if (::close(out.release()) != 0) {
            fail(file, "cannot be written", errno);
        }
        if (::rename(temporary.c_str(), target.c_str()) != 0) {
            fail(file, "cannot be replaced", errno);
        }
    } catch (const Error&) {
        ::unlink(temporary.c_str());
        throw;
    }
    if (durable) {
        syncPath(folderOf(target));
    }
}

}  // namespace

void checkReadable(const std::filesystem::path& file) {
    const Descriptor in = openForReading(file);
    struct stat status {};
    if (::fstat(in.get(), &status) != 0) {
        fail(file, "cannot be read", errno);
    }
    if (S_ISDIR(status.st_mode)) {
        fail(file, "cannot be read", EISDIR);
    }
}

std::string readFile(const std::filesystem::path& file) {
    const Descriptor in = openForReading(file);
    struct stat status {};
    if (::fstat(in.get(), &status) != 0) {
        fail(file, "cannot be read", errno);
    }
    // Files of /proc and pipes have no size, so the end is where read(2) says it is.
    std::string bytes;
    bytes.resize(std::max<std::size_t>(static_cast<std::size_t>(status.st_size) + 1, 4096));
    std::size_t filled = 0;
    for (;;) {
        const ssize_t got = ::read(in.get(), bytes.data() + filled, bytes.size() - filled);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            fail(file, "cannot be read", errno);
        }
        if (got == 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
        if (filled == bytes.size()) {
            bytes.resize(bytes.size() * 2);
        }
    }
    bytes.resize(filled);
    return bytes;
}

void writeDurably(const std::filesystem::path& file, std::string_view bytes) {
    replaceFile(file, bytes, true);
}

void writeAtomically(const std::filesystem::path& file, std::string_view bytes) {
    replaceFile(file, bytes, false);
}

void syncPath(const std::filesystem::path& path) {
    const Descriptor descriptor = openForReading(path);
    if (::fsync(descriptor.get()) != 0) {
        fail(path, "cannot be made durable", errno);
    }
}

std::uint64_t freeBytes(const std::filesystem::path& path) {
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(path, error);
    if (error) {
        fail(path, "free space cannot be read", error.value());
    }
    return space.available;
}

LineAppender::LineAppender(const std::filesystem::path& file) : file_(file) {
    Descriptor descriptor(openRetrying(file, O_RDWR | O_APPEND | O_CREAT, 0666));
    if (descriptor.get() < 0) {
        fail(file, "cannot be opened for appending", errno);
    }
    struct stat status {};
    if (::fstat(descriptor.get(), &status) != 0) {
        fail(file, "cannot be read", errno);
    }
    char last = '\n';
    if (status.st_size > 0 && ::pread(descriptor.get(), &last, 1, status.st_size - 1) != 1) {
        fail(file, "cannot be read", errno);
    }
    if (last != '\n') {
        writeAll(descriptor.get(), "\n", file);
    }
    descriptor_ = descriptor.release();
}

LineAppender::~LineAppender() {
    ::close(descriptor_);
}

void LineAppender::append(std::string_view line) {
    if (line.find('\n') != std::string_view::npos) {
        throw Error(file_.string() + ": a record may not hold a line end");
    }
    std::string bytes;
    bytes.reserve(line.size() + 2);
    if (torn_) {
        bytes += '\n';
    }
    bytes += line;
    bytes += '\n';
    const std::size_t left = writeMost(descriptor_, bytes);
    if (left > 0) {
        const int reason = errno;
        const bool inPart = left < bytes.size();
        torn_ = inPart || torn_;
        fail(file_, inPart ? "a record was written in part only" : "cannot be written", reason);
    }
    torn_ = false;
}

void LineAppender::sync() {
    if (::fsync(descriptor_) != 0) {
        fail(file_, "cannot be made durable", errno);
    }
}

}  // namespace prefbench::files
