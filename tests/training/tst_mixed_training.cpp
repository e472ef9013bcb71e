#include <QTemporaryDir>
#include <QTest>
#include <cmath>

#include "core/files/durable_file.h"
#include "core/model/lora.h"
#include "tests/support/tiny_run.h"
#include "tests/support/tiny_trainer.h"

using namespace prefbench;
using namespace prefbench::training;

/// Training with bfloat16 products and float32 weights.
class TestMixedTraining : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase() { at::set_num_threads(1); }
    void lossesAreNearFloat32();
    void everyStepChangesWhatIsMultiplied_data();
    void everyStepChangesWhatIsMultiplied();
    void smallStepsAreNotLost();
    void accumulationChangesRoundingOnly();
    void checkpointingChangesNoBit();
    void resumedRunEndsWithTheSameBits_data();
    void resumedRunEndsWithTheSameBits();

  private:
    QTemporaryDir dir_;
};

namespace {

model::Transformer load(at::ScalarType products = at::kBFloat16) {
    model::Transformer policy = goldenModel();
    policy.setProductType(products);
    return policy;
}

Trainer::Settings settings(std::int64_t batch = 8, std::int64_t accumulation = 1) {
    return trainerSettings("dpo", batch, accumulation);
}

std::unique_ptr<Trainer> trainerFor(model::Transformer policy, const Trainer::Settings& settings) {
    return ::trainerFor(std::move(policy), repeatingPairs(16), settings);
}

}  // namespace

void TestMixedTraining::lossesAreNearFloat32() {
    auto narrow = trainerFor(load(), settings()), wide = trainerFor(load(at::kFloat), settings());
    // Policy and reference round alike: untouched, they are the same.
    StepReport found = narrow->step(), expected = wide->step();
    QCOMPARE(found.loss, std::log(2.0));
    QVERIFY(std::abs(found.gradientNorm - expected.gradientNorm) < 0.02 * expected.gradientNorm);
    for (int step = 0; step < 20; ++step) {
        found = narrow->step();
        expected = wide->step();
        QVERIFY(found.loss != expected.loss);
        QVERIFY2(std::abs(found.loss - expected.loss) < 0.02, qPrintable(QString::number(found.loss)));
    }
    QVERIFY(found.loss < 0.68);  // it learns
}

void TestMixedTraining::everyStepChangesWhatIsMultiplied_data() {
    QTest::addColumn<QString>("optimizer");
    QTest::addColumn<bool>("adapted");
    QTest::newRow("adamw") << "adamw" << false;
    QTest::newRow("rmsprop") << "rmsprop" << false;
    QTest::newRow("adamw, an adapter") << "adamw" << true;
}

/// No copy is stale: after a step the policy scores as a model whose copies are made anew.
void TestMixedTraining::everyStepChangesWhatIsMultiplied() {
    QFETCH(const QString, optimizer);
    QFETCH(const bool, adapted);
    auto s = settings();
    s.hyperparameters.optimizer = optimizer.toStdString();
    s.hyperparameters.learningRate = 1e-2;
    model::Transformer policy = load();
    if (adapted) {
        policy.addAdapter({4, 8, 0}, 7, model::BaseName::Absolute, "");
    }
    auto trainer = trainerFor(std::move(policy), s);
    std::vector<double> before = scoreDataset(trainer->policy(), repeatingPairs(16), 4096);
    for (int step = 0; step < 3; ++step) {
        trainer->step();
        const std::vector<double> after = scoreDataset(trainer->policy(), repeatingPairs(16), 4096);
        QVERIFY(after != before);
        QVERIFY(after == scoreDataset(trainer->policy().clone(), repeatingPairs(16), 4096));
        before = after;
    }
}

