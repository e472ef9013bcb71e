#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <limits>

#include "core/files/error.h"
#include "tests/support/tiny_trainer.h"

using namespace prefbench;
using namespace prefbench::training;

/// The step function and the optimizer, on a tiny model.
class TestTrainer : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase() { at::set_num_threads(1); }
    void adamWEqualsTorchs();
    void onlyMatricesDecay();
    void optimizerStateSurvivesSaving();
    void optimizerRefusesAnothersState();
    void sameSeedSameBits();
    void accumulationChangesNothing();
    void tokenBudgetChangesRoundingOnly();
    void lossesOverABatchDoNotDependOnItsParts_data();
    void lossesOverABatchDoNotDependOnItsParts();
    void tokensPastTheShorterCompletionCountLess();
    void dropoutDoesNotDependOnTheStepsParts();
    void checkpointingChangesNoBit_data();
    void checkpointingChangesNoBit();
    void rmsPropEqualsTorchs();
    void dpoRaisesTheMargin();
    void conservativeDpoStopsAtItsOdds();
    void sftLossFalls();
    void textWithoutAPromptTrains();
    void nonFiniteStepLeavesTheParameters();
    void evaluationEqualsTheStepsNumbers();
};

namespace {

Dataset demonstrations(bool withPrompt) {
    Dataset dataset;
    for (std::int64_t i = 0; i < 8; ++i) {
        Example example;
        example.id = "text-" + std::to_string(i);
        example.prompt = withPrompt ? std::vector<text::TokenId>{7, 8 + i} : std::vector<text::TokenId>{};
        example.completions = {{30, 31, 32, 33, 34}};
        dataset.examples.push_back(std::move(example));
    }
    return dataset;
}

bool sameBits(const Trainer& a, const Trainer& b) {
    const auto &x = a.policy().parameters(), &y = b.policy().parameters();
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](const auto& p, const auto& q) { return p.value.equal(q.value); });
}

double distance(const Trainer& a, const Trainer& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.policy().parameters().size(); ++i) {
        sum += (a.policy().parameters()[i].value - b.policy().parameters()[i].value).detach().norm().item<double>();
    }
    return sum;
}

std::vector<model::Parameter> twoParameters() {
    at::manual_seed(1);
    return {{"matrix", at::randn({5, 7}).requires_grad_(true), true},
            {"bias", at::randn({7}).requires_grad_(true), false}};
}

void setGradients(const std::vector<model::Parameter>& parameters, int step) {
    for (const model::Parameter& parameter : parameters) {
        parameter.value.mutable_grad() = (parameter.value.detach() * (step + 1)).sin();
    }
}

}  // namespace

void TestTrainer::adamWEqualsTorchs() {
    const std::vector<model::Parameter> own = twoParameters(), others = twoParameters();
    AdamW optimizer(own, {0.9, 0.99, 1e-6, 0});
    torch::optim::AdamW expected(std::vector<at::Tensor>{others[0].value, others[1].value},
                                 torch::optim::AdamWOptions(0.01).betas({0.9, 0.99}).eps(1e-6).weight_decay(0));
    for (int step = 0; step < 5; ++step) {
        setGradients(own, step);
        setGradients(others, step);
        optimizer.step(0.01);
        expected.step();
    }
    for (std::size_t i = 0; i < own.size(); ++i) {
        QVERIFY(at::allclose(own[i].value, others[i].value, 1e-6, 1e-7));
    }
    QCOMPARE(optimizer.updates(), 5);
}

void TestTrainer::onlyMatricesDecay() {
    const std::vector<model::Parameter> own = twoParameters(), before = twoParameters();
    AdamW optimizer(own, {0.9, 0.999, 1e-8, 0.5});
    for (const model::Parameter& parameter : own) {
        parameter.value.mutable_grad() = at::zeros_like(parameter.value);
    }
    optimizer.step(0.1);
    QVERIFY(at::allclose(own[0].value, before[0].value * 0.95, 1e-6, 1e-7));
    QVERIFY(own[1].value.equal(before[1].value));
}

