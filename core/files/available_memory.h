#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace prefbench::files {

struct MemoryAvailable {
    std::int64_t bytes = 0;  ///< that this process may have in all, what it has included
    std::string limit;       ///< who says so: "free on this machine", "the control group's limit", …
    std::int64_t own = 0;    ///< what it has

    std::int64_t left() const { return bytes - own; }
};
/// The least of what the machine has free, its control groups (v1 and v2) and the limit on address space allow; `root`
/// stands before /proc and /sys.
MemoryAvailable availableMemory(const std::filesystem::path& root = "/");

}  // namespace prefbench::files
