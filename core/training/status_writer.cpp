#include "core/training/status_writer.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>

#include "core/files/error.h"

namespace prefbench::training {
namespace {

std::string hostName() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string bootId() {
    std::string id;
    std::getline(std::ifstream("/proc/sys/kernel/random/boot_id") >> std::ws, id);
    return id;
}

/// Field 22 of /proc/self/stat; the name in field 2 may hold spaces and brackets, so fields count from its last one.
std::uint64_t ownStartTime() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    const auto bracket = line.rfind(')');
    if (bracket == std::string::npos) {
        return 0;
    }
    std::istringstream fields(line.substr(bracket + 1));
    std::string field;
    for (int number = 3; number <= 22 && fields >> field; ++number) {
    }
    return std::strtoull(field.c_str(), nullptr, 10);
}

std::time_t bootTime() {
    std::ifstream file("/proc/stat");
    for (std::string key; file >> key; file.ignore(1 << 20, '\n')) {
        long long seconds = 0;
        if (key == "btime" && file >> seconds) {
            return static_cast<std::time_t>(seconds);
        }
    }
    return 0;
}

}  // namespace

double now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string describeHolder(const contract::RunStatus& status) {
    if (status.pid == 0) {
        return "another process";
    }
    std::string text = "process " + std::to_string(status.pid) + " on " + status.host;
    std::time_t since = 0;
    if (status.bootId == bootId() && bootTime() != 0) {
        since = bootTime() +
                static_cast<std::time_t>(status.pidStartTime / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK)));
    }
    char time[64];
    if (since != 0 && std::strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", std::localtime(&since)) > 0) {
        text += std::string(", running since ") + time;
    }
    return text;
}

StatusWriter::StatusWriter(contract::RunDirectory run, contract::RunStatus status)
    : run_(std::move(run)), status_(std::move(status)) {
    status_.host = hostName();
    status_.bootId = bootId();
    status_.pid = ::getpid();
    status_.pidStartTime = ownStartTime();
    thread_ = std::thread([this] { beat(); });
}

StatusWriter::~StatusWriter() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    wake_.notify_all();
    thread_.join();
}

void StatusWriter::note(const std::function<void(contract::RunStatus&)>& change) {
    const std::lock_guard lock(mutex_);
    change(status_);
}

void StatusWriter::publish(const std::function<void(contract::RunStatus&)>& change) {
    const std::lock_guard lock(mutex_);
    change(status_);
    write();
}

contract::RunStatus StatusWriter::status() const {
    const std::lock_guard lock(mutex_);
    return status_;
}

void StatusWriter::beat() {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, std::chrono::seconds(1), [this] { return ending_; })) {
        try {
            write();
        } catch (const Error& error) {
            // The run goes on: the next beat may succeed, and what matters fails on its own.
            std::fprintf(stderr, "heartbeat: %s\n", error.what());
        }
    }
}

void StatusWriter::write() {
    status_.heartbeat = now();
    contract::writeStatus(run_, status_);
}

}  // namespace prefbench::training
