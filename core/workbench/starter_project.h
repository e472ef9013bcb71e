#pragma once

#include <QString>
#include <memory>

#include "core/project/project.h"

namespace prefbench::workbench {

/// Where this program's data files are: <folder of the program>/../share/prefbench, in a build as in an installed tree.
QString resourceFolder();

/// A new project with the starter's model (copied to NAME.data/models/starter and registered as "Starter") and its
/// prompts, a part of them held out. Error when `path` exists or the starter's files are missing; nothing is left then.
std::unique_ptr<project::Project> createStarterProject(const QString& path);

/// Path of the starter project in `folder`, made there (with the folder) if it is not there yet.
QString ensureStarterProject(const QString& folder);

}  // namespace prefbench::workbench
