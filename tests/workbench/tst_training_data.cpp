#include <QSet>

#include "core/files/durable_file.h"
#include "core/project/runs.h"
#include "core/workbench/training.h"
#include "tests/support/chat_model.h"
#include "tests/workbench/scratch_project.h"

using namespace prefbench;
using project::Split;
using workbench::createRun;
using workbench::DatasetSummary;
using workbench::NewRun;
using workbench::summarizeDataset;

class TestTrainingData : public QObject {
    Q_OBJECT

    static contract::RunDirectory create(ScratchProject& scratch, const QString& method = QStringLiteral("dpo"),
                                         const QStringList& settings = {}) {
        NewRun run;
        run.modelId = scratch.modelId();
        run.method = method;
        run.seed = 5;
        run.settings = QStringList{QStringLiteral("beta=0.3")} + settings;
        return createRun(*scratch, run);
    }

    static QString createError(ScratchProject& scratch) {
        try {
            create(scratch);
        } catch (const Error& error) {
            return QString::fromUtf8(error.what());
        }
        return {};
    }

    static QSet<QString> promptsOf(const std::filesystem::path& file) {
        QSet<QString> prompts;
        for (const contract::PairExample& pair : contract::readPairs(file)) {
            prompts.insert(QString::fromStdString(pair.prompt.text));
        }
        return prompts;
    }

  private Q_SLOTS:
    void withoutLabelsThereIsNoRun() {
        ScratchProject scratch;
        scratch.addComparison(scratch.addPrompt(QStringLiteral("p")), QStringLiteral("a"), QStringLiteral("b"));
        QVERIFY(summarizeDataset(*scratch).problem.startsWith(QStringLiteral("No labelled pairs")));
        QCOMPARE(createError(scratch), summarizeDataset(*scratch).problem);
        QVERIFY(project::Runs(*scratch).all().isEmpty());
    }

    void tiesAloneAreNoRun() {
        ScratchProject scratch;
        for (int i = 0; i < 3; ++i) {
            scratch.addLabelledPair(scratch.addPrompt(QString::number(i)), QStringLiteral("a"), QStringLiteral("b"), 0);
        }
        const DatasetSummary summary = summarizeDataset(*scratch);
        QCOMPARE(summary.ties, 3);
        QVERIFY2(summary.problem.contains(QStringLiteral("All 3 labels are ties")), qPrintable(summary.problem));
        QCOMPARE(createError(scratch), summary.problem);
    }

    void labelsOnTestPromptsAloneAreNoRun() {
        ScratchProject scratch;
        scratch.addLabelledPair(scratch.addPrompt(QStringLiteral("p"), Split::Test), QStringLiteral("a"),
                                QStringLiteral("b"), 1);
        QVERIFY(createError(scratch).contains(QStringLiteral("test prompts")));
    }

    void strengthAndTiesGoAlongWhereAskedFor() {
        ScratchProject scratch;
        scratch.addLabelledPair(scratch.addPrompt(QStringLiteral("p")), QStringLiteral("a"), QStringLiteral("b"), -3);
        scratch.addLabelledPair(scratch.addPrompt(QStringLiteral("q")), QStringLiteral("c"), QStringLiteral("d"), 0);
        scratch.addLabelledPair(scratch.addPrompt(QStringLiteral("r")), QStringLiteral("e"), QStringLiteral("f"), 2);
        const auto pairsOf = [](const contract::RunDirectory& run) {
            std::vector<contract::PairExample> pairs = contract::readPairs(run.trainData());
            const auto more = contract::readPairs(run.evalData());
            pairs.insert(pairs.end(), more.begin(), more.end());
            return pairs;
        };
        std::map<std::string, std::pair<double, double>> found;
        for (const auto& pair : pairsOf(create(scratch, QStringLiteral("dpo"), {QStringLiteral("ties=soft")}))) {
            found[pair.chosen.text] = {pair.strength, pair.preference};
        }
        const std::map<std::string, std::pair<double, double>> expected = {
            {"b", {3, 1}}, {"c", {1, 0.5}}, {"e", {2, 1}}};
        QCOMPARE(found, expected);
        QCOMPARE(pairsOf(create(scratch)).size(), std::size_t(2));
    }

