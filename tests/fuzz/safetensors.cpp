#include "core/files/safetensors.h"

#include <algorithm>
#include <cstring>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/json_mutator.h"
#include "tests/fuzz/memory_file.h"

using namespace prefbench;

namespace {

constexpr std::size_t lengthBytes = 8;

std::uint64_t littleEndian(const std::uint8_t* data) {
    std::uint64_t value = 0;
    for (std::size_t i = lengthBytes; i > 0; --i) {
        value = value << 8 | data[i - 1];
    }
    return value;
}

void checkTensors(const files::SafetensorsFile& file) {
    std::uint64_t next = 0;
    for (const files::TensorInfo& tensor : file.tensors()) {
        fuzz::require(tensor.begin == next && tensor.begin <= tensor.end, "tensors lie side by side");
        next = tensor.end;
        std::uint64_t bytes = files::dtypeBytes(tensor.dtype);
        for (const std::int64_t size : tensor.shape) {
            fuzz::require(size >= 0, "no size is negative");
            bytes *= static_cast<std::uint64_t>(size);
        }
        const std::span<std::byte> data = file.data(tensor);
        fuzz::require(data.size() == bytes, "a tensor holds what its shape says");
        std::fill(data.begin(), data.end(), std::byte{1});
        const files::TensorInfo* found = file.find(tensor.name);
        fuzz::require(found == &tensor, "a tensor is found by its name");
        file.forget(tensor);
    }
}

/// What was read is written, and read again as the same.
void checkWriting(const files::SafetensorsFile& file) {
    std::vector<files::TensorToWrite> tensors;
    for (const files::TensorInfo& tensor : file.tensors()) {
        tensors.push_back({tensor.name, tensor.dtype, tensor.shape, file.data(tensor)});
    }
    const fuzz::MemoryFile copy({});
    files::writeSafetensors(copy.path(), tensors, file.metadata());
    const files::SafetensorsFile again = files::SafetensorsFile::open(copy.path());
    fuzz::require(again.metadata() == file.metadata(), "metadata comes back");
    for (const files::TensorInfo& tensor : file.tensors()) {
        const files::TensorInfo* found = again.find(tensor.name);
        fuzz::require(found != nullptr && found->dtype == tensor.dtype && found->shape == tensor.shape,
                      "a written tensor comes back");
        const std::span<std::byte> a = file.data(tensor), b = again.data(*found);
        fuzz::require(std::equal(a.begin(), a.end(), b.begin(), b.end()), "a written tensor's data come back");
    }
}

}  // namespace

/// Mutates the header as JSON and writes its new length, or every byte.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t maxSize,
                                               unsigned seed) {
    const std::uint64_t header = size >= lengthBytes ? littleEndian(data) : 0;
    if (header == 0 || header > size - lengthBytes || maxSize <= size) {
        return fuzz::mutateJson(data, size, maxSize, seed);
    }
    const std::string rest(fuzz::viewOf(data, size).substr(lengthBytes + header));
    const std::size_t mutated = fuzz::mutateJson(data + lengthBytes, header, maxSize - lengthBytes - rest.size(), seed);
    for (std::size_t i = 0; i < lengthBytes; ++i) {
        data[i] = static_cast<std::uint8_t>(mutated >> (8 * i));
    }
    std::memcpy(data + lengthBytes + mutated, rest.data(), rest.size());
    return lengthBytes + mutated + rest.size();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const fuzz::MemoryFile file(fuzz::viewOf(data, size));
    fuzz::accepted([&] {
        const files::SafetensorsFile tensors = files::SafetensorsFile::open(file.path());
        checkWriting(tensors);
        checkTensors(tensors);
    });
    return 0;
}
