#pragma once

#include <filesystem>
#include <string_view>

namespace prefbench::fuzz {

/// A file that lies in memory, for readers that take a path. Its name does not show what kind of file it is.
class MemoryFile {
  public:
    explicit MemoryFile(std::string_view bytes);
    ~MemoryFile();
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;

    std::filesystem::path path() const;

  private:
    int descriptor_;
};

}  // namespace prefbench::fuzz
