#include <QElapsedTimer>
#include <QObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <functional>
#include <set>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/files/json_lines.h"
#include "core/files/model_folder.h"
#include "core/files/safetensors.h"
#include "tests/support/engine_process.h"
#include "tests/support/expect_error.h"
#include "tests/support/tiny_run.h"
#include "tests/support/training_lines.h"

using namespace prefbench;
using contract::RunDirectory;

/// Training of an adapter by `prefbench-engine train`, and what its other commands do with one.
class TestLoraRun : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void modelAndCheckpointsAreAdapters();
    void rewardsRise();
    void killedAndResumedEndsWithTheSameBits();
    void preflightCountsWhatIsTrained();
    void everyCommandTakesAnAdapter();
    void mergedScoresTheSame();
    void exportsInAnyDtype();
    void exportedAdapterKnowsItsBase();
    void goesOnWithAnAdapter();
    void whatCannotBeDoneFailsWithOneLine_data();
    void whatCannotBeDoneFailsWithOneLine();

  private:
    struct Outcome {
        int exitCode = -1;
        QString output, errors;
    };
    using Change = std::function<void(contract::RunSpec&)>;
    RunDirectory makeRun(const char* name, const Change& change = {}) const;
    std::filesystem::path path(const char* name) const {
        return std::filesystem::path(dir_.path().toStdString()) / name;
    }
    static Outcome engine(const QStringList& arguments, const std::string& input = {});
    static Outcome train(const RunDirectory& run, bool resume = false);
    static std::string scores(const QStringList& modelArguments);

    QTemporaryDir dir_;
    RunDirectory run_;  ///< a whole one
};

namespace {

const std::filesystem::path kGolden = PREFBENCH_GOLDEN_DEFAULT;
constexpr std::int64_t kSteps = 12;
constexpr int kTimeoutMs = 240000;

QString text(const std::filesystem::path& path) {
    return QString::fromStdString(path.string());
}

std::string adapterOf(const std::filesystem::path& folder) {
    return files::readFile(folder / "adapter_model.safetensors");
}

std::vector<double> numbersIn(const std::string& lines) {
    std::vector<double> numbers;
    for (const QString& line : QString::fromStdString(lines).split('\n', Qt::SkipEmptyParts)) {
        const files::Json answer = files::parseJson(line.toStdString(), "score");
        for (const files::Json& value : answer.at("token_logprobs")) {
            numbers.push_back(value.get<double>());
        }
    }
    return numbers;
}

double largestDifference(const std::string& a, const std::string& b) {
    const std::vector<double> first = numbersIn(a), second = numbersIn(b);
    if (first.empty() || first.size() != second.size()) {
        return 1e9;
    }
    double largest = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        largest = std::max(largest, std::abs(first[i] - second[i]));
    }
    return largest;
}

}  // namespace

RunDirectory TestLoraRun::makeRun(const char* name, const Change& change) const {
    contract::RunSpec spec = tinySpec();
    spec.hyperparameters.learningRate = 1e-2;
    spec.hyperparameters.warmupSteps = 0;
    spec.hyperparameters.maxSteps = kSteps;
    spec.hyperparameters.evalEvery = 6;
    spec.hyperparameters.checkpointEvery = 3;
    spec.hyperparameters.evalSamples = 1;
    spec.hyperparameters.loraRank = 4;
    spec.hyperparameters.loraDropout = 0.1;
    spec.sampling.maxNewTokens = 4;
    if (change) {
        change(spec);
    }
    return contract::createRunDirectory(path("p.data") / "runs" / name, spec, goldenPairLines(0, 48),
                                        goldenPairLines(48, 8));
}

TestLoraRun::Outcome TestLoraRun::engine(const QStringList& arguments, const std::string& input) {
    const EngineOutput output = engineOutput(arguments, QByteArray::fromStdString(input), kTimeoutMs);
    return {output.status, QString::fromUtf8(output.standardOutput), QString::fromUtf8(output.standardError)};
}

