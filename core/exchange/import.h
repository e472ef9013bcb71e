#pragma once

#include <QList>
#include <QString>

#include "core/project/project.h"
#include "core/project/prompts.h"

namespace prefbench::exchange {

struct ImportProblem {
    qint64 line = 0;  ///< 1-based
    QString reason;
};

struct ImportReport {
    QString format;  ///< the one used: prompts-text, prompts-jsonl, trl-pairs
    qint64 prompts = 0, comparisons = 0, judgements = 0, duplicates = 0;
    QList<ImportProblem> problems;
    QString summary() const;  ///< one line for people
    QByteArray toJson() const;
};

/// format: "auto", "prompts-text" (one a line), "prompts-jsonl" ({"prompt"}), "trl-pairs"
/// ({"prompt","chosen","rejected"}). Good lines go in in one transaction; bad ones are reported by number. Pairs arrive
/// labelled (annotator "import", score +2, chosen first). Error when the file cannot be read or no line is usable.
ImportReport importFile(project::Project& project, const QString& file, const QString& format = QStringLiteral("auto"),
                        project::Split split = project::Split::Train);
/// Names that `format` takes, auto first.
QStringList importFormats();

}  // namespace prefbench::exchange
