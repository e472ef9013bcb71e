#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <fstream>

#include "core/contract/messages.h"
#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/contract/run_spec.h"
#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "tests/support/file_size_limit.h"

using namespace prefbench;
using namespace prefbench::contract;

namespace {

template <class Call>
QString errorOf(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return QString::fromStdString(error.what());
    }
    return {};
}

void append(const std::filesystem::path& file, const std::string& bytes) {
    std::ofstream(file, std::ios::binary | std::ios::app) << bytes;
}

RunDirectory newRun(const QTemporaryDir& folder) {
    return createRunDirectory(std::filesystem::path(folder.path().toStdString()) / "runs" / "one", RunSpec{}, "", "");
}

}  // namespace

class TestContract : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void specSurvivesARoundTrip();
    void aRunThatDoesNotFitLeavesNothing();
    void specKeepsKeysItDoesNotKnow();
    void specNamesWhatIsWrong_data();
    void specNamesWhatIsWrong();
    void settingsAreAppliedByName();
    void badSettingsAreNamed();
    void samplingRefusesUnknownKeysAndRanges();
    void metricsAreReadAsTheyGrow();
    void resumedMetricsDropWhatWasUndone();
    void nonFiniteMetricsSurvive();
    void statusOfADeadRunIsInterrupted();
    void lockIsHeldOnce();
    void requestsAreReadInOrder();
    void runDirectoryIsNeverOverwritten();
    void examplesSurviveARoundTrip();
    void conversationsSurviveARoundTrip();
    void badExampleNamesItsLine_data();
    void badExampleNamesItsLine();
    void eventsSurviveARoundTrip();
    void requestWithoutPromptIsRefused();
    void renderingsSurviveARoundTrip();
};

void TestContract::aRunThatDoesNotFitLeavesNothing() {
    const QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "runs" / "one";
    {
        const FileSizeLimit limit(10000);
        const QString message = errorOf([&] { createRunDirectory(path, RunSpec{}, std::string(20000, 'x'), ""); });
        QVERIFY2(message.contains("train.jsonl"), qPrintable(message));
    }
    QVERIFY(!std::filesystem::exists(path));
    createRunDirectory(path, RunSpec{}, std::string(20000, 'x'), "");
}

void TestContract::specSurvivesARoundTrip() {
    RunSpec spec;
    spec.id = "0193";
    spec.name = "dpo 1";
    spec.model = "../models/starter";
    spec.seed = 18446744073709551615ULL;
    spec.hyperparameters.learningRate = 3e-7;
    spec.hyperparameters.schedule = "cosine";
    spec.hyperparameters.shuffle = false;
    spec.sampling.topP = 0.9;
    spec.resolved["threads"] = 2;
    const RunSpec read = runSpecFromJson(toJson(spec), "run.json");
    QCOMPARE(toJson(read).dump(), toJson(spec).dump());
    QVERIFY(read.hyperparameters == spec.hyperparameters);
    QVERIFY(read.sampling == spec.sampling);
    QCOMPARE(read.seed, spec.seed);
}

void TestContract::specKeepsKeysItDoesNotKnow() {
    auto json = toJson(RunSpec{});
    json["note"] = "mine";
    const RunSpec read = runSpecFromJson(json, "run.json");
    QCOMPARE(toJson(read)["note"].get<std::string>(), std::string("mine"));
}

void TestContract::specNamesWhatIsWrong_data() {
    QTest::addColumn<QString>("pointer");
    QTest::addColumn<QString>("value");
    QTest::addColumn<QString>("message");
    QTest::newRow("type") << "/hyperparameters/beta"
                          << "\"high\""
                          << "beta";
    QTest::newRow("range") << "/hyperparameters/learning_rate"
                           << "0"
                           << "learning_rate";
    QTest::newRow("fraction") << "/hyperparameters/batch_size"
                              << "1.5"
                              << "batch_size";
    QTest::newRow("unknown") << "/hyperparameters/betta"
                             << "1"
                             << "betta";
    QTest::newRow("method") << "/method"
                            << "\"dqn\""
                            << "dqn";
    QTest::newRow("newer format") << "/format"
                                  << "2"
                                  << "format";
    QTest::newRow("negative seed") << "/seed"
                                   << "-1"
                                   << "seed";
}