TestLoraRun::Outcome TestLoraRun::train(const RunDirectory& run, bool resume) {
    QStringList arguments = {QStringLiteral("train"), text(run.path)};
    return engine(resume ? arguments << QStringLiteral("--resume") : arguments);
}

/// What `score` answers about two completions.
std::string TestLoraRun::scores(const QStringList& modelArguments) {
    const Outcome outcome = engine(QStringList{QStringLiteral("score")} + modelArguments,
                                   "{\"prompt\":\"The film\",\"completion\":\" was good.\"}\n"
                                   "{\"prompt\":\"A\",\"completion\":\" cast that was bad\"}\n");
    return outcome.exitCode == 0 ? outcome.output.toStdString() : outcome.errors.toStdString();
}

void TestLoraRun::initTestCase() {
    run_ = makeRun("whole");
    const Outcome outcome = train(run_);
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
}

void TestLoraRun::modelAndCheckpointsAreAdapters() {
    for (const auto& folder : {run_.finalModel(), run_.checkpoints() / "step-000012"}) {
        QVERIFY(std::filesystem::exists(folder / "adapter_config.json"));
        QVERIFY(std::filesystem::exists(folder / "tokenizer.json"));
        QVERIFY(!std::filesystem::exists(folder / "model.safetensors"));
        QVERIFY(!std::filesystem::exists(folder / "config.json"));
        QVERIFY(adapterOf(folder) == adapterOf(run_.finalModel()));
        QVERIFY(files::openModelFolder(folder).folder == kGolden / "models" / "gpt2");
    }
    const files::SafetensorsFile moments =
        files::SafetensorsFile::open(run_.checkpoints() / "step-000012" / "optimizer.safetensors");
    const files::SafetensorsFile adapter =
        files::SafetensorsFile::open(run_.finalModel() / "adapter_model.safetensors");
    QCOMPARE(moments.tensors().size(), 2 * adapter.tensors().size());
    for (const files::TensorInfo& tensor : adapter.tensors()) {
        QVERIFY2(moments.find("exp_avg." + tensor.name) != nullptr, tensor.name.c_str());
    }
}

void TestLoraRun::rewardsRise() {
    contract::MetricsReader reader(run_.metrics());
    reader.read();
    std::vector<double> losses;
    for (const contract::MetricRecord& record : reader.records()) {
        if (record.split == "eval") {
            losses.push_back(record.values.at("loss"));
        }
    }
    QCOMPARE(losses.size(), 3u);
    QVERIFY(std::abs(losses.front() - std::log(2.0)) < 1e-6);  // policy and reference are the base
    QVERIFY2(losses.back() < losses.front() - 0.05, qPrintable(QString::number(losses.back())));
}

void TestLoraRun::killedAndResumedEndsWithTheSameBits() {
    const RunDirectory run = makeRun("killed");
    QProcess process;
    process.start(engineProgram(), {QStringLiteral("train"), text(run.path)});
    QElapsedTimer timer;
    for (timer.start(); timer.elapsed() < kTimeoutMs && !std::filesystem::exists(run.checkpoints() / "step-000003");) {
        process.waitForFinished(1);
    }
    process.kill();
    process.waitForFinished();
    QVERIFY(!std::filesystem::exists(run.finalModel()));
    const Outcome outcome = train(run, true);
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    QVERIFY2(outcome.errors.contains(QStringLiteral("resuming from ")), qPrintable(outcome.errors));
    QVERIFY(adapterOf(run.finalModel()) == adapterOf(run_.finalModel()));
    for (const char* file : {"optimizer.safetensors", "adapter_config.json"}) {
        QVERIFY(files::readFile(run.checkpoints() / "step-000012" / file) ==
                files::readFile(run_.checkpoints() / "step-000012" / file));
    }
}

