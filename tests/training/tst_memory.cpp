#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>

#include "core/files/durable_file.h"
#include "core/files/model_folder.h"
#include "core/training/memory.h"
#include "core/training/scoring.h"
#include "tests/support/expect_error.h"
#include "tests/support/finished_run.h"
#include "tests/support/tiny_run.h"

using namespace prefbench;
using namespace prefbench::training;

namespace {

const std::filesystem::path kModel = std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / "gpt2";

model::Architecture architecture() {
    const files::ModelFolder folder = files::openModelFolder(kModel);
    return model::architectureFromConfig(folder.config, "config.json");
}

/// `count` examples of `tokens` tokens each.
Dataset examples(std::size_t count, std::size_t tokens) {
    Dataset dataset;
    for (std::size_t i = 0; i < count; ++i) {
        Example example;
        example.id = std::to_string(i);
        example.prompt.assign(tokens / 2, 1);
        example.completions = {std::vector<text::TokenId>(tokens / 4, 2), std::vector<text::TokenId>(tokens / 4, 3)};
        dataset.examples.push_back(std::move(example));
    }
    return dataset;
}

void write(const std::filesystem::path& file, const std::string& text) {
    std::filesystem::create_directories(file.parent_path());
    files::writeAtomically(file, text);
}

}  // namespace

