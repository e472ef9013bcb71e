#include <sys/resource.h>

#include <QElapsedTimer>
#include <QObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <random>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/json_lines.h"
#include "core/files/safetensors.h"
#include "core/training/durable_folder.h"
#include "tests/support/chat_model.h"
#include "tests/support/finished_run.h"
#include "tests/support/tiny_run.h"
#include "tests/support/training_lines.h"

using namespace prefbench;
using contract::RunDirectory;
using contract::RunState;
using contract::RunStatus;

/// `prefbench-engine train` from outside: what a run directory holds, what requests, crashes and damage do to it.
class TestTrainingRun : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void leavesWhatTheContractSays();
    void directoryMadeByHandTrains();
    void killedAtAnyMomentResumesBitForBit();
    void pauseCheckpointAndResumeRequests();
    void stopRequestEndsWithACheckpoint();
    void sigtermEndsWithACheckpoint();
    void secondProcessIsToldWhoHoldsTheRun();
    void damagedNewestCheckpointGivesWayToAnOlder();
    void tornMetricsLineIsEnded();
    void withoutCheckpointResumingBeginsAnew();
    void cachedReferenceGivesTheSameBits();
    void fullDiskLeavesTheLastGoodCheckpoint();
    void whatCannotBeDoneFailsWithOneLine_data();
    void whatCannotBeDoneFailsWithOneLine();
    void tenNonFiniteStepsEndTheRun();
    void demonstrationsTrain();
    void conversationsTrain();
    void conversationsTeach();
    void beginsOnlyOnce();
    void preflightCounts();
    void exportsAPlainModelFolder();

  private:
    struct Outcome {
        int exitCode = -1;
        QString errors;
    };
    using Change = std::function<void(contract::RunSpec&)>;
    static RunDirectory makeRun(const QTemporaryDir& dir, const char* name, const Change& change = {});
    static Outcome engine(const QStringList& arguments, const std::function<void()>& inChild = {});
    static Outcome train(const RunDirectory& run, bool resume = false) { return engine(arguments(run, resume)); }
    static QStringList arguments(const RunDirectory& run, bool resume);
    static std::unique_ptr<QProcess> start(const RunDirectory& run, bool resume = false);
    /// Waits until the run's status passes.
    static bool waitFor(const RunDirectory& run, const std::function<bool(const RunStatus&)>& passes);
    static bool waitForRecords(const RunDirectory& run, std::size_t count, QProcess& process);

    QTemporaryDir dir_;
    std::string uninterrupted_;  ///< final weights of the run that makeRun gives by default
};

namespace {

const std::filesystem::path kGolden = PREFBENCH_GOLDEN_DEFAULT;
constexpr std::int64_t kSteps = 30;  // of tinySpec
constexpr const char* kConversations = "dpo-qwen2-conversational";

std::string demonstrationLines(std::size_t count, bool withPrompt) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
        text += contract::toLine(contract::DemonstrationExample{"text-" + std::to_string(i), withPrompt ? "Say: " : "",
                                                                "The film was good and the cast was good."}) +
                "\n";
    }
    return text;
}

std::string weightsOf(const std::filesystem::path& folder) {
    return files::readFile(folder / "model.safetensors");
}

/// Train steps must be 1, 2, … `last`, each once and in order.
bool isOneRecordAStep(const RunDirectory& run, std::int64_t last) {
    std::int64_t next = 1;
    for (const contract::MetricRecord& record : recordsOf(run)) {
        if (record.split == "train" && record.step != next++) {
            return false;
        }
    }
    return next == last + 1;
}

RunStatus statusOf(const RunDirectory& run) {
    return contract::readStatus(run);
}

}  // namespace

RunDirectory TestTrainingRun::makeRun(const QTemporaryDir& dir, const char* name, const Change& change) {
    contract::RunSpec spec = tinySpec();
    if (change) {
        change(spec);
    }
    const std::filesystem::path path = std::filesystem::path(dir.path().toStdString()) / "p.data" / "runs" / name;
    const bool sft = spec.method == "sft";
    return contract::createRunDirectory(path, spec, sft ? demonstrationLines(32, true) : goldenPairLines(0, 48),
                                        sft ? demonstrationLines(4, true) : goldenPairLines(48, 8));
}

