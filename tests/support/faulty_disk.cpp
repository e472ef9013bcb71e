/// A disk that fails once: loaded before the C library (LD_PRELOAD), it counts what a program writes under a folder and
/// makes one call of them fail.
///   PREFBENCH_FAULT_UNDER    the folder, absolute
///   PREFBENCH_FAULT_BUT      parts of paths that do not count, with colons between them
///   PREFBENCH_FAULT_KIND     ENOSPC, EIO, or short: half is written, and that is what the call says
///   PREFBENCH_FAULT_AT       which call, from 1; 0: only count
///   PREFBENCH_FAULT_REPORT   file, elsewhere, that gets "CALL PATH" of the call that failed, and "calls N" at the end
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

enum class Kind { NoSpace, IoError, Short };

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

template <class Function>
Function* real(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

class Disk {
  public:
    Disk() {
        const std::string kind = variable("PREFBENCH_FAULT_KIND");
        kind_ = kind == "short" ? Kind::Short : kind == "EIO" ? Kind::IoError : Kind::NoSpace;
        at_ = std::atol(variable("PREFBENCH_FAULT_AT").c_str());
        const std::string but = variable("PREFBENCH_FAULT_BUT");
        for (std::size_t begin = 0; begin < but.size();) {
            const std::size_t end = std::min(but.find(':', begin), but.size());
            but_.push_back(but.substr(begin, end - begin));
            begin = end + 1;
        }
    }
    ~Disk() {
        if (calls_ > 0) {
            report("calls " + std::to_string(calls_));
        }
    }

    Kind kind() const { return kind_; }

    /// Whether this call is the one that fails.
    bool fails(const char* call, const std::string& path) {
        if (under_.empty() || !path.starts_with(under_ + "/")) {
            return false;
        }
        const auto holds = [&path](const std::string& part) { return path.find(part) != std::string::npos; };
        if (std::any_of(but_.begin(), but_.end(), holds) || ++calls_ != at_) {
            return false;
        }
        report(std::string(call) + " " + path);
        return true;
    }
    bool fails(const char* call, int descriptor) { return fails(call, pathOf(descriptor)); }

    int error() const { return kind_ == Kind::IoError ? EIO : ENOSPC; }

    static std::string pathOf(int descriptor) {
        char path[4096];
        const std::string link = "/proc/self/fd/" + std::to_string(descriptor);
        const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
        return length > 0 ? std::string(path, static_cast<std::size_t>(length)) : std::string();
    }
    static std::string pathOf(int folder, const char* name) {
        return name[0] == '/' || folder == AT_FDCWD ? name : pathOf(folder) + "/" + name;
    }

  private:
    void report(const std::string& line) const {
        const std::string file = variable("PREFBENCH_FAULT_REPORT");
        const int out = real<int(const char*, int, ...)>("open")(file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
        const std::string text = line + "\n";
        if (out >= 0 && real<ssize_t(int, const void*, size_t)>("write")(out, text.data(), text.size()) >= 0) {
            ::close(out);
        }
    }

    const std::string under_ = variable("PREFBENCH_FAULT_UNDER");
    std::vector<std::string> but_;
    Kind kind_ = Kind::NoSpace;
    long at_ = 0;
    std::atomic<long> calls_{0};
};

Disk& disk() {
    static Disk instance;
    return instance;
}
// Made, and so counted and reported, also where nothing is written.
[[maybe_unused]] const Disk& made = disk();

int failed() {
    errno = disk().error();
    return -1;
}

/// Bytes that a write may take; 0: it fails.
std::size_t allowed(const char* call, int descriptor, std::size_t size) {
    if ((disk().kind() == Kind::Short && size < 2) || !disk().fails(call, descriptor)) {
        return size;
    }
    return disk().kind() == Kind::Short ? size / 2 : 0;
}

bool failsWhole(const char* call, const std::string& path) {
    return disk().kind() != Kind::Short && disk().fails(call, path);
}
bool failsWhole(const char* call, int descriptor) {
    return disk().kind() != Kind::Short && disk().fails(call, descriptor);
}

/// A full disk keeps nobody from opening what is there.
bool openFails(const char* call, const std::string& path, int flags) {
    return ((flags & O_CREAT) != 0 || disk().kind() == Kind::IoError) && failsWhole(call, path);
}

/// open and open64, which differ in their names only.
int openBy(const char* name, const char* path, int flags, va_list& arguments) {
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    return openFails("open", Disk::pathOf(AT_FDCWD, path), flags)
               ? failed()
               : real<int(const char*, int, ...)>(name)(path, flags, mode);
}

}  // namespace

extern "C" {

ssize_t write(int descriptor, const void* bytes, size_t size) {
    const std::size_t most = allowed("write", descriptor, size);
    return most == 0 && size > 0 ? failed() : real<decltype(write)>("write")(descriptor, bytes, most);
}

ssize_t pwrite(int descriptor, const void* bytes, size_t size, off_t offset) {
    const std::size_t most = allowed("pwrite", descriptor, size);
    return most == 0 && size > 0 ? failed() : real<decltype(pwrite)>("pwrite")(descriptor, bytes, most, offset);
}

ssize_t pwrite64(int descriptor, const void* bytes, size_t size, off64_t offset) {
    const std::size_t most = allowed("pwrite64", descriptor, size);
    return most == 0 && size > 0 ? failed() : real<decltype(pwrite64)>("pwrite64")(descriptor, bytes, most, offset);
}

ssize_t writev(int descriptor, const iovec* parts, int count) {
    if (count < 1) {
        return real<decltype(writev)>("writev")(descriptor, parts, count);
    }
    std::size_t size = 0;
    for (int i = 0; i < count; ++i) {
        size += parts[i].iov_len;
    }
    const std::size_t most = allowed("writev", descriptor, size);
    if (most == size) {
        return real<decltype(writev)>("writev")(descriptor, parts, count);
    }
    return most == 0 ? failed()
                     : real<decltype(write)>("write")(descriptor, parts[0].iov_base, std::min(most, parts[0].iov_len));
}

int fsync(int descriptor) {
    return failsWhole("fsync", descriptor) ? failed() : real<decltype(fsync)>("fsync")(descriptor);
}

int fdatasync(int descriptor) {
    return failsWhole("fdatasync", descriptor) ? failed() : real<decltype(fdatasync)>("fdatasync")(descriptor);
}

int ftruncate(int descriptor, off_t size) noexcept {
    return failsWhole("ftruncate", descriptor) ? failed() : real<int(int, off_t)>("ftruncate")(descriptor, size);
}

int rename(const char* from, const char* to) noexcept {
    return failsWhole("rename", Disk::pathOf(AT_FDCWD, to)) ? failed()
                                                            : real<int(const char*, const char*)>("rename")(from, to);
}

int mkdir(const char* path, mode_t mode) noexcept {
    return failsWhole("mkdir", Disk::pathOf(AT_FDCWD, path)) ? failed()
                                                             : real<int(const char*, mode_t)>("mkdir")(path, mode);
}

int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const int descriptor = openBy("open", path, flags, arguments);
    va_end(arguments);
    return descriptor;
}

int open64(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const int descriptor = openBy("open64", path, flags, arguments);
    va_end(arguments);
    return descriptor;
}

int openat(int folder, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return openFails("open", Disk::pathOf(folder, path), flags)
               ? failed()
               : real<int(int, const char*, int, ...)>("openat")(folder, path, flags, mode);
}
}
