#pragma once

#include <QList>
#include <QString>
#include <optional>

#include "core/project/project.h"

namespace prefbench::project {

struct Model {
    QString id{}, name{};
    QString folder{};  ///< as stored: relative to the project's folder where below it
    QString weightsHash{}, tokenizerHash{};
    QString runId{};  ///< the run that made it, or empty
};

class Models {
  public:
    explicit Models(Project& project) : project_(project) {}
    /// Registers the folder (absolute or relative); the same folder with the same hashes is one row. Hashes the
    /// weights.
    QString ensure(const QString& folder, const QString& name, const QString& runId = {});
    std::optional<Model> find(const QString& id);
    QList<Model> all();

  private:
    Project& project_;
};

}  // namespace prefbench::project