    /// A tie alone on its prompt falls on the side that its prompt is on, and moves no other prompt.
    void tiesOfTestPromptsEvaluate() {
        ScratchProject scratch;
        for (const Split split : {Split::Train, Split::Test}) {
            const QString name = split == Split::Test ? QStringLiteral("test") : QStringLiteral("train");
            scratch.addLabelledPair(scratch.addPrompt(name, split), QStringLiteral("a"), QStringLiteral("b"), 1);
            scratch.addLabelledPair(scratch.addPrompt(name + QStringLiteral(" tied"), split), QStringLiteral("c"),
                                    QStringLiteral("d"), 0);
        }
        const DatasetSummary summary = summarizeDataset(*scratch);
        QCOMPARE(summary.trainPairs, 1);
        QCOMPARE(summary.evalPairs, 1);
        QCOMPARE(summary.ties, 2);
        QCOMPARE(summary.evalTies, 1);
        QCOMPARE(summary.prompts, 2);
        QCOMPARE(summary.promptsOfTies, 2);
        const contract::RunDirectory run = create(scratch, QStringLiteral("dpo"), {QStringLiteral("ties=soft")});
        QCOMPARE(promptsOf(run.trainData()), (QSet<QString>{QStringLiteral("train"), QStringLiteral("train tied")}));
        QCOMPARE(promptsOf(run.evalData()), (QSet<QString>{QStringLiteral("test"), QStringLiteral("test tied")}));
    }

    void theBetterAnswerIsChosen() {
        ScratchProject scratch;
        const QString prompt = scratch.addPrompt(QStringLiteral("prompt:"));
        scratch.addLabelledPair(prompt, QStringLiteral(" good"), QStringLiteral(" bad"), 2);
        scratch.addLabelledPair(prompt, QStringLiteral(" worse"), QStringLiteral(" better"), -1);
        scratch.addLabelledPair(prompt, QStringLiteral(" same"), QStringLiteral(" alike"), 0);
        const contract::RunDirectory run = create(scratch);
        const auto pairs = contract::readPairs(run.trainData());
        QCOMPARE(pairs.size(), 2U);
        QCOMPARE(pairs[0].prompt.text, std::string("prompt:"));
        QCOMPARE(pairs[0].chosen.text, std::string(" good"));
        QCOMPARE(pairs[0].rejected.text, std::string(" bad"));
        QCOMPARE(pairs[1].chosen, std::string(" better"));
        QCOMPARE(pairs[1].rejected, std::string(" worse"));
        QVERIFY(contract::readPairs(run.evalData()).empty());
    }

    void testPromptsEvaluate() {
        ScratchProject scratch;
        project::Transaction filling(*scratch);
        for (int i = 0; i < 20; ++i) {
            const QString prompt =
                scratch.addPrompt(QStringLiteral("prompt %1").arg(i), i % 4 == 0 ? Split::Test : Split::Train);
            scratch.addLabelledPair(prompt, QStringLiteral("a"), QStringLiteral("b"), 1);
            scratch.addLabelledPair(prompt, QStringLiteral("c"), QStringLiteral("d"), -1);
        }
        filling.commit();
        const DatasetSummary summary = summarizeDataset(*scratch);
        QCOMPARE(summary.trainPairs, 30);
        QCOMPARE(summary.evalPairs, 10);
        const contract::RunDirectory run = create(scratch);
        QCOMPARE(contract::readPairs(run.trainData()).size(), 30U);
        QCOMPARE(contract::readPairs(run.evalData()).size(), 10U);
        QVERIFY(!promptsOf(run.trainData()).intersects(promptsOf(run.evalData())));
    }

    void withoutTestPromptsATenthEvaluates() {
        ScratchProject scratch;
        project::Transaction filling(*scratch);
        for (int i = 0; i < 200; ++i) {
            const QString prompt = scratch.addPrompt(QStringLiteral("prompt %1").arg(i));
            for (const char* pair : {"a", "b", "c"}) {
                scratch.addLabelledPair(prompt, QString::fromLatin1(pair), QStringLiteral("z"), 1);
            }
        }
        filling.commit();
        const contract::RunDirectory run = create(scratch);
        const QSet<QString> evaluating = promptsOf(run.evalData());
        QVERIFY2(evaluating.size() >= 8 && evaluating.size() <= 36, qPrintable(QString::number(evaluating.size())));
        QVERIFY(!promptsOf(run.trainData()).intersects(evaluating));
        QCOMPARE(contract::readPairs(run.evalData()).size(), static_cast<std::size_t>(3 * evaluating.size()));
        const DatasetSummary summary = summarizeDataset(*scratch);
        QCOMPARE(summary.trainPairs + summary.evalPairs, 600);
        QCOMPARE(summary.evalPairs, 3 * evaluating.size());

        // Two prompts are enough to have one evaluate, and the same labels give the same bytes.
        ScratchProject two;
        two.addLabelledPair(two.addPrompt(QStringLiteral("x")), QStringLiteral("a"), QStringLiteral("b"), 1);
        two.addLabelledPair(two.addPrompt(QStringLiteral("y")), QStringLiteral("a"), QStringLiteral("b"), 1);
        QCOMPARE(summarizeDataset(*two).evalPairs, 1);
        QCOMPARE(files::readFile(create(two).trainData()), files::readFile(create(two).trainData()));
    }

