#include <QSignalSpy>

#include "core/workbench/sampling_job.h"
#include "tests/workbench/scratch_project.h"

using namespace prefbench;
using project::Split;
using workbench::PairPolicy;
using workbench::SamplingJob;
using workbench::SamplingRequest;
using workbench::Store;

class TestSamplingJob : public QObject {
    Q_OBJECT

    static project::Completion sample(const char* text) {
        project::Completion completion;
        completion.text = QString::fromLatin1(text);
        return completion;
    }

    static SamplingRequest request(const ScratchProject& scratch) {
        SamplingRequest request;
        request.modelId = scratch.modelId();
        request.settings.samples = 4;
        request.settings.seed = 3;
        return request;
    }

    static SamplingJob::Progress sampleAll(ScratchProject& scratch, const SamplingRequest& request) {
        Store store;
        workbench::openAndWait(store, scratch.path());
        return workbench::sampleAndWait(store, request);
    }

    /// Texts of a job's completions as stored.
    static QStringList texts(ScratchProject& scratch, const QString& generationId) {
        QStringList texts;
        for (const project::Completion& completion : project::Completions(*scratch).ofGeneration(generationId)) {
            texts << completion.text;
        }
        return texts;
    }

  private Q_SLOTS:
    void init() {
        qputenv("PREFBENCH_ENGINE", qgetenv("FAKE_ENGINE"));
        qunsetenv("FAKE_ENGINE_MODE");
    }

    void pairsFollowThePolicy() {
        ScratchProject scratch;
        const QString prompt = scratch.addPrompt(QStringLiteral("p"));
        const QString generation = project::Completions(*scratch).addGeneration(scratch.modelId(), "{}", 1);
        const auto made = [&](const QList<project::Completion>& samples, PairPolicy policy) {
            return workbench::storeSamples(*scratch, generation, prompt, samples, policy);
        };
        QCOMPARE(made({sample("a"), sample("b"), sample("c"), sample("d")}, PairPolicy::All), 6);
        QCOMPARE(made({sample("a"), sample("b"), sample("c"), sample("d")}, PairPolicy::Disjoint), 2);
        QCOMPARE(made({sample("a"), sample("b"), sample("c")}, PairPolicy::Disjoint), 1);
        QCOMPARE(made({sample("a"), sample("b")}, PairPolicy::None), 0);
        QCOMPARE(made({sample("a"), sample("a"), sample("b")}, PairPolicy::All), 2);
        QCOMPARE(made({sample("a")}, PairPolicy::All), 0);
        QCOMPARE(project::Comparisons(*scratch).count(), 11);
        QCOMPARE(project::Completions(*scratch).count(), 17);
    }

    void samplesEveryPromptOfTheSplit() {
        ScratchProject scratch;
        scratch.addPrompts(ScratchProject::numbered(QStringLiteral("prompt"), 0, 30));
        scratch.addPrompts(ScratchProject::numbered(QStringLiteral("prompt"), 30, 40), Split::Test);
        SamplingRequest wanted = request(scratch);
        const SamplingJob::Progress progress = sampleAll(scratch, wanted);
        QCOMPARE(progress.prompts, 30);
        QCOMPARE(progress.completions, 120);
        QCOMPARE(progress.comparisons, 180);
        QCOMPARE(project::Completions(*scratch).count(), 120);
        const auto stored = project::Completions(*scratch).ofGeneration(progress.generationId);
        QCOMPARE(stored.first().logProbability.value_or(0), -1.5);
        QCOMPARE(stored.first().finishReason, QStringLiteral("stop"));

        wanted.split = Split::Test;
        QCOMPARE(sampleAll(scratch, wanted).prompts, 10);
        wanted.split.reset();
        wanted.promptLimit = 7;
        QCOMPARE(sampleAll(scratch, wanted).prompts, 7);
    }

    void theSameSeedDrawsTheSameInAnyProject() {
        ScratchProject one, other;
        one.addPrompts(ScratchProject::numbered(QStringLiteral("prompt"), 0, 25));
        other.addPrompts(ScratchProject::numbered(QStringLiteral("prompt"), 0, 25));
        const QStringList first = texts(one, sampleAll(one, request(one)).generationId);
        QCOMPARE(first.size(), 100);
        QCOMPARE(texts(other, sampleAll(other, request(other)).generationId), first);
        SamplingRequest another = request(one);
        another.settings.seed = 4;
        QVERIFY(texts(one, sampleAll(one, another).generationId) != first);
    }

    void aRefusedPromptCostsThatPrompt() {
        ScratchProject scratch;
        scratch.addPrompt(QStringLiteral("fine"));
        scratch.addPrompt(QStringLiteral("too long"));
        scratch.addPrompt(QStringLiteral("fine too"));
        const SamplingJob::Progress progress = sampleAll(scratch, request(scratch));
        QCOMPARE(progress.prompts, 3);
        QCOMPARE(progress.refused, 1);
        QVERIFY(progress.firstRefusal.contains(QStringLiteral("9000 tokens")));
        QCOMPARE(progress.completions, 8);
    }

