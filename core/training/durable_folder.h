#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

namespace prefbench::training {

/// Whether a folder gets a manifest.json that lists its files with size and SHA-256.
enum class Manifest { Yes, No };

/// Makes `target` whole or not at all, also across a power cut: `fill` writes files into a temporary folder beside it,
/// each is fsynced, the manifest added, the folder renamed, its parent fsynced. What stood at `target` is replaced. On
/// any failure the temporary folder is removed and the Error passed on.
void writeFolderDurably(const std::filesystem::path& target,
                        const std::function<void(const std::filesystem::path&)>& fill,
                        Manifest manifest = Manifest::Yes);

/// Nullopt when every file that manifest.json lists is there with its size and hash; else what is wrong, in one line.
std::optional<std::string> folderDefect(const std::filesystem::path& folder);

/// Removes temporary folders, and temporary files of files::writeDurably and writeAtomically, that a crash left in
/// `parent`. Nobody else may be writing there.
void removeLeftovers(const std::filesystem::path& parent);

/// Error when the file system of `folder` has less than `neededBytes` free; says what for and how much to free.
void requireFreeSpace(const std::filesystem::path& folder, std::uint64_t neededBytes, const std::string& purpose);

inline constexpr const char* kManifestName = "manifest.json";

}  // namespace prefbench::training
