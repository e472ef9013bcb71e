#include <cmath>
#include <filesystem>

#include "core/exchange/import.h"
#include "core/files/durable_file.h"
#include "core/jobs/run_watcher.h"
#include "core/project/runs.h"
#include "core/workbench/sampling_job.h"
#include "core/workbench/training.h"
#include "tests/support/chat_model.h"
#include "tests/workbench/scratch_project.h"

using namespace prefbench;

/// Real engine, real files, a small random model: what happens matters here, not how good the model gets.
class TestWholeLoop : public QObject {
    Q_OBJECT

    ScratchProject scratch_;

    contract::RunDirectory newRun(const QStringList& settings) {
        workbench::NewRun run;
        run.modelId = scratch_.modelId();
        run.settings = settings;
        run.seed = 7;
        return workbench::createRun(*scratch_, run);
    }

  private Q_SLOTS:
    void samplesAreStored() {
        for (int i = 0; i < 12; ++i) {
            scratch_.addPrompt(QStringLiteral("Prompt number %1 says").arg(i),
                               i < 9 ? project::Split::Train : project::Split::Test);
        }
        workbench::Store store;
        workbench::openAndWait(store, scratch_.path());
        workbench::SamplingRequest request;
        request.modelId = scratch_.modelId();
        request.settings.samples = 3;
        request.settings.maxNewTokens = 12;
        request.settings.seed = 2;
        request.split.reset();
        const auto progress = workbench::sampleAndWait(store, request);
        QCOMPARE(progress.prompts, 12);
        QCOMPARE(progress.refused, 0);
        QCOMPARE(progress.completions, 36);

        const auto textsOf = [&](const QString& generation) {
            QStringList texts;
            for (const auto& completion : project::Completions(*scratch_).ofGeneration(generation)) {
                texts << completion.text;
            }
            return texts;
        };
        QCOMPARE(textsOf(workbench::sampleAndWait(store, request).generationId), textsOf(progress.generationId));
    }

    void trainingIsWatchedToItsEnd() {
        int sign = 1;
        for (const project::Comparison& comparison : project::Comparisons(*scratch_).page()) {
            scratch_.label(comparison.id, sign = -sign);
        }
        const contract::RunDirectory run = newRun({QStringLiteral("batch_size=4"), QStringLiteral("max_steps=6")});
        jobs::startTraining(run);
        jobs::RunWatcher watcher(run);
        QTRY_VERIFY_WITH_TIMEOUT(contract::isFinal(watcher.status().state), 300000);
        QVERIFY2(watcher.status().state == contract::RunState::Finished, watcher.status().message.c_str());
        qsizetype trained = 0, evaluated = 0;
        for (const contract::MetricRecord& record : watcher.records()) {
            QVERIFY(record.values.contains("loss"));
            ++(record.split == "train" ? trained : evaluated);
        }
        QCOMPARE(trained, 6);
        QVERIFY(evaluated >= 2);
        // The reference is the model itself, so before the first step every pair costs ln 2.
        QVERIFY(std::abs(watcher.records().first().values.at("loss") - std::log(2.0)) < 1e-4);

        workbench::refreshRuns(*scratch_);
        const project::Run row = project::Runs(*scratch_).all().first();
        QCOMPARE(row.state, QStringLiteral("finished"));
        QCOMPARE(row.step, 6);
        QVERIFY(!workbench::adoptModel(*scratch_, row.id).isEmpty());
    }

    void stopIsObeyed() {
        const contract::RunDirectory run = newRun({QStringLiteral("batch_size=2"), QStringLiteral("max_steps=100000")});
        jobs::startTraining(run);
        jobs::RunWatcher watcher(run);
        QTRY_VERIFY_WITH_TIMEOUT(watcher.status().step >= 2, 300000);
        contract::postRequest(run, contract::RequestKind::Stop);
        QTRY_COMPARE_WITH_TIMEOUT(watcher.status().state, contract::RunState::Stopped, 300000);
    }

