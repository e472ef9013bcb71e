#include <QDirIterator>
#include <QObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/files/json_lines.h"

using namespace prefbench;

/// What transformers and datasets make of our files. Runs where PREFBENCH_PEERS=1 says that they are there, in the
/// Python that PREFBENCH_PEERS_PYTHON names; then it may not be skipped.
class TestPeers : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void transformersScoresATrainedModelAlike_data();
    void transformersScoresATrainedModelAlike();
    void peftScoresATrainedAdapterAlike_data();
    void peftScoresATrainedAdapterAlike();
    void datasetsLoadsAnExport();
    void transformersRendersChatTemplatesAlike();
    void librariesTokenizeAlike();

  private:
    QTemporaryDir dir_;
};

namespace {

constexpr int kTimeoutMs = 300000;
const QString kGolden = QStringLiteral(PREFBENCH_GOLDEN_DEFAULT);
const QString kEngine = QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-engine");
const QString kCli = QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-cli");

QString script(const char* name) {
    return QStringLiteral(PREFBENCH_SOURCE_DIR "/tests/peers/") + QLatin1String(name);
}

/// What the program said, or nothing when it ended well.
QString failureOf(const QString& program, const QStringList& arguments) {
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(program, arguments);
    const bool good =
        process.waitForFinished(kTimeoutMs) && process.exitStatus() == QProcess::NormalExit && process.exitCode() == 0;
    const QString output = QString::fromUtf8(process.readAll());
    return good ? QString() : program + QStringLiteral(": ") + process.errorString() + QLatin1Char('\n') + output;
}

QString failureOfPython(const QStringList& arguments) {
    return failureOf(qEnvironmentVariable("PREFBENCH_PEERS_PYTHON"), arguments);
}

std::string pairLines(const QString& source) {
    std::string lines;
    files::readJsonLinesFile(
        source.toStdString(),
        [&](std::int64_t number, const files::OrderedJson& row) {
            const auto passage = [&row](const char* key) { return contract::passageFromJson(row.at(key), key); };
            lines += contract::toLine(contract::PairExample{std::to_string(number), passage("prompt"),
                                                            passage("chosen"), passage("rejected")}) +
                     "\n";
        },
        [](const files::BadLine&) {});
    return lines;
}

}  // namespace

void TestPeers::initTestCase() {
    if (qEnvironmentVariable("PREFBENCH_PEERS") != QStringLiteral("1")) {
        QSKIP("PREFBENCH_PEERS is not 1: transformers and datasets are not asked");
    }
    QVERIFY2(!qEnvironmentVariable("PREFBENCH_PEERS_PYTHON").isEmpty(),
             "PREFBENCH_PEERS=1 needs PREFBENCH_PEERS_PYTHON, a Python with transformers and datasets");
}

void TestPeers::transformersScoresATrainedModelAlike_data() {
    QTest::addColumn<QString>("model");
    for (const char* model : {"gpt2", "llama", "gptj", "gpt_neox", "gpt_neox-sequential", "opt", "opt-350m",
                              "falcon-7b", "falcon-11b", "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3"}) {
        QTest::newRow(model) << model;
    }
}

void TestPeers::transformersScoresATrainedModelAlike() {
    QFETCH(QString, model);
    const QString pairs = kGolden + QStringLiteral("/trajectories/dpo-gpt2/data.jsonl");
    contract::RunSpec spec;
    spec.model = (kGolden + QStringLiteral("/models/") + model).toStdString();
    spec.hyperparameters.learningRate = 1e-3;
    spec.hyperparameters.maxSteps = 10;
    spec.hyperparameters.evalSamples = 0;
    spec.device = "cpu";
    const contract::RunDirectory run =
        contract::createRunDirectory(dir_.filePath(model).toStdString(), spec, pairLines(pairs), "");
    const QString path = QString::fromStdString(run.path.string());
    const QString trained = QString::fromStdString(run.finalModel().string());
    QCOMPARE(failureOf(kEngine, {QStringLiteral("train"), path}), QString());
    QCOMPARE(failureOfPython({script("check_model.py"), kEngine, trained, pairs}), QString());
}