void TestTrainer::optimizerStateSurvivesSaving() {
    const QTemporaryDir dir;
    const std::filesystem::path file = dir.filePath("optimizer.safetensors").toStdString();
    const std::vector<model::Parameter> first = twoParameters(), second = twoParameters();
    AdamW whole(first, {}), before(second, {}), after(second, {});
    for (int step = 0; step < 4; ++step) {
        setGradients(first, step);
        whole.step(0.01);
        setGradients(second, step);
        (step < 2 ? before : after).step(0.01);
        if (step == 1) {
            before.save(file);
            after.load(file);
        }
    }
    QVERIFY(first[0].value.equal(second[0].value));
    QVERIFY(first[1].value.equal(second[1].value));
}

void TestTrainer::optimizerRefusesAnothersState() {
    const QTemporaryDir dir;
    const std::filesystem::path file = dir.filePath("optimizer.safetensors").toStdString();
    const std::vector<model::Parameter> first = twoParameters();
    AdamW(first, {}).save(file);
    const std::vector<model::Parameter> other = {{"matrix", at::zeros({5, 8}).requires_grad_(true), true}};
    AdamW optimizer(other, {});
    QVERIFY_THROWS_EXCEPTION(Error, optimizer.load(file));
}

void TestTrainer::sameSeedSameBits() {
    auto a = trainerFor(goldenModel(), repeatingPairs(10), trainerSettings("dpo", 4, 1));
    auto b = trainerFor(goldenModel(), repeatingPairs(10), trainerSettings("dpo", 4, 1));
    auto other = trainerSettings("dpo", 4, 1);
    other.seed = 4;
    auto c = trainerFor(goldenModel(), repeatingPairs(10), other);
    for (int step = 0; step < 6; ++step) {
        QCOMPARE(a->step().loss, b->step().loss);
        c->step();
    }
    QVERIFY(sameBits(*a, *b));
    QVERIFY(!sameBits(*a, *c));
}

void TestTrainer::accumulationChangesNothing() {
    for (const char* method : {"dpo", "sft"}) {
        const Dataset data = std::string(method) == "dpo" ? repeatingPairs(16) : demonstrations(true);
        auto one = trainerFor(goldenModel(), data, trainerSettings(method, 8, 1));
        auto eight = trainerFor(goldenModel(), data, trainerSettings(method, 1, 8));
        for (int step = 0; step < 4; ++step) {
            const StepReport a = one->step(), b = eight->step();
            QCOMPARE(a.ids, b.ids);
            QVERIFY(std::abs(a.loss - b.loss) < 1e-12);
        }
        QVERIFY(distance(*one, *eight) < 1e-6);
    }
}

void TestTrainer::tokenBudgetChangesRoundingOnly() {
    auto large = trainerSettings("dpo", 8, 1), small = trainerSettings("dpo", 8, 1);
    small.tokenBudget = 10;
    auto a = trainerFor(goldenModel(), repeatingPairs(16), large),
         b = trainerFor(goldenModel(), repeatingPairs(16), small);
    for (int step = 0; step < 4; ++step) {
        QVERIFY(std::abs(a->step().loss - b->step().loss) < 1e-5);
    }
    QVERIFY(distance(*a, *b) < 1e-3);
}

void TestTrainer::lossesOverABatchDoNotDependOnItsParts_data() {
    QTest::addColumn<QString>("method");
    for (const char* method : {"aot", "aot_unpaired", "kto", "cpo", "orpo", "mpo", "preferred_ft"}) {
        QTest::newRow(method) << method;
    }
}

void TestTrainer::lossesOverABatchDoNotDependOnItsParts() {
    QFETCH(QString, method);
    Dataset data = repeatingPairs(16);
    if (methodNamed(method.toStdString()).needsMismatched) {
        addMismatchedCompletions(data, 0);
    }
    auto whole = trainerSettings(qPrintable(method), 8, 1), parts = whole,
         accumulated = trainerSettings(qPrintable(method), 2, 4);
    parts.tokenBudget = 10;
    auto a = trainerFor(goldenModel(), data, whole), b = trainerFor(goldenModel(), data, parts),
         c = trainerFor(goldenModel(), data, accumulated);
    for (int step = 0; step < 4; ++step) {
        const StepReport reports[] = {a->step(), b->step(), c->step()};
        for (const StepReport& report : reports) {
            QVERIFY(std::abs(report.loss - reports[0].loss) < 1e-5 * std::max(1.0, reports[0].loss));
            QVERIFY(std::abs(report.gradientNorm - reports[0].gradientNorm) < 1e-3 * reports[0].gradientNorm);
        }
    }
    QVERIFY(distance(*a, *b) < 2e-3);
    QVERIFY(distance(*a, *c) < 2e-3);
}