void TestContract::specNamesWhatIsWrong() {
    QFETCH(QString, pointer);
    QFETCH(QString, value);
    QFETCH(QString, message);
    auto json = toJson(RunSpec{});
    json[files::OrderedJson::json_pointer(pointer.toStdString())] = files::OrderedJson::parse(value.toStdString());
    const QString error = errorOf([&] { runSpecFromJson(json, "run.json"); });
    QVERIFY2(error.startsWith("run.json") && error.contains(message), qPrintable(error));
}

void TestContract::settingsAreAppliedByName() {
    RunSpec spec;
    applySetting(spec, "beta=0.3");
    applySetting(spec, "lora_r=8");
    applySetting(spec, "lora_target_modules=q_proj, v_proj");
    QCOMPARE(loraTargetNames(spec.hyperparameters), (std::vector<std::string>{"q_proj", "v_proj"}));
    applySetting(spec, "lora_target_modules=all-linear");
    QVERIFY(loraTargetNames(spec.hyperparameters).empty());
    applySetting(spec, "num_train_epochs=2");
    applySetting(spec, "shuffle=false");
    applySetting(spec, "lr_scheduler_type=constant");
    applySetting(spec, "seed=7");
    QCOMPARE(spec.hyperparameters.beta, 0.3);
    QCOMPARE(spec.hyperparameters.epochs, 2.0);
    QCOMPARE(spec.hyperparameters.shuffle, false);
    QCOMPARE(spec.hyperparameters.schedule, std::string("constant"));
    QCOMPARE(spec.seed, std::uint64_t{7});
}

void TestContract::badSettingsAreNamed() {
    RunSpec spec;
    QVERIFY(errorOf([&] { applySetting(spec, "betta=0.3"); }).contains("betta"));
    QVERIFY(errorOf([&] { applySetting(spec, "beta"); }).contains("KEY=VALUE"));
    QVERIFY(errorOf([&] { applySetting(spec, "beta=lots"); }).contains("lots"));
    QVERIFY(errorOf([&] { applySetting(spec, "beta=-1"); }).contains("above 0"));
}

void TestContract::samplingRefusesUnknownKeysAndRanges() {
    QVERIFY(errorOf([] { samplingFromJson({{"tempreature", 1}}); }).contains("tempreature"));
    QVERIFY(errorOf([] { samplingFromJson({{"top_p", 0}}); }).contains("top_p"));
    QVERIFY(errorOf([] { samplingFromJson({{"max_new_tokens", 0}}); }).contains("max_new_tokens"));
}

void TestContract::metricsAreReadAsTheyGrow() {
    QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("metrics.jsonl").toStdString();
    MetricsReader reader(file);
    QVERIFY(reader.read().added.empty());
    append(file, R"({"step":1,"split":"train","time":5,"loss":0.69,"pairs":["a","b"],"n":2})"
                 "\n"
                 R"({"step":2,"spl)");
    auto update = reader.read();
    QCOMPARE(update.added.size(), std::size_t{1});
    QCOMPARE(update.added[0].values.at("loss"), 0.69);
    QCOMPARE(update.added[0].pairIds, (std::vector<std::string>{"a", "b"}));
    QVERIFY(reader.read().added.empty());
    append(file, R"(it":"eval","loss":0.5})"
                 "\n");
    update = reader.read();
    QCOMPARE(update.added.size(), std::size_t{1});
    QCOMPARE(update.added[0].split, std::string("eval"));
    QVERIFY(!update.restarted);
}

void TestContract::resumedMetricsDropWhatWasUndone() {
    QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("metrics.jsonl").toStdString();
    MetricsReader reader(file);
    for (int step = 1; step <= 5; ++step) {
        append(file, "{\"step\":" + std::to_string(step) + ",\"split\":\"train\",\"loss\":1}\n");
    }
    reader.read();
    append(file,
           "{\"step\":6,\"spl\n{\"event\":\"resumed\",\"from_step\":3}\n{\"step\":4,\"split\":\"train\",\"loss\":2}\n");
    const auto update = reader.read();
    QVERIFY(update.restarted);
    QCOMPARE(reader.records().size(), std::size_t{4});
    QCOMPARE(reader.records().back().values.at("loss"), 2.0);

    MetricsReader afresh(file);
    afresh.read();
    QCOMPARE(afresh.records().size(), std::size_t{4});
}

void TestContract::nonFiniteMetricsSurvive() {
    QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("metrics.jsonl").toStdString();
    MetricRecord record;
    record.step = 3;
    record.split = "train";
    record.values = {{"loss", std::nan("")}, {"grad_norm", HUGE_VAL}};
    append(file, files::toLine(toJson(record)) + "\n");
    MetricsReader reader(file);
    const auto update = reader.read();
    QCOMPARE(update.added.size(), std::size_t{1});
    QVERIFY(std::isnan(update.added[0].values.at("loss")));
    QCOMPARE(update.added[0].values.at("grad_norm"), HUGE_VAL);
}