void TestPeers::peftScoresATrainedAdapterAlike_data() {
    QTest::addColumn<QString>("model");
    QTest::addColumn<QString>("targets");
    QTest::newRow("gpt2") << "gpt2"
                          << "all-linear";
    QTest::newRow("gpt2, attention") << "gpt2"
                                     << "c_attn";
    QTest::newRow("llama") << "llama"
                           << "all-linear";
    QTest::newRow("llama, queries and values") << "llama"
                                               << "q_proj,v_proj";
    for (const char* model : {"gptj", "gpt_neox", "opt-350m", "falcon-7b", "falcon-11b", "qwen3", "phi3", "gemma3"}) {
        QTest::newRow(model) << model << "all-linear";
    }
}

void TestPeers::peftScoresATrainedAdapterAlike() {
    QFETCH(QString, model);
    QFETCH(QString, targets);
    const QString pairs = kGolden + QStringLiteral("/trajectories/dpo-gpt2/data.jsonl");
    const QString base = kGolden + QStringLiteral("/models/") + model;
    const QString name = QStringLiteral("lora-") + QString::number(qHash(model + targets));
    contract::RunSpec spec;
    spec.model = base.toStdString();
    spec.hyperparameters.learningRate = 1e-2;
    spec.hyperparameters.maxSteps = 10;
    spec.hyperparameters.evalSamples = 0;
    spec.hyperparameters.loraRank = 4;
    spec.hyperparameters.loraTargets = targets.toStdString();
    spec.device = "cpu";
    const contract::RunDirectory run =
        contract::createRunDirectory(dir_.filePath(name).toStdString(), spec, pairLines(pairs), "");
    const QString path = QString::fromStdString(run.path.string());
    const QString adapter = QString::fromStdString(run.finalModel().string());
    const QString merged = dir_.filePath(name + QStringLiteral("-merged"));
    QCOMPARE(failureOf(kEngine, {QStringLiteral("train"), path}), QString());
    QCOMPARE(failureOfPython({script("check_adapter.py"), kEngine, adapter, targets, pairs}), QString());
    QCOMPARE(failureOf(kEngine, {QStringLiteral("export"), path, merged, QStringLiteral("--merge")}), QString());
    QCOMPARE(failureOfPython({script("check_model.py"), kEngine, merged, pairs}), QString());
}

void TestPeers::datasetsLoadsAnExport() {
    const QString pairs = kGolden + QStringLiteral("/trajectories/dpo-gpt2/data.jsonl");
    const QString project = dir_.filePath(QStringLiteral("pairs.prefbench"));
    const QString file = dir_.filePath(QStringLiteral("pairs.jsonl"));
    QCOMPARE(failureOf(kCli, {QStringLiteral("new"), project}), QString());
    QCOMPARE(failureOf(kCli, {QStringLiteral("import"), project, pairs}), QString());
    QCOMPARE(failureOf(kCli, {QStringLiteral("export"), project, file, QStringLiteral("--format"),
                              QStringLiteral("trl-pairs")}),
             QString());
    QCOMPARE(failureOfPython({script("check_dataset.py"), file, pairs}), QString());
}

void TestPeers::transformersRendersChatTemplatesAlike() {
    QStringList call = {script("check_templates.py"), kEngine};
    for (const char* model : {"gpt2", "llama", "llama3-rope", "qwen2", "gpt_neox"}) {
        call << kGolden + QStringLiteral("/models/") + QLatin1String(model);
    }
    QCOMPARE(failureOfPython(call), QString());
}

void TestPeers::librariesTokenizeAlike() {
    const QString program = QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-bench-tokenizer");
    const QString count = QStringLiteral("2000");
    const QString folder = kGolden + QStringLiteral("/tokenizers/");
    QStringList files;
    for (QDirIterator it(folder, {QStringLiteral("tokenizer.json"), QStringLiteral("tokenizer.model")}, QDir::Files,
                         QDirIterator::Subdirectories);
         it.hasNext();) {
        files << it.next();
    }
    QVERIFY(files.size() > 1);
    QCOMPARE(failureOfPython(QStringList{script("check_tokenizers.py"), program, count} + files), QString());
    QCOMPARE(failureOfPython({script("check_tokenizers.py"), QStringLiteral("--variants"), program, count,
                              folder + QStringLiteral("gpt2-1500/tokenizer.json")}),
             QString());
}

QTEST_GUILESS_MAIN(TestPeers)
#include "tst_peers.moc"