void TestTrainer::tokensPastTheShorterCompletionCountLess() {
    Dataset data = repeatingPairs(2);
    data.examples[0].completions = {{30, 31, 32}, {33}};
    const model::Transformer policy = goldenModel();
    const std::vector<double> all = scoreDataset(policy, data, 4096), none = scoreDataset(policy, data, 4096, 0),
                              half = scoreDataset(policy, data, 4096, 0.5);
    Dataset cut = data;
    cut.examples[0].completions = {{30}, {33}};
    QVERIFY(std::abs(none[0] - scoreDataset(policy, cut, 4096)[0]) < 1e-5);
    QVERIFY(std::abs(half[0] - (all[0] + none[0]) / 2) < 1e-9);
    QVERIFY(half[0] != all[0]);
    QCOMPARE(half[1], all[1]);
}

void TestTrainer::dropoutDoesNotDependOnTheStepsParts() {
    auto whole = trainerSettings("dpo", 8, 1), parts = whole, accumulated = trainerSettings("dpo", 2, 4), off = whole;
    for (Trainer::Settings* some : {&whole, &parts, &accumulated}) {
        some->hyperparameters.dropout = 0.2;
    }
    parts.tokenBudget = 10;
    const Dataset data = repeatingPairs(16);
    auto a = trainerFor(goldenModel("gpt2"), data, whole), b = trainerFor(goldenModel("gpt2"), data, parts),
         c = trainerFor(goldenModel("gpt2"), data, accumulated), plain = trainerFor(goldenModel("gpt2"), data, off);
    double before = 0;
    for (int step = 0; step < 4; ++step) {
        const double loss = a->step().loss;
        QVERIFY(std::abs(b->step().loss - loss) < 1e-5);
        QVERIFY(std::abs(c->step().loss - loss) < 1e-5);
        QVERIFY(std::abs(plain->step().loss - loss) > 1e-4);
        QVERIFY(loss != before);
        before = loss;
    }
    // What is evaluated drops nothing.
    QCOMPARE(scoreDataset(a->policy(), data, 4096), scoreDataset(a->policy().clone(), data, 4096));
}

void TestTrainer::checkpointingChangesNoBit_data() {
    QTest::addColumn<QString>("method");
    QTest::addColumn<double>("dropout");
    QTest::addColumn<qint64>("tokenBudget");
    QTest::newRow("dpo") << "dpo" << 0.0 << qint64{4096};
    QTest::newRow("dropout") << "dpo" << 0.2 << qint64{4096};
    QTest::newRow("in parts") << "dpo" << 0.2 << qint64{10};
    QTest::newRow("in two phases") << "aot" << 0.2 << qint64{10};
}

void TestTrainer::checkpointingChangesNoBit() {
    QFETCH(QString, method);
    QFETCH(double, dropout);
    QFETCH(qint64, tokenBudget);
    auto kept = trainerSettings(qPrintable(method), 8, 1);
    kept.hyperparameters.dropout = dropout;
    kept.tokenBudget = tokenBudget;
    auto anew = kept;
    anew.hyperparameters.gradientCheckpointing = true;
    auto a = trainerFor(goldenModel("gpt2"), repeatingPairs(16), kept),
         b = trainerFor(goldenModel("gpt2"), repeatingPairs(16), anew);
    for (int step = 0; step < 4; ++step) {
        const StepReport plain = a->step(), other = b->step();
        QVERIFY(plain.loss == other.loss && plain.gradientNorm == other.gradientNorm);
    }
    QVERIFY(sameBits(*a, *b));
}