void TestContract::statusOfADeadRunIsInterrupted() {
    QTemporaryDir folder;
    const RunDirectory run = newRun(folder);
    QCOMPARE(readStatus(run).state, RunState::Queued);
    RunStatus status;
    status.state = RunState::Running;
    status.step = 4;
    {
        const auto lock = RunLock::tryAcquire(run);
        QVERIFY(lock);
        writeStatus(run, status);
        QCOMPARE(readStatus(run).state, RunState::Running);
    }
    QCOMPARE(readStatus(run).state, RunState::Interrupted);
    QCOMPARE(readStatus(run).step, std::int64_t{4});
    status.state = RunState::Finished;
    writeStatus(run, status);
    QCOMPARE(readStatus(run).state, RunState::Finished);
}

void TestContract::lockIsHeldOnce() {
    QTemporaryDir folder;
    const RunDirectory run = newRun(folder);
    auto lock = RunLock::tryAcquire(run);
    QVERIFY(lock);
    QVERIFY(RunLock::isHeld(run));
    QVERIFY(!RunLock::tryAcquire(run));
    lock.reset();
    QVERIFY(!RunLock::isHeld(run));
    QVERIFY(RunLock::tryAcquire(run));
}

void TestContract::requestsAreReadInOrder() {
    QTemporaryDir folder;
    const RunDirectory run = newRun(folder);
    QCOMPARE(postRequest(run, RequestKind::Pause), std::int64_t{1});
    QCOMPARE(postRequest(run, RequestKind::Stop), std::int64_t{2});
    append(run.requests() / "note.txt", "hello");
    append(run.requests() / "0009.json", "{torn");
    const auto requests = pendingRequests(run, 0);
    QCOMPARE(requests.size(), std::size_t{2});
    QCOMPARE(requests[0].kind, RequestKind::Pause);
    QCOMPARE(requests[1].number, std::int64_t{2});
    QCOMPARE(pendingRequests(run, 1).size(), std::size_t{1});
}

void TestContract::runDirectoryIsNeverOverwritten() {
    QTemporaryDir folder;
    newRun(folder);
    QVERIFY(errorOf([&] { newRun(folder); }).contains("there already"));
}

void TestContract::examplesSurviveARoundTrip() {
    QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("train.jsonl").toStdString();
    const PairExample pair{"id-1", "Q:\n\"é\"", " a\\b", " \t日本"};
    append(file, toLine(pair) + "\n");
    const auto read = readPairs(file);
    QCOMPARE(read.size(), std::size_t{1});
    QCOMPARE(read[0].id, pair.id);
    QCOMPARE(read[0].prompt, pair.prompt);
    QCOMPARE(read[0].chosen, pair.chosen);
    QCOMPARE(read[0].rejected, pair.rejected);
}

/// TRL's conversational form; keys of a message beside role and content stay, in their order.
void TestContract::conversationsSurviveARoundTrip() {
    QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("train.jsonl").toStdString();
    const std::string pair =
        R"({"pair":"1","prompt":[{"role":"user","content":"é?","name":"Ann"}],)"
        R"("chosen":[{"role":"assistant","content":"c"}],"rejected":[{"role":"assistant","content":""}]})";
    append(file, pair + "\n");
    const auto read = readPairs(file);
    QCOMPARE(read.size(), std::size_t{1});
    QVERIFY(read[0].prompt.isConversation());
    QCOMPARE(read[0].prompt.messages[0]["name"].get<std::string>(), std::string("Ann"));
    QCOMPARE(read[0].chosen, answerTo(read[0].prompt, "c"));
    QCOMPARE(toLine(read[0]), pair);

    const std::filesystem::path taught = folder.filePath("sft.jsonl").toStdString();
    const DemonstrationExample example{"2", read[0].prompt, read[0].chosen};
    append(taught, toLine(example) + "\n");
    QCOMPARE(readDemonstrations(taught).at(0).completion, example.completion);
}

