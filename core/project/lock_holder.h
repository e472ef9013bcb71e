#pragma once

#include <QString>

namespace prefbench::project {

/// Who holds a file lock on `path` ("process 4711 (prefbench-cli)"), or empty where it cannot be told: another host, or
/// not Linux. Reads /proc/locks: opening and closing the file itself would drop this process's own locks on it.
QString lockHolder(const QString& path);

}  // namespace prefbench::project