void TestTrainer::rmsPropEqualsTorchs() {
    const auto own = twoParameters(), others = twoParameters();
    RmsProp optimizer(own, 0);
    torch::optim::RMSprop expected(std::vector<at::Tensor>{others[0].value, others[1].value},
                                   torch::optim::RMSpropOptions(0.01).alpha(0.99).eps(1e-8));
    for (int step = 0; step < 5; ++step) {
        setGradients(own, step);
        setGradients(others, step);
        optimizer.step(0.01);
        expected.step();
    }
    for (std::size_t i = 0; i < own.size(); ++i) {
        QVERIFY(own[i].value.allclose(others[i].value, 1e-6, 1e-7));
    }
}

void TestTrainer::dpoRaisesTheMargin() {
    auto trainer = trainerFor(goldenModel(), repeatingPairs(16), trainerSettings("dpo", 8, 1));
    const StepReport first = trainer->step();
    StepReport last;
    for (int step = 0; step < 20; ++step) {
        last = trainer->step();
    }
    QVERIFY(std::abs(first.loss - std::log(2.0)) < 1e-4);
    QVERIFY(last.loss < 0.3);
    QVERIFY(last.pairMetrics.at("rewards/margins") > 1);
    QCOMPARE(last.pairMetrics.at("rewards/accuracies"), 1.0);
    QCOMPARE(last.step, 21);
}

void TestTrainer::conservativeDpoStopsAtItsOdds() {
    auto conservative = trainerSettings("cdpo", 8, 1);
    conservative.hyperparameters.labelSmoothing = 0.2;
    auto trainer = trainerFor(goldenModel(), repeatingPairs(16), conservative);
    StepReport last;
    for (int step = 0; step < 80; ++step) {
        last = trainer->step();
    }
    // The loss is least at a margin of log(0.8 / 0.2).
    QVERIFY(std::abs(last.pairMetrics.at("rewards/margins") - std::log(4.0)) < 0.5);
}

void TestTrainer::sftLossFalls() {
    auto trainer = trainerFor(goldenModel(), demonstrations(true), trainerSettings("sft", 4, 1));
    const double first = trainer->step().loss;
    double last = first;
    for (int step = 0; step < 40; ++step) {
        last = trainer->step().loss;
    }
    QVERIFY2(last < first / 3, qPrintable(QString::number(last)));
}

void TestTrainer::textWithoutAPromptTrains() {
    auto trainer = trainerFor(goldenModel(), demonstrations(false), trainerSettings("sft", 4, 1));
    const StepReport first = trainer->step();
    QVERIFY(std::isfinite(first.loss) && first.loss > 0);
    StepReport last = first;
    for (int step = 0; step < 40; ++step) {
        last = trainer->step();
    }
    // Four predicted tokens of five: the first has nothing before it.
    QVERIFY2(last.loss < first.loss / 3, qPrintable(QString::number(last.loss)));
}

void TestTrainer::nonFiniteStepLeavesTheParameters() {
    const Dataset data = repeatingPairs(8);
    model::Transformer policy = goldenModel();
    ReferenceLogProbs reference = scoreDataset(policy, data, 4096);
    reference[6] = std::numeric_limits<double>::quiet_NaN();  // of the fourth pair
    auto bad = trainerSettings("dpo", 2, 1);
    bad.hyperparameters.shuffle = false;
    Trainer trainer(std::move(policy), data, std::move(reference), bad);
    QVERIFY(!trainer.step().skipped);
    std::vector<at::Tensor> before;
    for (const model::Parameter& parameter : trainer.policy().parameters()) {
        before.push_back(parameter.value.detach().clone());
    }
    const StepReport report = trainer.step();
    QVERIFY(report.skipped);
    QVERIFY(std::isnan(report.loss));
    QCOMPARE(trainer.stepsDone(), 2);
    for (std::size_t i = 0; i < before.size(); ++i) {
        QVERIFY(trainer.policy().parameters()[i].value.equal(before[i]));
    }
    QVERIFY(!trainer.step().skipped);
}

void TestTrainer::evaluationEqualsTheStepsNumbers() {
    compareEvaluationWithStep(repeatingPairs(16), trainerSettings("dpo", 16, 1));
}

QTEST_APPLESS_MAIN(TestTrainer)
#include "tst_trainer.moc"
