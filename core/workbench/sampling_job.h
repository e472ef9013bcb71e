#pragma once

#include <QList>
#include <QObject>
#include <QString>

#include "core/contract/sampling.h"
#include "core/jobs/engine.h"
#include "core/project/completions.h"
#include "core/project/prompts.h"
#include "core/workbench/store.h"

namespace prefbench::workbench {

/// Which comparisons are made of a prompt's samples.
enum class PairPolicy {
    Disjoint,  ///< samples 1–2, 3–4, …
    All,       ///< every pair
};

/// Stores one prompt's samples and the comparisons made of them in one transaction; identical texts are not paired.
/// Returns comparisons made.
qint64 storeSamples(project::Project& project, const QString& generationId, const QString& promptId,
                    const QList<project::Completion>& samples, PairPolicy policy);

struct SamplingRequest {
    QString modelId;
    contract::SamplingSettings settings;
    qint64 promptLimit = 0;                                       ///< 0 = all
    std::optional<project::Split> split = project::Split::Train;  ///< nullopt: both
    PairPolicy policy = PairPolicy::All;
};

/// Samples completions for a project's prompts through an engine and stores them prompt by prompt, so that a kill or
/// cancel loses the prompts under way only. Asynchronous; lives on the thread that made it.
class SamplingJob : public QObject {
    Q_OBJECT
  public:
    SamplingJob(Store& store, QObject* parent = nullptr);
    void start(const SamplingRequest& request);
    void cancel();

    struct Progress {
        qint64 prompts = 0, totalPrompts = 0, completions = 0, comparisons = 0;
        double secondsLeft = 0;
    };

  Q_SIGNALS:
    void progress(const prefbench::workbench::SamplingJob::Progress& progress);
    /// Text as it streams, for the preview: sample `index` of `prompt`.
    void streamed(const QString& promptId, const QString& promptText, int index, const QString& newText);
    void finished(const prefbench::workbench::SamplingJob::Progress& progress);
    void failed(const QString& message);

  private:
    class Private;
    std::shared_ptr<Private> d_;
};

}  // namespace prefbench::workbench