/// What a run needs, what the machine has, and what is said where the two do not go together.
class TestMemory : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;

    std::filesystem::path folder() const { return dir_.path().toStdString(); }

  private Q_SLOTS:
    void init() { std::filesystem::remove_all(folder() / "root"); }

    void parametersAreCountedFromTheArchitecture() {
        const model::Transformer model = model::Transformer::load(files::openModelFolder(kModel), at::kCPU, at::kFloat);
        std::int64_t count = 0;
        for (const model::Parameter& parameter : model.parameters()) {
            count += parameter.value.numel();
        }
        const contract::RunSpec spec = tinySpec();
        const Dataset data = examples(1, 40);
        QCOMPARE(trainedParameters({spec, model.architecture(), 1000, data}), count);
    }

    void ofAnAdapterAloneGradientsAndMomentsAreKept() {
        const model::Architecture a = architecture();
        const Dataset data = examples(4, 40);
        contract::RunSpec spec = tinySpec();
        const MemoryNeed whole = estimateMemory({spec, a, 1000, data});
        // A rank of 2 on c_attn, hidden → 3 · hidden, of every layer.
        spec.hyperparameters.loraRank = 2;
        spec.hyperparameters.loraTargets = "c_attn";
        const std::int64_t numbers = a.layers * 2 * (a.hidden + 3 * a.hidden);
        QCOMPARE(trainedParameters({spec, a, 1000, data}), numbers);
        const MemoryNeed fresh = estimateMemory({spec, a, 1000, data});
        QCOMPARE(fresh.parameters, whole.parameters + 4 * numbers);
        QCOMPARE(fresh.gradients, 4 * numbers);
        QCOMPARE(fresh.moments, 8 * numbers);
        // One that the run goes on with is taken as it is.
        spec.hyperparameters.loraRank = 0;
        QCOMPARE(estimateMemory({spec, a, 1000, data, 77}).gradients, std::int64_t(4 * 77));
    }

    void whereOnlyAnAdapterFitsThatIsSaid() {
        model::Architecture a = architecture();
        a.hidden = 1024;
        a.heads = a.kvHeads = 16;
        a.headDim = 64;
        a.mlp = 4096;
        const Dataset data = examples(1, 16);
        const contract::RunSpec spec = tinySpec();
        const MemoryShape shape{spec, a, 1000, data};
        const MemoryNeed need = estimateMemory(shape);
        const std::int64_t bytes = need.program + need.parameters + need.activations + need.gradients / 2;
        EXPECT_ERROR(requireMemory(shape, {bytes, ""}), "set lora_r 16 and batch_size 1");
    }

    void theLongestBatchHoldsTheLongestExamples() {
        Dataset dataset = examples(5, 40);
        dataset.examples[3].completions[0].assign(500, 2);
        QCOMPARE(longestBatch(dataset, 2, 100000).front(), &dataset.examples[3]);
        QCOMPARE(longestBatch(dataset, 2, 100000).size(), std::size_t(2));
        QCOMPARE(longestBatch(dataset, 16, 100000).size(), std::size_t(5));
        QCOMPARE(longestBatch(dataset, 16, 600).size(), std::size_t(2));
        QCOMPARE(longestBatch(dataset, 16, 10).size(), std::size_t(1));
        QVERIFY(longestBatch(Dataset{}, 16, 10).empty());
    }

    void settingsCountForWhatTheyTake() {
        const model::Architecture a = architecture();
        const Dataset data = examples(32, 200);
        contract::RunSpec spec = tinySpec();
        spec.hyperparameters.batchSize = 8;
        const MemoryNeed eight = estimateMemory({spec, a, 100000, data});
        spec.hyperparameters.batchSize = 4;
        const MemoryNeed four = estimateMemory({spec, a, 100000, data});
        QCOMPARE(eight.batchTokens, 2 * four.batchTokens);
        QVERIFY(four.activations < eight.activations && four.moments == 2 * four.parameters);
        spec.hyperparameters.optimizer = "rmsprop";
        QCOMPARE(estimateMemory({spec, a, 100000, data}).moments, four.parameters);
        spec.dtype = "float64";
        QCOMPARE(estimateMemory({spec, a, 100000, data}).parameters, 2 * four.parameters);
    }

    /// Copies of two bytes, beside weights, gradients and moments that are what they were.
    void narrowProductsTakeCopiesAndKeepLess() {
        const model::Architecture a = architecture();
        const Dataset data = examples(8, 200);
        contract::RunSpec spec = tinySpec();
        const MemoryNeed wide = estimateMemory({spec, a, 100000, data});
        spec.dtype = "bfloat16";
        const MemoryNeed narrow = estimateMemory({spec, a, 100000, data});
        QCOMPARE(narrow.gradients, wide.gradients);
        QCOMPARE(narrow.moments, wide.moments);
        const std::int64_t head = a.vocabulary * a.hidden;
        const std::int64_t layer = 4 * a.hidden * a.hidden + 2 * a.hidden * a.mlp;
        // The tied head twice: the copy, and its gradient before it is widened.
        QCOMPARE(narrow.parameters - wide.parameters, 2 * (a.layers * layer + 2 * head));
        QVERIFY(narrow.activations < wide.activations);
        spec.hyperparameters.loraRank = 2;
        spec.hyperparameters.loraTargets = "c_attn";
        const std::int64_t adapter = a.layers * 2 * 4 * a.hidden;
        QCOMPARE(estimateMemory({spec, a, 100000, data}).parameters,
                 wide.parameters + 2 * (a.layers * layer + head) + (4 + 2) * adapter);
    }

    void checkpointingKeepsOneLayerAndDropoutKeepsItsMasks() {
        model::Architecture a = architecture();
        a.layers = 12;
        const Dataset data = examples(4, 200);
        contract::RunSpec spec = tinySpec();
        const std::int64_t plain = estimateMemory({spec, a, 100000, data}).activations;
        spec.hyperparameters.dropout = 0.1;
        const std::int64_t dropping = estimateMemory({spec, a, 100000, data}).activations;
        QVERIFY(dropping >= plain + 4 * a.layers * 3 * a.heads * 200 * 200);
        spec.hyperparameters.gradientCheckpointing = true;
        QVERIFY(estimateMemory({spec, a, 100000, data}).activations < dropping / 2);
        spec.hyperparameters.dropout = 0;
        QVERIFY(estimateMemory({spec, a, 100000, data}).activations < plain / 2);
    }

    void whatMakesARunFitIsNamed_data() {
        QTest::addColumn<QString>("setting");
        QTest::addColumn<double>("share");  // of what the run needs
        QTest::newRow("a smaller batch") << "lower batch_size to " << 0.5;
        QTest::newRow("layers computed anew") << "set gradient_checkpointing true and batch_size 1" << 0.015;
        QTest::newRow("shorter examples") << "set batch_size 1 and max_length " << 0.005;
        QTest::newRow("nothing") << "choose a smaller model" << 0.0;
    }

    void whatMakesARunFitIsNamed() {
        QFETCH(QString, setting);
        QFETCH(double, share);
        const model::Architecture a = architecture();
        const Dataset data = examples(64, 4000);
        contract::RunSpec spec = tinySpec();
        spec.hyperparameters.batchSize = 64;
        const MemoryShape shape{spec, a, 1000000, data};
        const MemoryNeed need = estimateMemory(shape);
        const std::int64_t fixed = need.total() - need.activations;
        const auto available = static_cast<std::int64_t>(share * static_cast<double>(need.activations));
        const std::int64_t bytes = share > 0 ? fixed + available : fixed / 2;
        EXPECT_ERROR(requireMemory(shape, {bytes, "free on this machine"}), setting.toStdString());
        EXPECT_ERROR(requireMemory(shape, {bytes, "free on this machine"}), gigabytes(need.total()));
        EXPECT_ERROR(requireMemory(shape, {bytes, "free on this machine"}), "free on this machine");
        requireMemory(shape, {need.total(), ""});
    }

    void theLeastOfMachineAndGroupsCounts_data() {
        QTest::addColumn<QString>("files");  // NAME=TEXT, with | between them
        QTest::addColumn<qint64>("bytes");
        QTest::addColumn<QString>("limit");
        const QString machine = QStringLiteral("proc/meminfo=MemTotal: 9 kB\nMemAvailable:    4000000 kB\n|");
        QTest::newRow("the machine") << machine << qint64(4096000000) << "free on this machine";
        QTest::newRow("version 2, with cache that can go")
            << machine +
                   "proc/self/cgroup=0::/user/job\n|sys/fs/cgroup/user/job/memory.max=3000\n|"
                   "sys/fs/cgroup/user/job/memory.current=2500\n|"
                   "sys/fs/cgroup/user/job/memory.stat=anon 1\ninactive_file 100\n|"
            << qint64(600) << "left in its control group";
        QTest::newRow("version 2, a group above") << machine +
                                                         "proc/self/cgroup=0::/user/job\n|"
                                                         "sys/fs/cgroup/user/job/memory.max=max\n|"
                                                         "sys/fs/cgroup/user/job/memory.current=2500\n|"
                                                         "sys/fs/cgroup/user/memory.max=5000\n|"
                                                         "sys/fs/cgroup/user/memory.current=4000\n|"
                                                  << qint64(1000) << "left in its control group";
        QTest::newRow("version 1 in a container") << machine +
                                                         "proc/self/cgroup=3:cpu,memory:/docker/abc\n|"
                                                         "sys/fs/cgroup/memory/memory.limit_in_bytes=7000\n|"
                                                         "sys/fs/cgroup/memory/memory.usage_in_bytes=1000\n|"
                                                  << qint64(6000) << "left in its control group";
        QTest::newRow("version 1 without a limit")
            << machine +
                   "proc/self/cgroup=3:memory:/\n|"
                   "sys/fs/cgroup/memory/memory.limit_in_bytes=9223372036854771712\n|"
                   "sys/fs/cgroup/memory/memory.usage_in_bytes=1000\n|"
            << qint64(4096000000) << "free on this machine";
    }

    void theLeastOfMachineAndGroupsCounts() {
        QFETCH(QString, files);
        QFETCH(qint64, bytes);
        QFETCH(QString, limit);
        const std::filesystem::path root = folder() / "root";
        for (const QString& file : files.split('|', Qt::SkipEmptyParts)) {
            const qsizetype middle = file.indexOf('=');
            write(root / file.left(middle).toStdString(), file.mid(middle + 1).toStdString());
        }
        const files::MemoryAvailable available = files::availableMemory(root);
        QCOMPARE(available.bytes, bytes);
        QCOMPARE(QString::fromStdString(available.limit), limit);
    }

    void thisMachineHasSome() {
        const files::MemoryAvailable available = files::availableMemory();
        QVERIFY(available.bytes > (std::int64_t{1} << 26) && !available.limit.empty());
    }

    void aRunThatCannotFitEndsBeforeItsModelIsRead() {
        const std::filesystem::path giant = folder() / "giant";
        std::filesystem::copy(kModel, giant, std::filesystem::copy_options::recursive);
        files::Json config = files::readJsonFile(giant / "config.json");
        config["n_embd"] = 65536;
        config["n_layer"] = 200;
        config["n_head"] = 64;
        write(giant / "config.json", config.dump());
        const contract::RunDirectory run =
            makeTinyRun(folder(), "giant", [&](contract::RunSpec& spec) { spec.model = giant; });
        const TrainOutcome outcome = train(run);
        QCOMPARE(outcome.exitCode, 1);
        const contract::RunStatus status = contract::readStatus(run);
        QCOMPARE(status.state, contract::RunState::Failed);
        QVERIFY2(status.message.starts_with("not enough memory: the run takes about ") &&
                     status.message.ends_with("choose a smaller model"),
                 status.message.c_str());
        QVERIFY(trainStepsOf(run).empty());
        // preflight says the same.
        const EngineOutcome preflight =
            runEngine({QStringLiteral("preflight"), QString::fromStdString(run.path.string())});
        QCOMPARE(preflight.status, 0);
        const auto needed = preflight.lines.at(0).at("estimated_memory_bytes").get<std::int64_t>();
        QVERIFY2(status.message.find("takes about " + gigabytes(needed) + ",") != std::string::npos,
                 status.message.c_str());
        QVERIFY(preflight.lines.at(0).at("available_memory_bytes").get<std::int64_t>() < needed);
    }

    void preflightRefusesSettingsThatTheMethodHasNot() {
        const contract::RunDirectory run = makeTinyRun(
            folder(), "smoothed", [](contract::RunSpec& spec) { spec.hyperparameters.labelSmoothing = 0.1; });
        const EngineOutcome outcome =
            runEngine({QStringLiteral("preflight"), QString::fromStdString(run.path.string())});
        QCOMPARE(outcome.status, 1);
        QVERIFY2(outcome.standardError.contains("method dpo has none"), outcome.standardError.constData());
    }
};

QTEST_GUILESS_MAIN(TestMemory)
#include "tst_memory.moc"