QStringList TestTrainingRun::arguments(const RunDirectory& run, bool resume) {
    QStringList arguments = {QStringLiteral("train"), QString::fromStdString(run.path.string())};
    if (resume) {
        arguments << QStringLiteral("--resume");
    }
    return arguments;
}

TestTrainingRun::Outcome TestTrainingRun::engine(const QStringList& arguments, const std::function<void()>& inChild) {
    QProcess process;
    process.setProgram(QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-engine"));
    process.setArguments(arguments);
    process.setStandardOutputFile(QProcess::nullDevice());
    if (inChild) {
        process.setChildProcessModifier(inChild);
    }
    process.start();
    if (!process.waitForFinished(240000)) {
        process.kill();
        return {-1, QStringLiteral("does not end")};
    }
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -2,
            QString::fromUtf8(process.readAllStandardError())};
}

std::unique_ptr<QProcess> TestTrainingRun::start(const RunDirectory& run, bool resume) {
    auto process = std::make_unique<QProcess>();
    process->setStandardErrorFile(QProcess::nullDevice());
    process->start(QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-engine"), arguments(run, resume));
    process->waitForStarted();
    return process;
}

bool TestTrainingRun::waitFor(const RunDirectory& run, const std::function<bool(const RunStatus&)>& passes) {
    QElapsedTimer timer;
    for (timer.start(); timer.elapsed() < 120000; QTest::qWait(10)) {
        if (passes(statusOf(run))) {
            return true;
        }
    }
    return false;
}

bool TestTrainingRun::waitForRecords(const RunDirectory& run, std::size_t count, QProcess& process) {
    contract::MetricsReader reader(run.metrics());
    QElapsedTimer timer;
    for (timer.start(); timer.elapsed() < 120000; process.waitForFinished(1)) {
        reader.read();
        if (reader.records().size() >= count) {
            return true;
        }
        if (process.state() == QProcess::NotRunning) {
            return false;
        }
    }
    return false;
}

void TestTrainingRun::initTestCase() {
    const RunDirectory run = makeRun(dir_, "whole");
    const Outcome outcome = train(run);
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    uninterrupted_ = weightsOf(run.finalModel());
}

void TestTrainingRun::leavesWhatTheContractSays() {
    const RunDirectory run{std::filesystem::path(dir_.path().toStdString()) / "p.data" / "runs" / "whole"};
    const RunStatus status = statusOf(run);
    QCOMPARE(status.state, RunState::Finished);
    QCOMPARE(status.step, kSteps);
    QCOMPARE(status.totalSteps, kSteps);
    QVERIFY(!contract::RunLock::isHeld(run));

    QVERIFY(isOneRecordAStep(run, kSteps));
    std::vector<std::int64_t> evaluated;
    for (const contract::MetricRecord& record : recordsOf(run)) {
        QVERIFY(record.values.contains("loss") && record.values.contains("rewards/margins_p50"));
        if (record.split == "eval") {
            evaluated.push_back(record.step);
            QCOMPARE(record.count, 8);
        } else {
            QCOMPARE(record.pairIds.size(), 4u);
            QVERIFY(record.values.at("pairs_per_second") > 0 && record.values.at("peak_memory_bytes") > 1e6);
        }
    }
    QCOMPARE(evaluated, (std::vector<std::int64_t>{0, 10, 20, 30}));
    QCOMPARE(recordsOf(run)[1].values.at("learning_rate"), 0.0);

    QCOMPARE(namesIn(run.margins()), (std::vector<std::string>{"step-000000.jsonl", "step-000010.jsonl",
                                                               "step-000020.jsonl", "step-000030.jsonl"}));
    const std::vector<std::string> checkpoints = namesIn(run.checkpoints());
    QVERIFY(checkpoints.size() >= 3 && checkpoints.size() <= 4);
    QCOMPARE(checkpoints.back(), std::string("step-000030"));
    for (const std::string& name : checkpoints) {
        QVERIFY(!training::folderDefect(run.checkpoints() / name).has_value());
    }
    QCOMPARE(weightsOf(run.checkpoints() / checkpoints.back()), uninterrupted_);
    QVERIFY(std::filesystem::exists(run.finalModel() / "tokenizer.json"));

    const files::OrderedJson resolved = contract::readRunSpec(run).resolved;
    QCOMPARE(resolved.at("threads").get<int>(), 1);
    QVERIFY(resolved.contains("token_budget") && resolved.contains("libtorch_version"));

    std::map<std::int64_t, int> samples;
    files::readJsonLinesFile(
        run.samples(),
        [&](std::int64_t, const files::OrderedJson& row) {
            QVERIFY(row.at("completion").is_string() && row.at("prompt").is_string());
            ++samples[row.at("step").get<std::int64_t>()];
        },
        [](const files::BadLine&) { QFAIL("bad line"); });
    QCOMPARE(samples, (std::map<std::int64_t, int>{{0, 2}, {10, 2}, {20, 2}, {30, 2}}));
}

void TestTrainingRun::directoryMadeByHandTrains() {
    const RunDirectory run = makeRun(dir_, "by-hand");
    std::filesystem::remove(run.status());
    for (const auto& folder : {run.requests(), run.margins(), run.checkpoints()}) {
        std::filesystem::remove(folder);
    }
    QCOMPARE(contract::readStatus(run).state, RunState::Queued);
    QCOMPARE(train(run).exitCode, 0);
    QCOMPARE(contract::readStatus(run).state, RunState::Finished);
    QCOMPARE(weightsOf(run.finalModel()), uninterrupted_);
    // What has begun does not begin anew because its status is lost.
    std::filesystem::remove(run.status());
    const auto outcome = train(run);
    QCOMPARE(outcome.exitCode, 1);
    QVERIFY2(outcome.errors.contains(QStringLiteral("status.json: cannot be read")), qPrintable(outcome.errors));
}

void TestTrainingRun::killedAtAnyMomentResumesBitForBit() {
    const RunDirectory run = makeRun(dir_, "killed");
    std::mt19937 random(20250301);
    bool resume = false;
    for (int kill = 0; kill < 5; ++kill) {
        const std::unique_ptr<QProcess> process = start(run, resume);
        const std::size_t target = recordsOf(run).size() + 1 + random() % 6;
        if (!waitForRecords(run, target, *process)) {
            break;  // it was quicker than the kill
        }
        process->kill();
        QVERIFY(process->waitForFinished());
        QCOMPARE(statusOf(run).state, RunState::Interrupted);
        resume = true;
    }
    QVERIFY(resume);
    const Outcome outcome = train(run, true);
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    QVERIFY(weightsOf(run.finalModel()) == uninterrupted_);
    QVERIFY(isOneRecordAStep(run, kSteps));
    const std::filesystem::path whole = run.path.parent_path() / "whole";
    QVERIFY(files::readFile(run.checkpoints() / "step-000030" / "optimizer.safetensors") ==
            files::readFile(whole / "checkpoints" / "step-000030" / "optimizer.safetensors"));
}

void TestTrainingRun::pauseCheckpointAndResumeRequests() {
    const RunDirectory run = makeRun(dir_, "paused");
    contract::postRequest(run, contract::RequestKind::Pause);
    const std::unique_ptr<QProcess> process = start(run);
    QVERIFY(waitFor(run, [](const RunStatus& status) { return status.state == RunState::Paused; }));
    contract::postRequest(run, contract::RequestKind::Checkpoint);
    QVERIFY(waitFor(run, [](const RunStatus& status) { return status.lastRequest == 2; }));
    QCOMPARE(namesIn(run.checkpoints()), std::vector<std::string>{"step-000000"});
    QCOMPARE(statusOf(run).step, 0);
    QVERIFY(process->state() == QProcess::Running);
    contract::postRequest(run, contract::RequestKind::Resume);
    QVERIFY(process->waitForFinished(120000));
    QCOMPARE(statusOf(run).state, RunState::Finished);
    QVERIFY(weightsOf(run.finalModel()) == uninterrupted_);
}

void TestTrainingRun::stopRequestEndsWithACheckpoint() {
    const RunDirectory run = makeRun(dir_, "stopped", [](contract::RunSpec& spec) {
        spec.hyperparameters.maxSteps = 100000;
        spec.hyperparameters.checkpointEvery = 0;
        spec.hyperparameters.evalEvery = 100000;
    });
    const std::unique_ptr<QProcess> process = start(run);
    QVERIFY(waitForRecords(run, 5, *process));
    contract::postRequest(run, contract::RequestKind::Stop);
    QVERIFY(process->waitForFinished(120000));
    QCOMPARE(process->exitCode(), 0);
    const RunStatus status = statusOf(run);
    QCOMPARE(status.state, RunState::Stopped);
    QCOMPARE(namesIn(run.checkpoints()).size(), 1u);
    const auto stoppedAt = status.step;

    // Going on: the request of before is not taken for a new one.
    const std::unique_ptr<QProcess> second = start(run, true);
    QVERIFY(waitFor(run, [&](const RunStatus& now) { return now.state == RunState::Running && now.step > stoppedAt; }));
    contract::postRequest(run, contract::RequestKind::Stop);
    QVERIFY(second->waitForFinished(120000));
    QVERIFY(isOneRecordAStep(run, statusOf(run).step));
}

void TestTrainingRun::sigtermEndsWithACheckpoint() {
    const RunDirectory run =
        makeRun(dir_, "terminated", [](contract::RunSpec& spec) { spec.hyperparameters.maxSteps = 100000; });
    const std::unique_ptr<QProcess> process = start(run);
    QVERIFY(waitForRecords(run, 5, *process));
    process->terminate();
    QVERIFY(process->waitForFinished(120000));
    QCOMPARE(process->exitStatus(), QProcess::NormalExit);
    QCOMPARE(statusOf(run).state, RunState::Stopped);
    char name[32];
    std::snprintf(name, sizeof name, "step-%06lld", static_cast<long long>(statusOf(run).step));
    QVERIFY(!training::folderDefect(run.checkpoints() / name).has_value());
}

void TestTrainingRun::secondProcessIsToldWhoHoldsTheRun() {
    const RunDirectory run = makeRun(dir_, "held");
    contract::postRequest(run, contract::RequestKind::Pause);
    const std::unique_ptr<QProcess> process = start(run);
    QVERIFY(waitFor(run, [](const RunStatus& status) { return status.state == RunState::Paused; }));
    const Outcome outcome = train(run, true);
    QCOMPARE(outcome.exitCode, 1);
    const QString expected = QStringLiteral("process %1 on ").arg(process->processId());
    QVERIFY2(outcome.errors.contains(expected) && outcome.errors.contains(QStringLiteral("since")),
             qPrintable(outcome.errors));
    QCOMPARE(statusOf(run).state, RunState::Paused);
    contract::postRequest(run, contract::RequestKind::Stop);
    QVERIFY(process->waitForFinished(120000));
}

void TestTrainingRun::damagedNewestCheckpointGivesWayToAnOlder() {
    const RunDirectory run = makeRun(dir_, "damaged");
    std::unique_ptr<QProcess> process = start(run);
    QVERIFY(waitForRecords(run, 16, *process));
    process->kill();
    process->waitForFinished();
    std::string newest = namesIn(run.checkpoints()).back();
    QVERIFY(newest.starts_with("step-"));
    const std::filesystem::path file = run.checkpoints() / newest / "optimizer.safetensors";
    std::string bytes = files::readFile(file);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    std::ofstream(file, std::ios::binary) << bytes;
    const Outcome outcome = train(run, true);
    QCOMPARE(outcome.exitCode, 0);
    QVERIFY2(outcome.errors.contains(QStringLiteral("damaged checkpoint")), qPrintable(outcome.errors));
    QVERIFY(!outcome.errors.contains(QStringLiteral("resuming from ") +
                                     QString::fromStdString((run.checkpoints() / newest).string())));
    QVERIFY(weightsOf(run.finalModel()) == uninterrupted_);
    QVERIFY(isOneRecordAStep(run, kSteps));
}

void TestTrainingRun::tornMetricsLineIsEnded() {
    const RunDirectory run = makeRun(dir_, "torn");
    std::unique_ptr<QProcess> process = start(run);
    QVERIFY(waitForRecords(run, 9, *process));
    process->kill();
    process->waitForFinished();
    std::ofstream(run.metrics(), std::ios::app | std::ios::binary) << R"({"step":9,"split":"tra)";
    QCOMPARE(train(run, true).exitCode, 0);
    QVERIFY(isOneRecordAStep(run, kSteps));
    const std::string text = files::readFile(run.metrics());
    QVERIFY(text.find("\"tra\n") != std::string::npos);
    QVERIFY(text.find("\"event\":\"resumed\"") != std::string::npos);
    QVERIFY(text.ends_with('\n'));
}