void TestLoraRun::preflightCountsWhatIsTrained() {
    const auto preflight = [&](const char* name, std::int64_t rank) {
        const RunDirectory run =
            makeRun(name, [rank](contract::RunSpec& spec) { spec.hyperparameters.loraRank = rank; });
        const Outcome outcome = engine({QStringLiteral("preflight"), text(run.path)});
        return files::parseJson(outcome.output.toStdString(), "preflight");
    };
    const files::Json adapter = preflight("preflight", 4), whole = preflight("preflight-whole", 0);
    std::int64_t elements = 0;
    const auto file = files::SafetensorsFile::open(run_.finalModel() / "adapter_model.safetensors");
    for (const files::TensorInfo& tensor : file.tensors()) {
        elements += static_cast<std::int64_t>((tensor.end - tensor.begin) / 4);
    }
    const auto trained = adapter.at("trained_parameters").get<std::int64_t>();
    const auto all = whole.at("trained_parameters").get<std::int64_t>();
    QCOMPARE(trained, elements);
    QCOMPARE(adapter.at("checkpoint_bytes").get<std::int64_t>(), 12 * elements);
    // Gradients and moments of what is frozen are saved, less what the way through the adapter's matrices takes.
    const auto saved = whole.at("estimated_memory_bytes").get<std::int64_t>() -
                       adapter.at("estimated_memory_bytes").get<std::int64_t>();
    QVERIFY(saved > 0 && saved < 12 * all - 16 * trained);
}

void TestLoraRun::everyCommandTakesAnAdapter() {
    const QString model = QStringLiteral("--model"), folder = text(run_.finalModel());
    const std::string base = scores({model, text(kGolden / "models" / "gpt2")}), ours = scores({model, folder});
    QVERIFY2(largestDifference(base, ours) > 1e-3, ours.c_str());
    const Outcome answer = engine({QStringLiteral("generate"), model, folder, QStringLiteral("--max-new-tokens"),
                                   QStringLiteral("4"), QStringLiteral("--temperature"), QStringLiteral("0")},
                                  "{\"prompt\":\"The film\"}\n");
    QVERIFY2(answer.exitCode == 0 && answer.output.contains(QStringLiteral("completion")), qPrintable(answer.errors));
    const Outcome served =
        engine({QStringLiteral("serve"), model, folder},
               "{\"id\":1,\"op\":\"score\",\"prompt\":\"The film\",\"completion\":\" was good.\"}\n");
    QVERIFY2(served.output.contains(QStringLiteral("\"event\":\"done\"")), qPrintable(served.output + served.errors));
    // An adapter as peft leaves it has no tokenizer: the base's holds.
    std::filesystem::create_directory(path("bare"));
    for (const char* name : {"adapter_config.json", "adapter_model.safetensors"}) {
        std::filesystem::copy_file(run_.finalModel() / name, path("bare") / name);
    }
    QCOMPARE(scores({model, text(path("bare"))}), ours);
    const Outcome ids = engine({QStringLiteral("tokenize"), model, text(path("bare"))}, "{\"text\":\"The film\"}\n");
    QVERIFY2(ids.exitCode == 0, qPrintable(ids.errors));
}

void TestLoraRun::mergedScoresTheSame() {
    const Outcome outcome =
        engine({QStringLiteral("export"), text(run_.path), text(path("merged")), QStringLiteral("--merge")});
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    QVERIFY(!std::filesystem::exists(path("merged") / "adapter_config.json"));
    QVERIFY(!std::filesystem::exists(path("merged") / "manifest.json"));
    QVERIFY(std::filesystem::exists(path("merged") / "generation_config.json"));
    const QString model = QStringLiteral("--model");
    const double difference =
        largestDifference(scores({model, text(path("merged"))}), scores({model, text(run_.finalModel())}));
    QVERIFY2(difference < 1e-4, qPrintable(QString::number(difference)));
}

