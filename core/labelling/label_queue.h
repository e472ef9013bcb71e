#pragma once

#include <QHash>
#include <QString>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "core/project/comparisons.h"
#include "core/project/project.h"

namespace prefbench::labelling {

/// The two-way training comparisons that an annotator has not answered, in serving order. Read whole once per
/// connection (some 50 ms for 50,000), then kept up to date: comparisons added since are read by row number, answers
/// given elsewhere are noticed when a comparison comes up.
class LabelQueue {
  public:
    /// The project's queue for this annotator, made on first use.
    static std::shared_ptr<LabelQueue> of(project::Project& project, const QString& annotatorId);
    /// Forgets it: after answers were stored on this connection without it.
    static void forget(project::Project& project, const QString& annotatorId);

    /// First in order other than `exceptId`, empty when there is none.
    QString first(project::Project& project, const QString& exceptId);
    void answered(const QString& comparisonId);
    void reopened(const project::Comparison& comparison);
    qint64 unanswered() const { return qint64(entries_.size()); }
    qint64 total() const { return total_; }
    /// Reads what was added since.
    void refresh(project::Project& project);

  private:
    struct Entry {
        double priority = 0;
        quint64 order = 0;
        QString id;
        bool operator<(const Entry& other) const {
            return std::tuple(-priority, order, id) < std::tuple(-other.priority, other.order, other.id);
        }
    };
    LabelQueue(project::Project& project, const QString& annotatorId);
    void readAll(project::Project& project);
    bool isAnswered(project::Project& project, const QString& comparisonId) const;
    void insert(const QString& id, double priority);
    void erase(const QString& id);

    QString annotatorId_, projectId_;
    std::set<Entry> entries_;
    QHash<QString, std::set<Entry>::iterator> byId_;
    qint64 total_ = 0;
    qint64 lastRow_ = 0;
    qint64 dataVersion_ = -1;
};

}  // namespace prefbench::labelling