/// What float32 weights are for: a step far below a weight's last bfloat16 bit moves it all the same.
void TestMixedTraining::smallStepsAreNotLost() {
    auto s = settings();
    s.hyperparameters.learningRate = 1e-7;
    const model::Transformer before = load();
    auto trainer = trainerFor(load(), s);
    trainer->step();
    std::int64_t moved = 0, roundedMoved = 0, all = 0;
    for (std::size_t i = 0; i < before.parameters().size(); ++i) {
        const at::Tensor was = before.parameters()[i].value, is = trainer->policy().parameters()[i].value.detach();
        QVERIFY(is.scalar_type() == at::kFloat);
        moved += (was != is).sum().item<std::int64_t>();
        roundedMoved += (was.to(at::kBFloat16) != is.to(at::kBFloat16)).sum().item<std::int64_t>();
        all += was.numel();
    }
    QVERIFY(moved > all / 2);
    QVERIFY(roundedMoved < all / 100);
}

void TestMixedTraining::accumulationChangesRoundingOnly() {
    auto one = trainerFor(load(), settings(8, 1)), four = trainerFor(load(), settings(2, 4));
    for (int step = 0; step < 4; ++step) {
        const StepReport a = one->step(), b = four->step();
        QVERIFY(std::abs(a.loss - b.loss) < 2e-3);
        QVERIFY(std::abs(a.gradientNorm - b.gradientNorm) < 0.02 * a.gradientNorm);
    }
}

void TestMixedTraining::checkpointingChangesNoBit() {
    auto kept = settings(), anew = settings();
    kept.hyperparameters.dropout = 0.2;
    anew.hyperparameters.dropout = 0.2;
    anew.hyperparameters.gradientCheckpointing = true;
    auto a = trainerFor(load(), kept), b = trainerFor(load(), anew);
    for (int step = 0; step < 3; ++step) {
        const StepReport plain = a->step(), other = b->step();
        QVERIFY(plain.loss == other.loss && plain.gradientNorm == other.gradientNorm);
    }
    QVERIFY(scoreDataset(a->policy(), repeatingPairs(16), 4096) == scoreDataset(b->policy(), repeatingPairs(16), 4096));
}

void TestMixedTraining::resumedRunEndsWithTheSameBits_data() {
    QTest::addColumn<qint64>("rank");
    QTest::addColumn<QString>("weights");
    QTest::newRow("all weights") << qint64{0} << "model.safetensors";
    QTest::newRow("an adapter") << qint64{4} << "adapter_model.safetensors";
}

void TestMixedTraining::resumedRunEndsWithTheSameBits() {
    QFETCH(const qint64, rank);
    QFETCH(const QString, weights);
    const auto trained = [&](const std::string& name, const char* dtype, bool resumed) {
        const auto run =
            makeTinyRun(dir_.path().toStdString(), name + std::to_string(rank), [&](contract::RunSpec& spec) {
                spec.dtype = dtype;
                spec.hyperparameters.maxSteps = 10;
                spec.hyperparameters.loraRank = rank;
            });
        const TrainOutcome outcome = train(run);
        if (resumed) {  // as if it had been stopped after its fifth step
            std::filesystem::remove_all(run.finalModel());
            std::filesystem::remove_all(run.checkpoints() / "step-000010");
            contract::RunStatus status = contract::readStatus(run);
            status.state = contract::RunState::Stopped;
            contract::writeStatus(run, status);
            train(run, true);
        }
        return outcome.exitCode == 0 ? files::readFile(run.finalModel() / weights.toStdString())
                                     : outcome.errors.toStdString();
    };
    const std::string wide = trained("wide", "float32", false), whole = trained("whole", "bfloat16", false);
    QCOMPARE(whole.size(), wide.size());  // weights are float32 in the files too
    QVERIFY(whole != wide);
    QVERIFY(trained("resumed", "bfloat16", true) == whole);
    // The reference was scored once for each dtype and found again by the third run.
    std::size_t scored = 0;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(dir_.path().toStdString()) /
                                                                 "p.data" / "cache" / "reference")) {
        scored += entry.path().extension() == ".safetensors" ? 1 : 0;
    }
    QCOMPARE(scored, std::size_t(4));  // training and evaluation pairs
}

QTEST_GUILESS_MAIN(TestMixedTraining)
#include "tst_mixed_training.moc"
