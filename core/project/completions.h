#pragma once

#include <QHash>
#include <QList>
#include <QString>
#include <optional>

#include "core/project/project.h"

namespace prefbench::project {

/// One act of sampling: model, settings, seed.
struct Generation {
    QString id{}, modelId{};
    QByteArray settings{};  ///< JSON of contract::SamplingSettings
    quint64 seed = 0;
};

struct Completion {
    QString id{}, promptId{};
    QString generationId{};  ///< empty for human and import
    QString text{};
    QList<qint64> tokenIds{};
    std::optional<double> logProbability{};    ///< nats, summed
    QString finishReason{};                    ///< stop, length, or empty
    QString origin = QStringLiteral("model");  ///< model, human, import
    QString parentId{};                        ///< the completion it was edited from
    bool demonstration = false;
};

class Completions {
  public:
    explicit Completions(Project& project) : project_(project) {}
    QString addGeneration(const QString& modelId, const QByteArray& settings, quint64 seed);
    /// Gives it an id if it has none. The same (prompt, text, origin, generation) is added again: samples may coincide.
    QString add(Completion completion);
    std::optional<Completion> find(const QString& id);
    QList<Completion> ofPrompt(const QString& promptId);
    QList<Completion> ofGeneration(const QString& generationId);
    qint64 count();
    QHash<QString, Completion> byIds(const QList<QString>& ids);

  private:
    Project& project_;
};

}  // namespace prefbench::project