void TestLoraRun::exportsInAnyDtype() {
    const auto typesIn = [&](const QStringList& options, const char* name, const char* file) {
        const Outcome outcome =
            engine(QStringList{QStringLiteral("export"), text(run_.checkpoints() / "step-000012"), text(path(name))} +
                   options);
        std::set<std::string> types;
        if (outcome.exitCode == 0) {
            const auto source = files::SafetensorsFile::open(path(name) / file);
            for (const files::TensorInfo& tensor : source.tensors()) {
                types.insert(files::dtypeName(tensor.dtype));
            }
        }
        return types;
    };
    const QString dtype = QStringLiteral("--dtype"), merge = QStringLiteral("--merge");
    using Types = std::set<std::string>;
    QCOMPARE(typesIn({merge, dtype, QStringLiteral("bfloat16")}, "m16", "model.safetensors"), Types{"BF16"});
    QVERIFY(files::readOrderedJsonFile(path("m16") / "config.json").at("dtype") == files::OrderedJson("bfloat16"));
    QCOMPARE(typesIn({merge}, "m32", "model.safetensors"), Types{"F32"});
    QCOMPARE(typesIn({dtype, QStringLiteral("float16")}, "a16", "adapter_model.safetensors"), Types{"F16"});
    QCOMPARE(typesIn({}, "a32", "adapter_model.safetensors"), Types{"F32"});
    QVERIFY(!std::filesystem::exists(path("a32") / "optimizer.safetensors"));
    QVERIFY(largestDifference(scores({QStringLiteral("--model"), text(path("a16"))}),
                              scores({QStringLiteral("--model"), text(path("a32"))})) < 0.05);
    QCOMPARE(engine({QStringLiteral("export"), text(kGolden / "models" / "gpt2"), text(path("g16")), dtype,
                     QStringLiteral("float16")})
                 .exitCode,
             0);
    QCOMPARE(files::SafetensorsFile::open(path("g16") / "model.safetensors").tensors().front().dtype,
             files::DType::F16);
    const Outcome none = engine({QStringLiteral("export"), text(path("g16")), text(path("never")), merge});
    QVERIFY2(none.exitCode == 1 && none.errors.contains(QStringLiteral("nothing to merge")), qPrintable(none.errors));
    QVERIFY(!std::filesystem::exists(path("never")));
    QCOMPARE(engine({QStringLiteral("export"), text(run_.path), text(path("never")), dtype, QStringLiteral("int8")})
                 .exitCode,
             2);
}

/// A project and its models move together, so a run names them as it was told; what leaves the project names its base
/// by an absolute path.
void TestLoraRun::exportedAdapterKnowsItsBase() {
    std::filesystem::create_directories(path("p.data") / "models");
    std::filesystem::copy(kGolden / "models" / "gpt2", path("p.data") / "models" / "base",
                          std::filesystem::copy_options::recursive);
    const RunDirectory run = makeRun("relative", [](contract::RunSpec& spec) {
        spec.model = "../../models/base";
        spec.hyperparameters.maxSteps = 1;
    });
    QCOMPARE(train(run).exitCode, 0);
    const auto baseOf = [](const std::filesystem::path& folder) {
        return files::readOrderedJsonFile(folder / "adapter_config.json")
            .at("base_model_name_or_path")
            .get<std::string>();
    };
    QCOMPARE(baseOf(run.finalModel()), std::string("../../../models/base"));
    QCOMPARE(baseOf(run.checkpoints() / "step-000001"), std::string("../../../../models/base"));
    QCOMPARE(engine({QStringLiteral("export"), text(run.path), text(path("left"))}).exitCode, 0);
    QCOMPARE(baseOf(path("left")), (path("p.data") / "models" / "base").string());

    std::filesystem::rename(path("p.data") / "models" / "base", path("moved"));
    const QString model = QStringLiteral("--model");
    QVERIFY(scores({model, text(path("left"))}).find("; name the base model's folder with --base") !=
            std::string::npos);
    QVERIFY(!numbersIn(scores({model, text(path("left")), QStringLiteral("--base"), text(path("moved"))})).empty());
    QCOMPARE(engine({QStringLiteral("export"), text(run.path), text(path("left-merged")), QStringLiteral("--merge"),
                     QStringLiteral("--base"), text(path("moved"))})
                 .exitCode,
             0);
}

