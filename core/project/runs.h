#pragma once

#include <QList>
#include <QString>
#include <optional>

#include "core/project/project.h"

namespace prefbench::project {

/// Index of run directories; the directory is the truth.
struct Run {
    QString id{}, name{}, method{};
    QString folder{};   ///< as stored
    QString modelId{};  ///< the model it starts from
    QString created{};  ///< ISO 8601, UTC
    QString state{};    ///< last seen
    qint64 step = 0, totalSteps = 0;
    int colour = 0;  ///< index into the palette of runs, the same for the life of the project
};

class Runs {
  public:
    explicit Runs(Project& project) : project_(project) {}
    /// Takes id, name, method, folder, modelId; assigns created and colour.
    void add(const Run& run);
    std::optional<Run> find(const QString& id);
    QList<Run> all();
    void updateProgress(const QString& id, const QString& state, qint64 step, qint64 totalSteps);

  private:
    Project& project_;
};

}  // namespace prefbench::project
