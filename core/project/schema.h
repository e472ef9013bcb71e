#pragma once

#include <span>

#include "core/project/project.h"

namespace prefbench::project {

/// "PrfB" in the file's header marks a Prefbench project.
inline constexpr int applicationId = 0x50726642;

/// One step of the schema: its statements, run in one transaction that also sets `user_version` to `version`.
struct Migration {
    int version = 0;
    std::span<const char* const> statements;
};

/// All steps, from an empty file on, in order. A step that has landed never changes; docs/project-file.md describes the
/// result.
std::span<const Migration> migrations();
int newestVersion();

int schemaVersion(Project& project);
/// Brings the file to the last of `steps`, one transaction a step; a step that fails leaves the file at the one before.
void migrate(Project& project, std::span<const Migration> steps = migrations());

}  // namespace prefbench::project
