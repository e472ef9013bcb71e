#pragma once

#include <QList>
#include <QString>
#include <optional>

#include "core/project/project.h"

namespace prefbench::project {

struct Comparison {
    QString id{}, promptId{};
    QList<QString> completionIds{};                ///< two or more, ordered
    QString origin{};                              ///< sampled, import
    QString purpose = QStringLiteral("training");  ///< training, evaluation
    double priority = 0;
};

class Comparisons {
  public:
    explicit Comparisons(Project& project) : project_(project) {}
    QString add(Comparison comparison);
    std::optional<Comparison> find(const QString& id);
    qint64 count();
    /// The two-way training comparisons: what annotators are asked.
    qint64 countToLabel();
    QList<Comparison> page(const QString& afterId = {}, int limit = 1000);
    QList<Comparison> ofPrompt(const QString& promptId);

  private:
    Project& project_;
};

}  // namespace prefbench::project
