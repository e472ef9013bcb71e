#include "core/workbench/sampling_job.h"

#include <QCryptographicHash>
#include <QElapsedTimer>
#include <QEventLoop>
#include <QtEndian>
#include <map>

#include "core/project/comparisons.h"
#include "core/project/models.h"
#include "core/project/utf8.h"

namespace prefbench::workbench {

namespace {

/// Enough to keep the engine busy while results are stored.
constexpr int outstandingRequests = 16;

QList<project::Prompt> promptsOf(project::Project& project, const SamplingRequest& request) {
    constexpr int pageSize = 1000;
    project::Prompts prompts(project);
    QList<project::Prompt> all;
    QString after;
    while (true) {
        const QList<project::Prompt> page = prompts.page(request.split, after, pageSize);
        for (const project::Prompt& prompt : page) {
            if (request.promptLimit > 0 && all.size() >= request.promptLimit) {
                return all;
            }
            all << prompt;
        }
        if (page.size() < pageSize) {
            return all;
        }
        after = page.last().id;
    }
}

/// What the job needs from the project before the engine starts.
struct Plan {
    QString modelFolder, generationId;
    QList<project::Prompt> prompts;
};

Plan makePlan(project::Project& project, const SamplingRequest& request) {
    contract::check(request.settings);
    const std::optional<project::Model> model = project::Models(project).find(request.modelId);
    if (!model) {
        throw Error("the project has no model with id " + request.modelId.toStdString());
    }
    Plan plan;
    plan.modelFolder = project.absolutePath(model->folder);
    plan.prompts = promptsOf(project, request);
    if (plan.prompts.isEmpty()) {
        throw Error(request.split ? "the project has no prompts in the " +
                                        std::string(project::toString(*request.split)) + " split to sample for"
                                  : "the project has no prompts to sample for: import some first");
    }
    plan.generationId = project::Completions(project).addGeneration(
        request.modelId, QByteArray::fromStdString(files::toLine(contract::toJson(request.settings))),
        request.settings.seed);
    return plan;
}

project::Completion completionFrom(const contract::EngineEvent& result) {
    project::Completion completion;
    completion.text = project::fromUtf8(result.text);
    completion.tokenIds = QList<qint64>(result.ids.begin(), result.ids.end());
    completion.logProbability = result.logProbability;
    completion.finishReason = QString::fromLatin1(contract::toString(result.finishReason));
    return completion;
}

}  // namespace

qint64 storeSamples(project::Project& project, const QString& generationId, const QString& promptId,
                    const QList<project::Completion>& samples, PairPolicy policy) {
    project::Transaction transaction(project);
    project::Completions completions(project);
    project::Comparisons comparisons(project);
    QStringList ids;
    for (project::Completion sample : samples) {
        sample.promptId = promptId;
        sample.generationId = generationId;
        ids << completions.add(std::move(sample));
    }
    qint64 made = 0;
    const auto compare = [&](qsizetype first, qsizetype second) {
        if (samples[first].text == samples[second].text) {
            return;
        }
        project::Comparison comparison;
        comparison.promptId = promptId;
        comparison.completionIds = {ids[first], ids[second]};
        comparison.origin = QStringLiteral("sampled");
        comparisons.add(std::move(comparison));
        ++made;
    };
    for (qsizetype first = 0; policy != PairPolicy::None && first + 1 < samples.size();
         first += policy == PairPolicy::Disjoint ? 2 : 1) {
        const qsizetype end = policy == PairPolicy::Disjoint ? first + 2 : samples.size();
        for (qsizetype second = first + 1; second < end; ++second) {
            compare(first, second);
        }
    }
    transaction.commit();
    return made;
}

quint64 promptSeed(quint64 seed, const QByteArray& messages) {
    QCryptographicHash hash(QCryptographicHash::Sha256);
    hash.addData(QByteArray::number(seed) + '\n' + messages);
    // 53 bits: whole in every reader of JSON.
    return qFromBigEndian<quint64>(hash.result().constData()) >> 11;
}

class SamplingJob::Private {
  public:
    Private(SamplingJob& job, Store& store) : job_(job), store_(store) {
        connect(&engine_, &jobs::EngineClient::ready, &job_, [this] {
            clock_.start();
            ask();
        });
        connect(&engine_, &jobs::EngineClient::event, &job_, [this](const auto& event) { take(event); });
        connect(&engine_, &jobs::EngineClient::failed, &job_, [this](const QString& message) { fail(message); });
    }

    void start(const SamplingRequest& request) {
        request_ = request;
        store_.run([request](project::Project& project) { return makePlan(project, request); }, &job_,
                   [this](Plan plan) { begin(std::move(plan)); }, [this](const QString& message) { fail(message); });
    }

    void cancel() {
        if (ended_ || cancelled_) {
            return;
        }
        cancelled_ = true;
        engine_.stop();
        finishIfDone();
    }

  private:
    struct Pending {
        QList<project::Completion> samples;
        bool done = false;
    };

    void begin(Plan plan) {
        plan_ = std::move(plan);
        planned_ = true;
        progress_.totalPrompts = plan_.prompts.size();
        progress_.generationId = plan_.generationId;
        if (cancelled_) {
            finishIfDone();
            return;
        }
        Q_EMIT job_.progress(progress_);
        engine_.start(plan_.modelFolder);
    }