void TestTrainingRun::withoutCheckpointResumingBeginsAnew() {
    const RunDirectory run =
        makeRun(dir_, "anew", [](contract::RunSpec& spec) { spec.hyperparameters.checkpointEvery = 0; });
    std::unique_ptr<QProcess> process = start(run);
    QVERIFY(waitForRecords(run, 6, *process));
    process->kill();
    process->waitForFinished();
    QCOMPARE(train(run, true).exitCode, 0);
    QVERIFY(weightsOf(run.finalModel()) == uninterrupted_);
    QVERIFY(isOneRecordAStep(run, kSteps));
    const auto records = recordsOf(run);
    QCOMPARE(std::count_if(records.begin(), records.end(), [](const auto& record) { return record.step == 0; }), 1);
}

void TestTrainingRun::cachedReferenceGivesTheSameBits() {
    const QTemporaryDir dir;
    const std::filesystem::path cache = std::filesystem::path(dir.path().toStdString()) / "p.data/cache/reference";
    const RunDirectory computed = makeRun(dir, "computed");
    QCOMPARE(train(computed).exitCode, 0);
    const std::vector<std::string> files = namesIn(cache);
    QCOMPARE(files.size(), 2u);
    const auto written = std::filesystem::last_write_time(cache / files[0]);

    const RunDirectory cached = makeRun(dir, "cached");
    QCOMPARE(train(cached).exitCode, 0);
    QVERIFY(weightsOf(cached.finalModel()) == weightsOf(computed.finalModel()));
    QVERIFY(std::filesystem::last_write_time(cache / files[0]) == written);

    const std::string whole = files::readFile(cache / files[0]);
    std::ofstream(cache / files[0], std::ios::binary) << whole.substr(0, whole.size() / 2);
    const RunDirectory repaired = makeRun(dir, "repaired");
    QCOMPARE(train(repaired).exitCode, 0);
    QVERIFY(files::readFile(cache / files[0]) == whole);
    QVERIFY(weightsOf(repaired.finalModel()) == weightsOf(computed.finalModel()));
}

