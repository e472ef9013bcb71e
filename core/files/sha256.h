#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace prefbench::files {

/// FIPS 180-4 SHA-256, fed in pieces.
class Sha256 {
  public:
    Sha256();
    void update(std::string_view bytes);
    /// Lower-case hexadecimal, 64 characters. The object is spent afterwards.
    std::string hex();

  private:
    void block(const unsigned char* bytes);
    std::array<std::uint32_t, 8> state_{};
    std::array<unsigned char, 64> pending_{};
    std::uint64_t total_ = 0;
};

std::string sha256Hex(std::string_view bytes);
/// Feeds a whole file, in pieces; Error names the file and the system's reason.
void updateFromFile(Sha256& hash, const std::filesystem::path& file);
std::string sha256File(const std::filesystem::path& file);

}  // namespace prefbench::files
