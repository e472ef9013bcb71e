#pragma once

#include <QList>
#include <QObject>
#include <QString>
#include <functional>
#include <memory>
#include <optional>

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
    None,      ///< completions only
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

/// The seed of one prompt's samples: from the request's seed and the prompt's messages, so that neither the order of
/// prompts nor the project they stand in changes what is drawn.
quint64 promptSeed(quint64 seed, const QByteArray& messages);

/// Samples completions for a project's prompts through an engine and stores them prompt by prompt in the prompts'
/// order, so that a kill or cancel loses the prompts under way only. Asynchronous; lives on the thread that made it,
/// which is the store's. A job serves one request. Ends with `finished` (also after cancel) or `failed`; what is stored
/// stays.
class SamplingJob : public QObject {
    Q_OBJECT
  public:
    explicit SamplingJob(Store& store, QObject* parent = nullptr);
    ~SamplingJob() override;
    void start(const SamplingRequest& request);
    void cancel();

    struct Progress {
        qint64 prompts = 0, totalPrompts = 0, completions = 0, comparisons = 0;
        double secondsLeft = 0;
        double promptsPerSecond = 0;
        qint64 refused = 0;    ///< prompts that the engine could not answer
        QString firstRefusal;  ///< and what it said of the first
        QString generationId;  ///< project::Generation of this job's completions
    };

  Q_SIGNALS:
    void progress(const prefbench::workbench::SamplingJob::Progress& progress);
    /// Text as it streams, for the preview: sample `index` of `prompt`.
    void streamed(const prefbench::project::Prompt& prompt, int index, const QString& newText);
    void finished(const prefbench::workbench::SamplingJob::Progress& progress);
    void failed(const QString& message);

  private:
    class Private;
    std::unique_ptr<Private> d_;
};

/// Runs a SamplingJob to its end on an event loop of its own: for the command line. Error where the job fails.
SamplingJob::Progress sampleAndWait(Store& store, const SamplingRequest& request,
                                    const std::function<void(const SamplingJob::Progress&)>& onProgress = {});

}  // namespace prefbench::workbench