void TestTrainingRun::fullDiskLeavesTheLastGoodCheckpoint() {
    const RunDirectory run = makeRun(dir_, "full");
    std::unique_ptr<QProcess> process = start(run);
    QVERIFY(waitForRecords(run, 9, *process));
    process->kill();
    process->waitForFinished();
    const std::filesystem::path good = run.checkpoints() / "step-000005";
    QVERIFY(!training::folderDefect(good).has_value());

    // No file may grow past the weights' size: the optimizer's state, twice as large, does not fit.
    const rlim_t limit = std::filesystem::file_size(good / "model.safetensors") + 4096;
    const Outcome outcome = engine(arguments(run, true), [limit] {
        const struct rlimit sizes { limit, limit };
        ::setrlimit(RLIMIT_FSIZE, &sizes);
    });
    QCOMPARE(outcome.exitCode, 1);
    const RunStatus status = statusOf(run);
    QCOMPARE(status.state, RunState::Failed);
    QVERIFY2(status.message.find("optimizer.safetensors") != std::string::npos, status.message.c_str());
    for (const std::string& name : namesIn(run.checkpoints())) {
        QVERIFY2(name.starts_with("step-"), name.c_str());
        QVERIFY(!training::folderDefect(run.checkpoints() / name).has_value());
    }
    QCOMPARE(train(run, true).exitCode, 0);
    QVERIFY(weightsOf(run.finalModel()) == uninterrupted_);
}