    void whenEveryPromptIsRefusedTheJobFails() {
        ScratchProject scratch;
        scratch.addPrompt(QStringLiteral("too long"));
        QVERIFY_EXCEPTION_THROWN(sampleAll(scratch, request(scratch)), Error);
    }

    void aCrashKeepsWhatIsStored() {
        ScratchProject scratch;
        scratch.addPrompts(ScratchProject::numbered(QStringLiteral("prompt"), 0, 30) +
                           ScratchProject::numbered(QStringLiteral("crash"), 0, 10));
        Store store;
        workbench::openAndWait(store, scratch.path());
        QString message;
        try {
            workbench::sampleAndWait(store, request(scratch));
        } catch (const Error& error) {
            message = QString::fromUtf8(error.what());
        }
        QVERIFY2(message.contains(QStringLiteral("out of memory in layer 3")), qPrintable(message));
        QTRY_VERIFY(project::Completions(*scratch).count() >= 4 * 14);
        QCOMPARE(project::Completions(*scratch).count() % 4, 0);
    }

    void cancelKeepsWholePrompts() {
        ScratchProject scratch;
        for (int i = 0; i < 10; ++i) {
            scratch.addPrompt(i < 5 ? QStringLiteral("prompt %1").arg(i) : QStringLiteral("hang %1").arg(i));
        }
        Store store;
        workbench::openAndWait(store, scratch.path());
        SamplingJob job(store);
        QSignalSpy finished(&job, &SamplingJob::finished);
        QSignalSpy failed(&job, &SamplingJob::failed);
        connect(&job, &SamplingJob::progress, &job, [&](const SamplingJob::Progress& progress) {
            if (progress.prompts == 5) {
                job.cancel();
            }
        });
        job.start(request(scratch));
        QVERIFY(finished.wait(5000));
        QCOMPARE(failed.size(), 0);
        QCOMPARE(project::Completions(*scratch).count(), 20);
    }

    /// As messages, not as text.
    void conversationsAreSentAsTheyStand() {
        ScratchProject scratch;
        project::Prompts(*scratch).add(R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"}])",
                                       Split::Train, QStringLiteral("test"));
        scratch.addPrompt(QStringLiteral("plain"));
        const SamplingJob::Progress progress = sampleAll(scratch, request(scratch));
        const QStringList found = texts(scratch, progress.generationId);
        QCOMPARE(found.size(), 8);
        QVERIFY2(found.first().startsWith(
                     QStringLiteral(R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"}] )")),
                 qPrintable(found.first()));
        QVERIFY2(found.last().startsWith(QStringLiteral("plain ")), qPrintable(found.last()));
    }

    void saysWhatIsMissing() {
        ScratchProject scratch;
        const auto failure = [&](const SamplingRequest& wanted) {
            try {
                sampleAll(scratch, wanted);
            } catch (const Error& error) {
                return QString::fromUtf8(error.what());
            }
            return QString();
        };
        QVERIFY(failure(request(scratch)).contains(QStringLiteral("no prompts")));
        scratch.addPrompt(QStringLiteral("p"));
        SamplingRequest wanted = request(scratch);
        wanted.modelId = QStringLiteral("nobody");
        QVERIFY(failure(wanted).contains(QStringLiteral("nobody")));
        wanted = request(scratch);
        wanted.settings.topP = 7;
        QVERIFY(failure(wanted).contains(QStringLiteral("top_p")));
        qputenv("FAKE_ENGINE_MODE", "model-refused");
        QCOMPARE(failure(request(scratch)), QStringLiteral("/m/config.json: no model_type"));
        qputenv("PREFBENCH_ENGINE", "/nowhere/engine");
        QVERIFY(failure(request(scratch)).contains(QStringLiteral("/nowhere/engine")));
        QCOMPARE(project::Completions(*scratch).count(), 0);
    }

    void previewStreams() {
        ScratchProject scratch;
        const QString prompt = scratch.addPrompt(QStringLiteral("p"));
        Store store;
        workbench::openAndWait(store, scratch.path());
        SamplingJob job(store);
        QSignalSpy streamed(&job, &SamplingJob::streamed);
        QSignalSpy finished(&job, &SamplingJob::finished);
        job.start(request(scratch));
        QVERIFY(finished.wait(5000));
        QCOMPARE(streamed.size(), 4);
        const auto shown = streamed.first().at(0).value<project::Prompt>();
        QCOMPARE(shown.id, prompt);
        QCOMPARE(shown.text(), QStringLiteral("p"));
    }
};

QTEST_GUILESS_MAIN(TestSamplingJob)
#include "tst_sampling_job.moc"