    /// Request ids are the prompts' places + 1.
    void ask() {
        while (asked_ < plan_.prompts.size() && asked_ - nextToStore_ < outstandingRequests) {
            const project::Prompt& prompt = plan_.prompts[asked_];
            contract::GenerateRequest request;
            request.id = ++asked_;
            request.prompt = prompt.passage();
            request.settings = request_.settings;
            request.settings.seed = promptSeed(request_.settings.seed, prompt.messages);
            pending_[request.id - 1];
            engine_.generate(request);
        }
    }

    void take(const contract::EngineEvent& event) {
        const auto found = pending_.find(event.id - 1);
        if (ended_ || cancelled_ || found == pending_.end() || found->second.done) {
            return;
        }
        using Kind = contract::EngineEvent::Kind;
        const project::Prompt& prompt = plan_.prompts[found->first];
        switch (event.kind) {
            case Kind::Token:
                Q_EMIT job_.streamed(prompt, static_cast<int>(event.sample), project::fromUtf8(event.text));
                break;
            case Kind::Result:
                takeSample(found->second, event);
                break;
            case Kind::Error:
                // One prompt that the model cannot take (too long, say) costs that prompt only.
                if (progress_.refused++ == 0) {
                    progress_.firstRefusal = QString::fromStdString(event.text);
                }
                found->second.samples.clear();
                found->second.done = true;
                break;
            case Kind::Done:
                found->second.done = true;
                break;
            case Kind::Ready:
                break;
        }
        if (found->second.done) {
            storeFinished();
        }
    }

    void takeSample(Pending& pending, const contract::EngineEvent& event) {
        if (event.finishReason == contract::FinishReason::Cancelled) {
            return;
        }
        // Results come in the order in which they end; the sample's number keeps reruns alike.
        const qsizetype index = std::clamp<qsizetype>(event.sample, 0, request_.settings.samples - 1);
        if (pending.samples.size() <= index) {
            pending.samples.resize(index + 1);
        }
        pending.samples[index] = completionFrom(event);
    }

    /// In the prompts' order, whatever order the engine answers in: then the rows' order repeats with the seed.
    void storeFinished() {
        for (auto first = pending_.begin();
             first != pending_.end() && first->first == nextToStore_ && first->second.done; first = pending_.begin()) {
            const QString promptId = plan_.prompts[nextToStore_].id;
            const QList<project::Completion> samples = std::move(first->second.samples);
            pending_.erase(first);
            ++nextToStore_;
            ++storing_;
            const qint64 count = samples.size();
            store_.run(
                [generation = plan_.generationId, promptId, samples, policy = request_.policy](
                    project::Project& project) { return storeSamples(project, generation, promptId, samples, policy); },
                &job_, [this, count](qint64 comparisons) { stored(count, comparisons); },
                [this](const QString& message) { fail(message); });
        }
        ask();
    }

    void stored(qint64 completions, qint64 comparisons) {
        --storing_;
        ++progress_.prompts;
        progress_.completions += completions;
        progress_.comparisons += comparisons;
        const double seconds = static_cast<double>(clock_.elapsed()) / 1000;
        if (seconds > 0) {
            progress_.promptsPerSecond = static_cast<double>(progress_.prompts) / seconds;
            progress_.secondsLeft =
                static_cast<double>(progress_.totalPrompts - progress_.prompts) / progress_.promptsPerSecond;
        }
        if (!ended_) {
            Q_EMIT job_.progress(progress_);
        }
        finishIfDone();
    }

    void finishIfDone() {
        const bool all = planned_ && progress_.prompts == progress_.totalPrompts;
        if (ended_ || storing_ > 0 || !(all || (cancelled_ && planned_))) {
            return;
        }
        if (!cancelled_ && progress_.refused == progress_.totalPrompts) {
            fail(progress_.firstRefusal);
            return;
        }
        ended_ = true;
        engine_.stop();
        Q_EMIT job_.finished(progress_);
    }

    void fail(const QString& message) {
        if (ended_) {
            return;
        }
        ended_ = true;
        engine_.stop();
        Q_EMIT job_.failed(message);
    }

    SamplingJob& job_;
    Store& store_;
    jobs::EngineClient engine_;
    SamplingRequest request_;
    Plan plan_;
    Progress progress_;
    std::map<qsizetype, Pending> pending_;  ///< asked and not yet handed to the store, by the prompt's place
    qsizetype asked_ = 0, nextToStore_ = 0;
    int storing_ = 0;
    bool planned_ = false, cancelled_ = false, ended_ = false;
    QElapsedTimer clock_;
};

SamplingJob::SamplingJob(Store& store, QObject* parent)
    : QObject(parent), d_(std::make_unique<Private>(*this, store)) {}

SamplingJob::~SamplingJob() = default;

void SamplingJob::start(const SamplingRequest& request) {
    d_->start(request);
}

void SamplingJob::cancel() {
    d_->cancel();
}

SamplingJob::Progress sampleAndWait(Store& store, const SamplingRequest& request,
                                    const std::function<void(const SamplingJob::Progress&)>& onProgress) {
    SamplingJob job(store);
    QEventLoop loop;
    SamplingJob::Progress last;
    QString problem;
    QObject::connect(&job, &SamplingJob::progress, &loop, [&](const SamplingJob::Progress& progress) {
        if (onProgress) {
            onProgress(progress);
        }
    });
    QObject::connect(&job, &SamplingJob::finished, &loop, [&](const SamplingJob::Progress& progress) {
        last = progress;
        loop.exit(0);
    });
    QObject::connect(&job, &SamplingJob::failed, &loop, [&](const QString& message) {
        problem = message;
        loop.exit(1);
    });
    job.start(request);
    if (loop.exec() != 0) {
        throw Error(problem.toStdString());
    }
    return last;
}

}  // namespace prefbench::workbench
