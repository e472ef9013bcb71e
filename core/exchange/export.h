#pragma once

#include <QString>

#include "core/project/project.h"

namespace prefbench::exchange {

struct ExportReport {
    qint64 rows = 0, ties = 0;  ///< ties are left out
    QString summary() const;
};

/// format "trl-pairs": {"prompt","chosen","rejected"} a line, which `datasets` loads; one row a current decided label.
/// Written to a temporary file and renamed. Error when nothing is to be exported or the file cannot be written.
ExportReport exportPairs(project::Project& project, const QString& file,
                         const QString& format = QStringLiteral("trl-pairs"));
QStringList exportFormats();

/// Copies a finished run's model folder (or a checkpoint's) to `folder`, which must not exist or be empty.
void exportModel(const QString& modelFolder, const QString& folder);

}  // namespace prefbench::exchange
