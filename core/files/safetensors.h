#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace prefbench::files {

/// Element types of the safetensors format that we read and write, under the format's names.
enum class DType { F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool };

const char* dtypeName(DType type);
std::size_t dtypeBytes(DType type);

struct TensorInfo {
    std::string name;
    DType dtype = DType::F32;
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0;  ///< byte offsets into the data part
    std::uint64_t end = 0;
};

/// A safetensors file, mapped privately: what is written to its bytes in memory never reaches the file. Everything of
/// DESIGN "Bad input" is checked before any byte of data is touched. Errors name the file, the tensor, what was found
/// and what was expected. Format: https://github.com/huggingface/safetensors (8-byte little-endian header length, JSON
/// header, data).
class SafetensorsFile {
  public:
    static SafetensorsFile open(const std::filesystem::path& file);

    const std::filesystem::path& path() const { return path_; }
    /// In the order of their data.
    const std::vector<TensorInfo>& tensors() const { return tensors_; }
    /// nullptr when there is none of that name.
    const TensorInfo* find(const std::string& name) const;
    /// Valid while this object, or what `mapping` returned, lives. Not aligned to more than the format promises.
    std::span<std::byte> data(const TensorInfo& tensor) const;
    std::shared_ptr<void> mapping() const { return mapping_; }
    /// Gives the memory of a tensor's pages back; read again, they come from the file. What was written to them is
    /// lost.
    void forget(const TensorInfo& tensor) const;
    const std::map<std::string, std::string>& metadata() const { return metadata_; }

  private:
    SafetensorsFile() = default;
    std::filesystem::path path_;
    std::vector<TensorInfo> tensors_;
    std::map<std::string, std::string> metadata_;
    std::shared_ptr<void> mapping_;
    std::size_t dataStart_ = 0;
};

/// One tensor to write; `data` must stay valid during the call.
struct TensorToWrite {
    std::string name;
    DType dtype = DType::F32;
    std::vector<std::int64_t> shape;
    std::span<const std::byte> data;
};

/// Writes (and fsyncs) a safetensors file; header padded with spaces to a multiple of 8 so that data is aligned.
/// Throws Error with file and reason; a partial file may remain under `file`: write into a temporary folder.
void writeSafetensors(const std::filesystem::path& file, const std::vector<TensorToWrite>& tensors,
                      const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace prefbench::files
