#pragma once

#include <QList>
#include <QString>
#include <optional>

#include "core/project/project.h"

namespace prefbench::project {

enum class AnnotatorKind { Human, Rule, Model };

struct Annotator {
    QString id{}, name{};
    AnnotatorKind kind = AnnotatorKind::Human;
};

class Annotators {
  public:
    explicit Annotators(Project& project) : project_(project) {}
    /// The annotator of that name and kind, made if there is none. Error when the name belongs to another kind.
    QString ensure(const QString& name, AnnotatorKind kind);
    std::optional<Annotator> find(const QString& id);
    QList<Annotator> all();

  private:
    Project& project_;
};

}  // namespace prefbench::project