void TestContract::badExampleNamesItsLine_data() {
    QTest::addColumn<QByteArray>("line");
    QTest::addColumn<QString>("reason");
    const QByteArray turn = R"([{"role":"user","content":"p"}])", answer = R"([{"role":"assistant","content":"c"}])";
    const auto row = [](const QByteArray& prompt, const QByteArray& chosen, const QByteArray& more = {}) {
        return R"({"pair":"2","prompt":)" + prompt + R"(,"chosen":)" + chosen + R"(,"rejected":"r")" + more + "}";
    };
    QTest::newRow("number") << row(R"("p")", "3") << "\"chosen\" must be text or a list of messages, found 3";
    QTest::newRow("missing") << QByteArray(R"({"pair":"2","prompt":"p","chosen":"c"})") << "\"rejected\"";
    QTest::newRow("strength") << QByteArray(R"({"pair":"2","prompt":"p","chosen":"c","rejected":"r","strength":0})")
                              << "\"strength\" must be a number from";
    QTest::newRow("preference") << QByteArray(
                                       R"({"pair":"2","prompt":"p","chosen":"c","rejected":"r","preference":"1"})")
                                << "\"preference\" must be a number from";
    QTest::newRow("mixed") << row(turn, R"("c")") << "\"prompt\" and \"chosen\" must both be text or both be messages";
    QTest::newRow("empty") << row("[]", answer) << "\"prompt\" has no messages";
    QTest::newRow("no role") << row(R"([{"content":"p"}])", answer) << "\"prompt\": a message is";
    QTest::newRow("parts") << row(turn, R"([{"role":"assistant","content":[]}])") << "\"chosen\": a message is";
    QTest::newRow("tools") << QByteArray(R"({"pair":"2","prompt":)" + turn + R"(,"chosen":)" + answer +
                                         R"(,"rejected":)" + answer + R"(,"tools":[{"name":"f"}]})")
                           << "\"tools\" is not supported";
}

void TestContract::badExampleNamesItsLine() {
    QFETCH(QByteArray, line);
    QFETCH(QString, reason);
    QTemporaryDir folder;
    const std::filesystem::path file = folder.filePath("train.jsonl").toStdString();
    append(file, toLine(PairExample{"1", "p", "c", "r"}) + "\n" + line.toStdString() + "\n");
    const QString error = errorOf([&] { readPairs(file); });
    QVERIFY2(error.contains("train.jsonl: line 2") && error.contains(reason), qPrintable(error));
}

void TestContract::eventsSurviveARoundTrip() {
    EngineEvent event;
    event.kind = EngineEvent::Kind::Result;
    event.id = 7;
    event.sample = 2;
    event.text = "text";
    event.ids = {1, 2, 3};
    event.logProbability = -3.5;
    event.finishReason = FinishReason::Length;
    const EngineEvent read = eventFromJson(toJson(event));
    QCOMPARE(read.kind, event.kind);
    QCOMPARE(read.id, event.id);
    QCOMPARE(read.sample, event.sample);
    QCOMPARE(read.text, event.text);
    QCOMPARE(read.ids, event.ids);
    QCOMPARE(read.logProbability, event.logProbability);
    QCOMPARE(read.finishReason, event.finishReason);
}

void TestContract::requestWithoutPromptIsRefused() {
    QVERIFY(errorOf([] { generateRequestFromJson({{"id", 1}, {"op", "generate"}}); }).contains("prompt"));
    const GenerateRequest request{3, "Hi", {}};
    const GenerateRequest read = generateRequestFromJson(toJson(request));
    QCOMPARE(read.id, request.id);
    QCOMPARE(read.prompt, request.prompt);
    QVERIFY(read.settings == request.settings);

    const Passage talk = Passage::ofMessages({{{"role", "user"}, {"content", "Hi"}}});
    const GenerateRequest asked{4, talk, {}};
    QCOMPARE(generateRequestFromJson(toJson(asked)).prompt, talk);
    QVERIFY(errorOf([&] {
                generateRequestFromJson({{"id", 1}, {"op", "generate"}, {"prompt", "a"}, {"messages", talk.messages}});
            }).contains("both"));
    QVERIFY(errorOf([] {
                generateRequestFromJson({{"id", 1}, {"op", "generate"}, {"messages", nullptr}});
            }).contains("must be a list"));
}

void TestContract::renderingsSurviveARoundTrip() {
    const Rendering rendering{"<s>é", {{1, "<s>", true}, {12, "<0xC3>", false}}};
    QVERIFY(renderingFromJson(toJson(rendering)) == rendering);
    QVERIFY(errorOf([] { renderingFromJson({{"text", "a"}}); }).contains("tokens"));
}

QTEST_GUILESS_MAIN(TestContract)
#include "tst_contract.moc"
