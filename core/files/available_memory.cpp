#include "core/files/available_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>

namespace prefbench::files {
namespace {

constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();

std::optional<std::int64_t> numberIn(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::int64_t number = 0;
    return in >> number ? std::optional(number) : std::nullopt;  // "max" is no number
}

/// The number that follows `key` at the beginning of a line.
std::optional<std::int64_t> numberAfter(const std::filesystem::path& file, const std::string& key) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
        std::istringstream fields(line);
        std::string name;
        std::int64_t number = 0;
        if (fields >> name >> number && name == key) {
            return number;
        }
    }
    return std::nullopt;
}

/// Pages of this process: 0 of its address space, 1 in memory.
std::int64_t ownBytes(const std::filesystem::path& root, int field) {
    std::ifstream in(root / "proc/self/statm");
    std::int64_t pages[2] = {};
    in >> pages[0] >> pages[1];
    return pages[field] * ::sysconf(_SC_PAGESIZE);
}

/// How one version of control groups calls its files.
struct GroupFiles {
    const char *limit, *used, *cache;
};
constexpr GroupFiles kVersion2 = {"memory.max", "memory.current", "inactive_file"};
constexpr GroupFiles kVersion1 = {"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"};

/// What a group and those above it leave. In a container the group's own path may not be there: then its root's count.
std::int64_t roomInGroup(const std::filesystem::path& mount, std::filesystem::path group, const GroupFiles& names) {
    std::int64_t room = kNoLimit;
    for (;; group = group.parent_path()) {
        const std::filesystem::path folder = mount / group;
        const auto limit = numberIn(folder / names.limit), used = numberIn(folder / names.used);
        if (limit && used && *limit < kNoLimit / 2) {
            const std::int64_t cache = numberAfter(folder / "memory.stat", names.cache).value_or(0);
            room = std::min(room, std::max<std::int64_t>(*limit - *used + cache, 0));
        }
        if (group.empty() || group == ".") {
            return room;
        }
    }
}

std::int64_t roomInGroups(const std::filesystem::path& root) {
    std::ifstream in(root / "proc/self/cgroup");
    std::int64_t room = kNoLimit;
    for (std::string line; std::getline(in, line);) {
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos || second + 1 >= line.size()) {
            continue;
        }
        const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
        const std::filesystem::path group = std::filesystem::path(line.substr(second + 1)).relative_path();
        if (controllers == ",,") {
            room = std::min(room, roomInGroup(root / "sys/fs/cgroup", group, kVersion2));
        } else if (controllers.find(",memory,") != std::string::npos) {
            room = std::min(room, roomInGroup(root / "sys/fs/cgroup/memory", group, kVersion1));
        }
    }
    return room;
}

std::int64_t roomInAddressSpace(const std::filesystem::path& root) {
    struct rlimit limit {};
    if (::getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return kNoLimit;
    }
    return std::max<std::int64_t>(static_cast<std::int64_t>(limit.rlim_cur) - ownBytes(root, 0), 0);
}

}  // namespace

MemoryAvailable availableMemory(const std::filesystem::path& root) {
    const auto kilobytes = numberAfter(root / "proc/meminfo", "MemAvailable:");
    const std::pair<std::int64_t, const char*> rooms[] = {
        {kilobytes ? *kilobytes * 1024 : kNoLimit, "free on this machine"},
        {roomInGroups(root), "left in its control group"},
        {roomInAddressSpace(root), "left of the limit on address space"}};
    const auto least = std::min_element(std::begin(rooms), std::end(rooms));
    const std::int64_t own = ownBytes(root, 1);
    return {least->first > kNoLimit - own ? kNoLimit : least->first + own, least->second, own};
}

}  // namespace prefbench::files