void TestTrainingRun::whatCannotBeDoneFailsWithOneLine_data() {
    QTest::addColumn<QString>("what");
    QTest::addColumn<QString>("message");
    QTest::newRow("no pairs") << "empty"
                              << "no pairs to train on";
    QTest::newRow("model missing") << "missing"
                                   << "/nowhere";
    QTest::newRow("weights cut short") << "truncated"
                                       << "model.safetensors";
    QTest::newRow("nothing left after truncation") << "dropped"
                                                   << "max_length = 1";
    QTest::newRow("other weights than the run was made for") << "hash"
                                                             << "weights have changed since the model was added";
    QTest::newRow("conversations without a chat template") << "conversations"
                                                           << "models/gpt2: the model has no chat template";
    QTest::newRow("a tie for a method without") << "tie"
                                                << "pair 7 is not sure (preference 0.5), but method hinge takes sure";
    QTest::newRow("smoothing without cdpo") << "smoothing"
                                            << "method dpo has none";
}

void TestTrainingRun::whatCannotBeDoneFailsWithOneLine() {
    QFETCH(QString, what);
    QFETCH(QString, message);
    const QTemporaryDir dir;
    const std::filesystem::path broken = std::filesystem::path(dir.path().toStdString()) / "broken";
    std::filesystem::copy(kGolden / "models" / "gpt2", broken, std::filesystem::copy_options::recursive);
    const std::string weights = weightsOf(broken);
    std::ofstream(broken / "model.safetensors", std::ios::binary) << weights.substr(0, weights.size() - 100);

    const RunDirectory run = makeRun(dir, "run", [&](contract::RunSpec& spec) {
        spec.model = what == "missing" ? "/nowhere" : what == "truncated" ? broken : spec.model;
        spec.hyperparameters.maxLength = what == "dropped" ? 1 : 1024;
        spec.hyperparameters.labelSmoothing = what == "smoothing" ? 0.1 : 0;
        spec.method = what == "tie" ? "hinge" : spec.method;
        spec.modelHash = what == "hash" ? std::string(64, '0') : std::string();
    });
    if (what == "empty" || what == "conversations") {
        files::writeDurably(run.trainData(), what == "empty" ? "" : goldenPairLines(0, 4, kConversations));
    }
    if (what == "tie") {
        files::writeDurably(run.trainData(), R"({"pair":"7","prompt":"p","chosen":"c","rejected":"r","preference":0.5})"
                                             "\n");
    }
    const Outcome outcome = train(run);
    QCOMPARE(outcome.exitCode, 1);
    const RunStatus status = statusOf(run);
    QCOMPARE(status.state, RunState::Failed);
    QVERIFY2(QString::fromStdString(status.message).contains(message), status.message.c_str());
    QVERIFY(status.message.find('\n') == std::string::npos);
    QVERIFY(outcome.errors.contains(message));
}