    /// Import, sampling through the model's chat template, labels, training.
    void conversationsGoAllTheWay() {
        ScratchProject scratch;
        const ChatModel chat;
        const QString file = scratch.folder() + QStringLiteral("/prompts.jsonl");
        std::string lines;
        for (int i = 0; i < 6; ++i) {
            const files::OrderedJson messages = {{{"role", "system"}, {"content", "Be brief."}},
                                                 {{"role", "user"}, {"content", "Question " + std::to_string(i)}}};
            lines += files::toLine(files::OrderedJson{{"prompt", messages}}) + "\n";
        }
        files::writeAtomically(file.toStdString(), lines);
        QCOMPARE(exchange::importFile(*scratch, file).prompts, 6);
        workbench::NewRun run;
        run.modelId = project::Models(*scratch).ensure(chat.folder(), QStringLiteral("chat"));
        run.settings = {QStringLiteral("batch_size=2"), QStringLiteral("max_steps=2")};
        workbench::Store store;
        workbench::openAndWait(store, scratch.path());
        workbench::SamplingRequest request;
        request.modelId = run.modelId;
        request.settings.samples = 2;
        request.settings.maxNewTokens = 8;
        const auto progress = workbench::sampleAndWait(store, request);
        QVERIFY2(progress.refused == 0, qPrintable(progress.firstRefusal));
        QCOMPARE(progress.completions, 12);
        for (const project::Comparison& comparison : project::Comparisons(*scratch).page()) {
            scratch.label(comparison.id, 1);
        }
        const contract::RunDirectory directory = workbench::createRun(*scratch, run);
        QVERIFY(contract::readPairs(directory.trainData()).at(0).prompt.isConversation());
        jobs::startTraining(directory);
        jobs::RunWatcher watcher(directory);
        QTRY_VERIFY_WITH_TIMEOUT(contract::isFinal(watcher.status().state), 300000);
        QVERIFY2(watcher.status().state == contract::RunState::Finished, watcher.status().message.c_str());

        // A model without a template answers none of them, and says why.
        request.modelId = scratch.modelId();
        try {
            workbench::sampleAndWait(store, request);
            QFAIL("conversations were sampled without a chat template");
        } catch (const Error& error) {
            QVERIFY2(QString::fromUtf8(error.what()).contains(QStringLiteral("has no chat template")), error.what());
        }
    }

    void aBrokenModelIsRefusedInOneLine() {
        const QString folder = scratch_.folder() + QStringLiteral("/broken");
        std::filesystem::copy(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2", folder.toStdString());
        workbench::NewRun spec;
        spec.modelId = project::Models(*scratch_).ensure(folder, QStringLiteral("broken"));
        const contract::RunDirectory run = workbench::createRun(*scratch_, spec);
        std::filesystem::resize_file(folder.toStdString() + "/model.safetensors", 1000);
        try {
            jobs::startTraining(run);
            QTRY_VERIFY_WITH_TIMEOUT(contract::isFinal(contract::readStatus(run).state), 300000);
        } catch (const Error&) {
            // The same line stands in the status.
        }
        const contract::RunStatus status = contract::readStatus(run);
        QCOMPARE(status.state, contract::RunState::Failed);
        QString message = QString::fromStdString(status.message);
        QVERIFY2(message.contains(QStringLiteral("broken")), qPrintable(message));
        QVERIFY(!message.contains(QLatin1Char('\n')));

        workbench::Store store;
        workbench::openAndWait(store, scratch_.path());
        workbench::SamplingRequest request;
        request.modelId = spec.modelId;
        try {
            workbench::sampleAndWait(store, request);
            QFAIL("a broken model was sampled from");
        } catch (const Error& error) {
            message = QString::fromUtf8(error.what());
        }
        QVERIFY2(message.contains(QStringLiteral("broken")), qPrintable(message));
    }
};

QTEST_GUILESS_MAIN(TestWholeLoop)
#include "tst_whole_loop.moc"
