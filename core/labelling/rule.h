#pragma once

#include <QString>
#include <QStringList>
#include <memory>

#include "core/project/project.h"

namespace prefbench::labelling {

/// A stated rule that can stand in for an annotator: a score of one answer, higher is better.
class Rule {
  public:
    virtual ~Rule() = default;
    virtual double score(const QString& prompt, const QString& answer) const = 0;
    /// Error naming the rule and the rules there are.
    static std::unique_ptr<Rule> byName(const QString& name);
    static QStringList names();
};

/// Answers every two-way comparison that `annotator` (of kind rule) has not answered, with the rule's choice (±2);
/// equal scores are ties. With probability `noise` (drawn from the seed and the texts, so the same in every copy of a
/// project) a decided answer is flipped. Returns how many were answered.
qint64 labelByRule(project::Project& project, const Rule& rule, const QString& annotator, double noise, quint64 seed);

}  // namespace prefbench::labelling