void TestTrainingRun::tenNonFiniteStepsEndTheRun() {
    const RunDirectory run = makeRun(dir_, "infinite", [](contract::RunSpec& spec) {
        spec.hyperparameters.learningRate = 1e30;
        spec.hyperparameters.warmupSteps = 0;
        spec.hyperparameters.schedule = "constant";
    });
    QCOMPARE(train(run).exitCode, 1);
    const RunStatus status = statusOf(run);
    QCOMPARE(status.state, RunState::Failed);
    QVERIFY2(status.message.find("10th step in a row that is not finite; last finite: step 1 ") != std::string::npos,
             status.message.c_str());
    const auto records = recordsOf(run);
    QVERIFY(!std::isfinite(records.back().values.at("loss")) || !std::isfinite(records.back().values.at("grad_norm")));
}

void TestTrainingRun::demonstrationsTrain() {
    const RunDirectory run = makeRun(dir_, "sft", [](contract::RunSpec& spec) {
        spec.method = "sft";
        spec.hyperparameters.warmupSteps = 0;
        spec.hyperparameters.learningRate = 3e-3;
    });
    const Outcome outcome = train(run);
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    std::vector<double> losses;
    for (const contract::MetricRecord& record : recordsOf(run)) {
        if (record.split == "eval") {
            losses.push_back(record.values.at("loss"));
        }
    }
    QCOMPARE(losses.size(), 4u);
    QVERIFY2(losses.back() < losses.front() / 2, qPrintable(QString::number(losses.back())));
}

void TestTrainingRun::conversationsTrain() {
    const ChatModel chat;
    const RunDirectory run = makeRun(dir_, "conversations", [&](contract::RunSpec& spec) {
        spec.model = chat.path();
        spec.hyperparameters.maxSteps = 10;
    });
    files::writeDurably(run.trainData(), goldenPairLines(0, 48, kConversations));
    files::writeDurably(run.evalData(), goldenPairLines(48, 8, kConversations));
    QVERIFY(engine({QStringLiteral("preflight"), QString::fromStdString(run.path.string())}).exitCode == 0);
    const Outcome outcome = train(run);
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    QVERIFY(isOneRecordAStep(run, 10));
    // The trained model reads conversations too.
    QCOMPARE(files::readFile(run.finalModel() / "chat_template.jinja"), chatMlTemplate);
    std::size_t samples = 0;
    files::readJsonLinesFile(
        run.samples(),
        [&](std::int64_t, const files::OrderedJson& row) {
            ++samples;
            QVERIFY(row.at("prompt").is_array() && row.at("prompt")[0].contains("role"));
            QVERIFY(row.at("completion").is_string());
        },
        [](const files::BadLine& bad) { QFAIL(bad.reason.c_str()); });
    QCOMPARE(samples, std::size_t(4));
}