    void contradictingAnnotatorsBothCount() {
        ScratchProject scratch;
        const QString other =
            project::Annotators(*scratch).ensure(QStringLiteral("bea"), project::AnnotatorKind::Human);
        project::Transaction filling(*scratch);
        for (int i = 0; i < 700; ++i) {  // more than one page of labels
            const QString comparison =
                scratch.addComparison(scratch.addPrompt(QString::number(i)), QStringLiteral("a"), QStringLiteral("b"));
            scratch.label(comparison, 1);
            scratch.label(comparison, -2, other);
        }
        filling.commit();
        const DatasetSummary summary = summarizeDataset(*scratch);
        QCOMPARE(summary.trainPairs + summary.evalPairs, 1400);
        const contract::RunDirectory run = create(scratch);
        const auto pairs = contract::readPairs(run.trainData());
        QCOMPARE(pairs.size(), static_cast<std::size_t>(summary.trainPairs));
        QCOMPARE(pairs[0].id, pairs[1].id);
        QCOMPARE(pairs[0].chosen, pairs[1].rejected);
    }

    void theLatestAnswerCounts() {
        ScratchProject scratch;
        const QString comparison =
            scratch.addComparison(scratch.addPrompt(QStringLiteral("p")), QStringLiteral("a"), QStringLiteral("b"));
        scratch.label(comparison, 1);
        project::Judgement again;
        again.comparisonId = comparison;
        again.annotatorId = scratch.annotatorId();
        again.screen = -1;
        again.supersedes = project::Judgements(*scratch).current(comparison, scratch.annotatorId())->id;
        project::Judgements(*scratch).append(again);
        const auto pairs = contract::readPairs(create(scratch).trainData());
        QCOMPARE(pairs.size(), 1U);
        QCOMPARE(pairs[0].chosen.text, std::string("b"));
    }

    void sftLearnsEachPreferredAnswerOnce() {
        ScratchProject scratch;
        const QString comparison =
            scratch.addComparison(scratch.addPrompt(QStringLiteral("p")), QStringLiteral("a"), QStringLiteral("b"));
        scratch.label(comparison, 1);
        scratch.label(comparison, 2,
                      project::Annotators(*scratch).ensure(QStringLiteral("bea"), project::AnnotatorKind::Human));
        const auto examples = contract::readDemonstrations(create(scratch, QStringLiteral("sft")).trainData());
        QCOMPARE(examples.size(), 1U);
        QCOMPARE(examples[0].completion.text, std::string("a"));
        const DatasetSummary summary = summarizeDataset(*scratch);
        QCOMPARE(summary.trainPairs, 2);
        QCOMPARE(summary.trainAnswers, 1);
        QCOMPARE(project::Runs(*scratch).all().last().name, QStringLiteral("SFT 1"));
    }

    /// In TRL's conversational form, for a model that has a chat template.
    void conversationsKeepTheirForm() {
        ScratchProject scratch;
        const ChatModel chat;
        const QByteArray messages = R"([{"role":"system","content":"s"},{"role":"user","content":"u"}])";
        const QString prompt = project::Prompts(*scratch).add(messages, Split::Train, QStringLiteral("test"));
        scratch.addLabelledPair(prompt, QStringLiteral("a"), QStringLiteral("b"), -1);
        NewRun run;
        run.modelId = project::Models(*scratch).ensure(chat.folder(), QStringLiteral("chat"));
        const auto pairs = contract::readPairs(createRun(*scratch, run).trainData());
        QCOMPARE(pairs.size(), 1U);
        QCOMPARE(QByteArray::fromStdString(files::toLine(pairs[0].prompt.messages)), messages);
        QCOMPARE(pairs[0].chosen, contract::answerTo(pairs[0].prompt, "b"));
        QCOMPARE(files::toLine(pairs[0].rejected.messages), std::string(R"([{"role":"assistant","content":"a"}])"));
        run.method = QStringLiteral("sft");
        const auto taught = contract::readDemonstrations(createRun(*scratch, run).trainData());
        QCOMPARE(taught.at(0).completion, pairs[0].chosen);
    }

