#include <QObject>
#include <QTemporaryDir>
#include <QTest>

#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "tests/support/engine_process.h"
#include "tests/support/training_lines.h"

using namespace prefbench;

/// Dropout in whole runs of `prefbench-engine train`.
class TestDropoutRun : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void resumedAndCheckpointedRunEndsWithTheSameBits_data();
    void resumedAndCheckpointedRunEndsWithTheSameBits();

  private:
    contract::RunDirectory makeRun(const char* name, const contract::Hyperparameters& hyperparameters) const;
    QTemporaryDir dir_;
};

namespace {

EngineOutput train(const contract::RunDirectory& run, const QStringList& more = {}) {
    return engineOutput(QStringList{QStringLiteral("train"), QString::fromStdString(run.path.string())} + more, {},
                        240000);
}

/// As if the run had been stopped after its third step.
void goBack(const contract::RunDirectory& run) {
    std::filesystem::remove_all(run.finalModel());
    std::filesystem::remove_all(run.checkpoints() / "step-000006");
    contract::RunStatus status = contract::readStatus(run);
    status.state = contract::RunState::Stopped;
    contract::writeStatus(run, status);
}

}  // namespace

contract::RunDirectory TestDropoutRun::makeRun(const char* name,
                                               const contract::Hyperparameters& hyperparameters) const {
    contract::RunSpec spec;
    spec.id = "test";
    spec.model = std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / "gpt2";
    spec.hyperparameters = hyperparameters;
    spec.device = "cpu";
    spec.threads = 1;
    spec.seed = 11;
    return contract::createRunDirectory(std::filesystem::path(dir_.path().toStdString()) / name, spec,
                                        goldenPairLines(0, 24), goldenPairLines(48, 4));
}

void TestDropoutRun::resumedAndCheckpointedRunEndsWithTheSameBits_data() {
    QTest::addColumn<qint64>("rank");
    QTest::addColumn<QString>("weights");
    QTest::newRow("all weights") << qint64{0} << "model.safetensors";
    QTest::newRow("an adapter") << qint64{4} << "adapter_model.safetensors";
}

void TestDropoutRun::resumedAndCheckpointedRunEndsWithTheSameBits() {
    QFETCH(qint64, rank);
    QFETCH(QString, weights);
    contract::Hyperparameters h;
    h.learningRate = 1e-3;
    h.batchSize = 4;
    h.maxSteps = 6;
    h.checkpointEvery = 3;
    h.evalSamples = 0;
    h.loraRank = rank;
    const auto trained = [&](const char* name, bool resumed) {
        const contract::RunDirectory run = makeRun(qPrintable(QLatin1String(name) + QString::number(rank)), h);
        const EngineOutput output = train(run);
        if (resumed) {
            goBack(run);
            train(run, {QStringLiteral("--resume")});
        }
        return output.status == 0 ? files::readFile(run.finalModel() / weights.toStdString())
                                  : output.standardError.toStdString();
    };
    const std::string off = trained("off", false);
    h.dropout = 0.2;
    h.loraDropout = rank > 0 ? 0.1 : 0;
    const std::string whole = trained("whole", false);
    QCOMPARE(whole.size(), off.size());
    QVERIFY(whole != off);
    QVERIFY(trained("resumed", true) == whole);
    h.gradientCheckpointing = true;
    QVERIFY(trained("checkpointed", true) == whole);
}

QTEST_GUILESS_MAIN(TestDropoutRun)
#include "tst_dropout_run.moc"
