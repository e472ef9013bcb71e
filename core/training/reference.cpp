#include "core/training/reference.h"

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <system_error>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/safetensors.h"
#include "core/files/sha256.h"

namespace prefbench::training {
namespace {

constexpr const char* kTensor = "reference_logps";
constexpr const char* kChecksum = "sha256";

std::string_view bytesOf(const ReferenceLogProbs& values) {
    return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(double)};
}

void addIds(files::Sha256& hash, const std::vector<text::TokenId>& ids) {
    const auto count = static_cast<std::uint64_t>(ids.size());
    hash.update({reinterpret_cast<const char*>(&count), sizeof(count)});
    hash.update({reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(text::TokenId)});
}

std::filesystem::path fileOf(const std::filesystem::path& folder, const std::string& key) {
    return folder / (key + ".safetensors");
}

std::string begunKey(const std::string& key, const std::string& way) {
    return key + "-begun-" + way;
}

/// nullopt where there are none, or they are damaged.
std::optional<ReferenceLogProbs> readNumbers(const std::filesystem::path& file) {
    if (!std::filesystem::exists(file)) {
        return std::nullopt;
    }
    try {
        const files::SafetensorsFile source = files::SafetensorsFile::open(file);
        const files::TensorInfo* info = source.find(kTensor);
        const auto checksum = source.metadata().find(kChecksum);
        if (!info || info->dtype != files::DType::F64 || checksum == source.metadata().end()) {
            return std::nullopt;
        }
        const std::span<const std::byte> bytes = source.data(*info);
        ReferenceLogProbs values(bytes.size() / sizeof(double));
        std::memcpy(values.data(), bytes.data(), bytes.size());
        if (files::sha256Hex(bytesOf(values)) != checksum->second) {
            return std::nullopt;
        }
        return values;
    } catch (const Error&) {
        return std::nullopt;
    }
}

}  // namespace

std::string referenceKey(const ReferenceIdentity& identity, const Dataset& dataset) {
    files::Sha256 hash;
    hash.update("prefbench reference 2\n" + identity.weightsHash + "\n" + identity.tokenizerHash + "\n" +
                identity.dtype + "\n" + std::to_string(identity.maxLength) + "\n" +
                std::to_string(identity.lengthAlpha) + "\n");
    for (const Example& example : dataset.examples) {
        addIds(hash, example.prompt);
        for (const auto& completion : example.completions) {
            addIds(hash, completion);
        }
    }
    return hash.hex();
}

std::optional<ReferenceLogProbs> readCachedReference(const std::filesystem::path& folder, const std::string& key,
                                                     std::size_t count) {
    std::optional<ReferenceLogProbs> values = readNumbers(fileOf(folder, key));
    return values && values->size() == count ? std::move(values) : std::nullopt;
}

ReferenceLogProbs readBegunReference(const std::filesystem::path& folder, const std::string& key,
                                     const std::string& way) {
    return readNumbers(fileOf(folder, begunKey(key, way))).value_or(ReferenceLogProbs{});
}

void keepBegunReference(const std::filesystem::path& folder, const std::string& key, const std::string& way,
                        const ReferenceLogProbs& logProbs) {
    cacheReference(folder, begunKey(key, way), logProbs);
}

void removeBegunReference(const std::filesystem::path& folder, const std::string& key, const std::string& way) {
    std::error_code error;  // one that stays is in nobody's way
    std::filesystem::remove(fileOf(folder, begunKey(key, way)), error);
}

void cacheReference(const std::filesystem::path& folder, const std::string& key, const ReferenceLogProbs& logProbs) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) {
        throw Error(folder.string() + ": " + error.message());
    }
    const std::filesystem::path target = fileOf(folder, key);
    // Two runs may compute the same reference at once: each writes a file of its own.
    const std::filesystem::path partial = folder / (key + "." + std::to_string(::getpid()) + ".partial");
    try {
        files::writeSafetensors(partial,
                                {{kTensor,
                                  files::DType::F64,
                                  {static_cast<std::int64_t>(logProbs.size())},
                                  std::as_bytes(std::span(logProbs))}},
                                {{kChecksum, files::sha256Hex(bytesOf(logProbs))}});
        std::filesystem::rename(partial, target);
    } catch (...) {
        std::filesystem::remove(partial, error);
        throw;
    }
    files::syncPath(folder);
}

}  // namespace prefbench::training