void TestTrainingRun::conversationsTeach() {
    const ChatModel chat;
    const RunDirectory run = makeRun(dir_, "conversations-sft", [&](contract::RunSpec& spec) {
        spec.method = "sft";
        spec.model = chat.path();
        spec.hyperparameters.maxSteps = 10;
    });
    const contract::Passage prompt = contract::Passage::ofMessages({{{"role", "user"}, {"content", "How was it?"}}});
    std::string lines;
    for (const char* answer : {"The film was good.", "The cast was good."}) {
        lines +=
            contract::toLine(contract::DemonstrationExample{answer, prompt, contract::answerTo(prompt, answer)}) + "\n";
    }
    files::writeDurably(run.trainData(), lines);
    files::writeDurably(run.evalData(), lines);
    const Outcome outcome = train(run);
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    const std::vector<contract::MetricRecord> records = recordsOf(run);
    QVERIFY(records.back().values.at("loss") < records.front().values.at("loss"));
}

void TestTrainingRun::beginsOnlyOnce() {
    const RunDirectory run{std::filesystem::path(dir_.path().toStdString()) / "p.data" / "runs" / "whole"};
    for (const bool resume : {false, true}) {
        const Outcome outcome = train(run, resume);
        QCOMPARE(outcome.exitCode, 1);
        QVERIFY2(outcome.errors.contains(QStringLiteral("finished")), qPrintable(outcome.errors));
    }
    QCOMPARE(statusOf(run).state, RunState::Finished);
    QVERIFY(engine({QStringLiteral("train"), dir_.path()}).errors.contains(QStringLiteral("not a run directory")));
}

void TestTrainingRun::preflightCounts() {
    const RunDirectory run =
        makeRun(dir_, "preflight", [](contract::RunSpec& spec) { spec.hyperparameters.maxLength = 40; });
    files::writeDurably(run.trainData(), goldenPairLines(0, 48) + goldenPairLines(0, 2));
    QProcess process;
    process.start(QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-engine"),
                  {QStringLiteral("preflight"), QString::fromStdString(run.path.string())});
    QVERIFY(process.waitForFinished(120000));
    QCOMPARE(process.exitCode(), 0);
    const files::Json json = files::parseJson(process.readAllStandardOutput().toStdString(), "preflight");
    QCOMPARE(json.at("duplicates").get<int>(), 2);
    QCOMPARE(json.at("pairs").get<int>() + json.at("dropped").get<int>(), 50);
    QCOMPARE(json.at("eval_pairs").get<int>(), 8);
    QVERIFY(json.at("truncated").get<int>() > 0);
    QVERIFY(json.at("tokens_p50").get<int>() > 10 && json.at("tokens_max").get<int>() <= 80);
    QCOMPARE(json.at("steps").get<int>(), kSteps);
    QVERIFY(json.at("estimated_memory_bytes").get<double>() > 4 * weightsOf(kGolden / "models/gpt2").size());
    QCOMPARE(statusOf(run).state, RunState::Queued);
}

void TestTrainingRun::exportsAPlainModelFolder() {
    const std::filesystem::path run = std::filesystem::path(dir_.path().toStdString()) / "p.data" / "runs" / "whole";
    const std::filesystem::path target = std::filesystem::path(dir_.path().toStdString()) / "exported";
    const auto path = [](const std::filesystem::path& p) { return QString::fromStdString(p.string()); };
    QCOMPARE(engine({QStringLiteral("export"), path(run), path(target)}).exitCode, 0);
    QVERIFY(weightsOf(target) == uninterrupted_);
    QVERIFY(std::filesystem::exists(target / "config.json") && !std::filesystem::exists(target / "manifest.json"));
    QCOMPARE(engine({QStringLiteral("export"), path(run), path(target)}).exitCode, 1);

    const std::filesystem::path checkpoint = run / "checkpoints" / "step-000025";
    const std::filesystem::path second = target.string() + "-25";
    QCOMPARE(engine({QStringLiteral("export"), path(checkpoint), path(second)}).exitCode, 0);
    QVERIFY(weightsOf(second) == weightsOf(checkpoint));
    QVERIFY(!std::filesystem::exists(second / "optimizer.safetensors"));
}

QTEST_GUILESS_MAIN(TestTrainingRun)
#include "tst_training_run.moc"
