#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "core/contract/run_directory.h"
#include "core/files/error.h"

namespace prefbench::contract {

namespace {

struct flock wholeFile(short type) {
    struct flock lock {};
    lock.l_type = type;
    lock.l_whence = SEEK_SET;
    return lock;
}

}  // namespace

std::optional<RunLock> RunLock::tryAcquire(const RunDirectory& run) {
    const int descriptor = ::open(run.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor < 0) {
        throw Error(run.lock().string() + ": " + std::strerror(errno));
    }
    struct flock lock = wholeFile(F_WRLCK);
    if (::fcntl(descriptor, F_OFD_SETLK, &lock) == 0) {
        return RunLock(descriptor);
    }
    const int reason = errno;
    ::close(descriptor);
    if (reason == EAGAIN || reason == EACCES) {
        return std::nullopt;
    }
    throw Error(run.lock().string() + ": " + std::strerror(reason));
}

bool RunLock::isHeld(const RunDirectory& run) {
    const int descriptor = ::open(run.lock().c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        return false;
    }
    // Asking (rather than trying) never takes the lock, so that a reader cannot keep an engine from it.
    struct flock lock = wholeFile(F_WRLCK);
    const bool held = ::fcntl(descriptor, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    ::close(descriptor);
    return held;
}

RunLock::~RunLock() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
    }
}

RunLock::RunLock(RunLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

RunLock& RunLock::operator=(RunLock&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
}

}  // namespace prefbench::contract
