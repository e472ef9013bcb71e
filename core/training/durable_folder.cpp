#include "core/training/durable_folder.h"

#include <algorithm>
#include <cstdio>
#include <system_error>
#include <vector>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/json.h"
#include "core/files/sha256.h"

namespace prefbench::training {
namespace {

constexpr const char* kPartialSuffix = ".partial";

std::vector<std::filesystem::path> filesIn(const std::filesystem::path& folder) {
    std::vector<std::filesystem::path> result;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        result.push_back(entry.path());
    }
    std::sort(result.begin(), result.end());
    return result;
}

void writeManifest(const std::filesystem::path& folder) {
    files::OrderedJson list = files::OrderedJson::object();
    for (const auto& file : filesIn(folder)) {
        list[file.filename().string()] = {{"bytes", std::filesystem::file_size(file)},
                                          {"sha256", files::sha256File(file)}};
    }
    files::writeDurably(folder / kManifestName, files::OrderedJson{{"format", 1}, {"files", list}}.dump(2) + "\n");
}

/// A hidden folder beside `target`: a rename does not cross file systems.
std::filesystem::path partialNameFor(const std::filesystem::path& target) {
    std::string name = ".";
    name += target.filename().string();
    name += kPartialSuffix;
    return target.parent_path() / name;
}

std::string megabytes(std::uint64_t bytes) {
    std::string text(32, '\0');
    text.resize(
        static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.1f MB", static_cast<double>(bytes) / 1e6)));
    return text;
}

}  // namespace

void writeFolderDurably(const std::filesystem::path& target,
                        const std::function<void(const std::filesystem::path&)>& fill, Manifest manifest) {
    const std::filesystem::path parent = target.parent_path();
    const std::filesystem::path partial = partialNameFor(target);
    std::error_code ignored;
    try {
        std::filesystem::create_directories(parent);
        std::filesystem::remove_all(partial);
        std::filesystem::create_directory(partial);
        fill(partial);
        for (const auto& file : filesIn(partial)) {
            files::syncPath(file);
        }
        if (manifest == Manifest::Yes) {
            writeManifest(partial);
        }
        files::syncPath(partial);
        std::filesystem::remove_all(target);
        std::filesystem::rename(partial, target);
        files::syncPath(parent);
    } catch (const std::filesystem::filesystem_error& error) {
        std::filesystem::remove_all(partial, ignored);
        throw Error(target.string() + ": " + error.code().message());
    } catch (...) {
        std::filesystem::remove_all(partial, ignored);
        throw;
    }
}

std::optional<std::string> folderDefect(const std::filesystem::path& folder) {
    try {
        const files::OrderedJson manifest = files::readOrderedJsonFile(folder / kManifestName);
        for (const auto& [name, entry] : manifest.at("files").items()) {
            const std::filesystem::path file = folder / name;
            std::error_code error;
            const std::uint64_t bytes = std::filesystem::file_size(file, error);
            if (error) {
                return file.string() + ": " + error.message();
            }
            if (bytes != entry.at("bytes").get<std::uint64_t>()) {
                return file.string() + ": " + std::to_string(bytes) + " bytes, the manifest says " +
                       entry.at("bytes").dump();
            }
            if (files::sha256File(file) != entry.at("sha256").get<std::string>()) {
                return file.string() + ": its SHA-256 is not the manifest's";
            }
        }
        return std::nullopt;
    } catch (const Error& error) {
        return error.what();
    } catch (const files::Json::exception& error) {
        return (folder / kManifestName).string() + ": not a manifest";
    }
}

void removeLeftovers(const std::filesystem::path& parent) {
    std::error_code error;
    std::vector<std::filesystem::path> leftovers;
    for (const auto& entry : std::filesystem::directory_iterator(parent, error)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with('.') &&
            (name.ends_with(kPartialSuffix) || name.find(files::kTemporaryMark) != std::string::npos)) {
            leftovers.push_back(entry.path());
        }
    }
    for (const auto& leftover : leftovers) {
        std::filesystem::remove_all(leftover, error);
    }
}

void requireFreeSpace(const std::filesystem::path& folder, std::uint64_t neededBytes, const std::string& purpose) {
    const std::uint64_t free = files::freeBytes(folder);
    if (free < neededBytes) {
        throw Error(folder.string() + ": disk full: " + purpose + " take " + megabytes(neededBytes) + ", " +
                    megabytes(free) + " are free; free " + megabytes(neededBytes - free) + " more");
    }
}

}  // namespace prefbench::training