void TestLoraRun::goesOnWithAnAdapter() {
    const std::filesystem::path base = path("base-of-the-first");
    std::filesystem::copy(kGolden / "models" / "gpt2", base, std::filesystem::copy_options::recursive);
    const auto goOn = [&](contract::RunSpec& spec) {
        spec.model = run_.finalModel();
        spec.base = base;  // wherever the adapter says
        spec.hyperparameters.loraRank = 0;
        spec.hyperparameters.maxSteps = 4;
    };
    const RunDirectory run = makeRun("second", goOn);
    const Outcome outcome = train(run);
    QVERIFY2(outcome.exitCode == 0, qPrintable(outcome.errors));
    const auto config = files::readOrderedJsonFile(run.finalModel() / "adapter_config.json");
    QVERIFY(config.at("r") == files::OrderedJson(4));
    QVERIFY(config.at("base_model_name_or_path") == files::OrderedJson(base.string()));
    QVERIFY(adapterOf(run.finalModel()) != adapterOf(run_.finalModel()));
    QCOMPARE(adapterOf(run.finalModel()).size(), adapterOf(run_.finalModel()).size());
    contract::MetricsReader reader(run.metrics());
    reader.read();
    // The reference is the adapter that it went on from.
    QVERIFY(std::abs(reader.records().front().values.at("loss") - std::log(2.0)) < 1e-6);
    QVERIFY(std::abs(reader.records().front().values.at("rewards/margins")) < 1e-6);

    const RunDirectory other = makeRun("third", [&](contract::RunSpec& spec) {
        goOn(spec);
        spec.hyperparameters.loraRank = 8;
    });
    QVERIFY(train(other).errors.contains(QStringLiteral("lora_r = 8: the model is an adapter of r = 4")));
}

void TestLoraRun::whatCannotBeDoneFailsWithOneLine_data() {
    QTest::addColumn<QString>("setting");
    QTest::addColumn<QString>("message");
    QTest::newRow("rank") << "lora_r=-1"
                          << "lora_r = -1: must be 0 (off: all weights are trained) or more";
    QTest::newRow("alpha") << "lora_alpha=0"
                           << "lora_alpha = 0.0: must be above 0";
    QTest::newRow("dropout") << "lora_dropout=1"
                             << "lora_dropout = 1.0: must be from 0 to below 1";
    QTest::newRow("targets") << "lora_target_modules=c_attn,,c_fc"
                             << "must be all-linear or names of modules with commas between";
    QTest::newRow("unknown") << "lora_target_modules=q_proj"
                             << "run.json: lora_target_modules names \"q_proj\", but no linear layer of the model is "
                                "called so; there are c_attn, c_proj, c_fc";
}

void TestLoraRun::whatCannotBeDoneFailsWithOneLine() {
    QFETCH(QString, setting);
    QFETCH(QString, message);
    contract::RunSpec spec;
    const std::string refused = errorOf([&] { contract::applySetting(spec, setting.toStdString()); });
    if (!refused.empty()) {
        QVERIFY2(QString::fromStdString(refused).contains(message), refused.c_str());
        return;
    }
    const RunDirectory run = makeRun(qPrintable(QString(QTest::currentDataTag()) + QStringLiteral("-refused")),
                                     [&](contract::RunSpec& s) { contract::applySetting(s, setting.toStdString()); });
    for (const char* command : {"preflight", "train"}) {
        const Outcome outcome = engine({QString::fromLatin1(command), text(run.path)});
        QCOMPARE(outcome.exitCode, 1);
        QVERIFY2(outcome.errors.contains(message), qPrintable(outcome.errors));
    }
}

QTEST_GUILESS_MAIN(TestLoraRun)
#include "tst_lora_run.moc"