    void conversationsNeedAModelWithAChatTemplate() {
        ScratchProject scratch;
        const QString prompt =
            project::Prompts(*scratch).add(R"([{"role":"user","content":"u"}])", Split::Train, QStringLiteral("test"));
        scratch.addLabelledPair(prompt, QStringLiteral("a"), QStringLiteral("b"), 1);
        const QString error = createError(scratch);
        QVERIFY2(error.contains(QStringLiteral("/models/gpt2: the model has no chat template")), qPrintable(error));
        QVERIFY(!error.contains(QLatin1Char('\n')));
        QVERIFY(project::Runs(*scratch).all().isEmpty());
        QVERIFY(!QFile::exists(scratch.folder() + QStringLiteral("/scratch.data/runs")) ||
                std::filesystem::is_empty((scratch.folder() + QStringLiteral("/scratch.data/runs")).toStdString()));
    }

    void theRunIsIndexedAndSpecified() {
        ScratchProject scratch;
        scratch.addLabelledPair(scratch.addPrompt(QStringLiteral("p")), QStringLiteral("a"), QStringLiteral("b"), 1);
        const contract::RunSpec spec = contract::readRunSpec(create(scratch));
        QCOMPARE(spec.method, std::string("dpo"));
        QCOMPARE(spec.seed, 5U);
        QCOMPARE(spec.hyperparameters.beta, 0.3);
        QVERIFY(spec.model.is_absolute());
        QVERIFY(!spec.modelHash.empty());
        const QList<project::Run> runs = project::Runs(*scratch).all();
        QCOMPARE(runs.size(), 1);
        QCOMPARE(runs.first().name, QStringLiteral("DPO 1"));
        QVERIFY(runs.first().folder.startsWith(QStringLiteral("scratch.data/runs/")));
        QCOMPARE(runs.first().state, QStringLiteral("queued"));
        create(scratch);
        QCOMPARE(project::Runs(*scratch).all().last().name, QStringLiteral("DPO 2"));
        create(scratch, QStringLiteral("apo_zero"));
        QCOMPARE(project::Runs(*scratch).all().last().name, QStringLiteral("APO ZERO 1"));
    }

    void aBadSettingLeavesNothingBehind() {
        ScratchProject scratch;
        scratch.addLabelledPair(scratch.addPrompt(QStringLiteral("p")), QStringLiteral("a"), QStringLiteral("b"), 1);
        NewRun run;
        run.modelId = scratch.modelId();
        run.settings = {QStringLiteral("no_such_setting=1")};
        QVERIFY_EXCEPTION_THROWN(createRun(*scratch, run), Error);
        QVERIFY(project::Runs(*scratch).all().isEmpty());
    }

    void theIndexFollowsTheDirectories() {
        ScratchProject scratch;
        scratch.addLabelledPair(scratch.addPrompt(QStringLiteral("p")), QStringLiteral("a"), QStringLiteral("b"), 1);
        const contract::RunDirectory directory = create(scratch);
        contract::RunStatus status;
        status.state = contract::RunState::Finished;
        status.step = status.totalSteps = 12;
        contract::writeStatus(directory, status);
        workbench::refreshRuns(*scratch);
        QCOMPARE(project::Runs(*scratch).all().first().state, QStringLiteral("finished"));
        QCOMPARE(project::Runs(*scratch).all().first().step, 12);
        std::filesystem::remove_all(directory.path);
        workbench::refreshRuns(*scratch);
        QCOMPARE(project::Runs(*scratch).all().first().state, QStringLiteral("finished"));
    }

    void aFinishedRunsModelJoinsTheProject() {
        ScratchProject scratch;
        scratch.addLabelledPair(scratch.addPrompt(QStringLiteral("p")), QStringLiteral("a"), QStringLiteral("b"), 1);
        const contract::RunDirectory directory = create(scratch);
        const QString runId = project::Runs(*scratch).all().first().id;
        QVERIFY_EXCEPTION_THROWN(workbench::adoptModel(*scratch, runId), Error);
        std::filesystem::copy(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2", directory.finalModel());
        const QString id = workbench::adoptModel(*scratch, runId);
        QCOMPARE(project::Models(*scratch).find(id)->runId, runId);
        QCOMPARE(workbench::adoptModel(*scratch, runId), id);
    }
};

QTEST_GUILESS_MAIN(TestTrainingData)
#include "tst_training_data.moc"
