#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <limits>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/files/durable_file.h"
#include "core/training/plackett_luce.h"
#include "tests/support/engine_process.h"
#include "tests/support/expect_error.h"
#include "tests/support/tiny_trainer.h"
#include "tests/support/training_lines.h"

using namespace prefbench;
using namespace prefbench::training;

/// Plackett–Luce DPO: from a line of a data set to a trained model.
class TestRankings : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase() { at::set_num_threads(1); }
    void twoCompletionsAreDpoBitForBit();
    void whatIsNotFiniteIsSeen();
    void metricsOfTwoAreThoseOfAPair();
    void aPairIsARankingOfTwo();
    void badLineIsNamed_data();
    void badLineIsNamed();
    void aSharedPromptChangesRoundingOnly();
    void partsOfAStepChangeRoundingOnly();
    void learnsTheOrder();
    void evaluationEqualsTheStepsNumbers();
    void engineTrainsOnRankings();
    void resumedRunEndsWithTheSameBits();
    void pairsTrainAsDpoBitForBit();
    void otherMethodsRefuseRankings();
    void conversationsAreRankedToo();

  private:
    std::filesystem::path path(const char* name) const {
        return std::filesystem::path(dir_.path().toStdString()) / name;
    }
    contract::RunDirectory makeRun(const char* name, const char* method, const std::string& train,
                                   const std::string& eval, std::int64_t steps = 12) const;

    QTemporaryDir dir_;
};

namespace {

const std::filesystem::path kGolden = PREFBENCH_GOLDEN_DEFAULT;

/// Rankings of three to five completions, each of which repeats a token of its rank.
Dataset rankings(std::int64_t count) {
    Dataset dataset;
    for (std::int64_t i = 0; i < count; ++i) {
        Example example;
        example.id = "ranking-" + std::to_string(i);
        example.prompt = {5, 6 + i, 7};
        for (std::int64_t rank = 0; rank < 3 + i % 3; ++rank) {
            example.completions.emplace_back(static_cast<std::size_t>(2 + (i + rank) % 3), 40 + rank);
        }
        example.isRanking = true;
        dataset.examples.push_back(std::move(example));
    }
    return dataset;
}

std::string rankingLines(std::size_t begin, std::size_t count) {
    const std::vector<std::string> answers = {" It was very good and I liked it.", " It was good.",
                                              " The film was not good.", " No."};
    std::string lines;
    for (std::size_t i = begin; i < begin + count; ++i) {
        contract::RankingExample example{"ranking-" + std::to_string(i), "The film " + std::to_string(i) + "?", {}};
        for (std::size_t rank = i % 2; rank < answers.size(); ++rank) {
            example.completions.emplace_back(answers[rank]);
        }
        lines += contract::toLine(example) + "\n";
    }
    return lines;
}

Trainer::Settings settings(std::int64_t batch, std::int64_t accumulation) {
    return trainerSettings("plackett_luce", batch, accumulation);
}

EngineOutput train(const contract::RunDirectory& run, const QStringList& more = {}) {
    return engineOutput(QStringList{QStringLiteral("train"), QString::fromStdString(run.path.string())} + more, {},
                        240000);
}

std::string weightsOf(const contract::RunDirectory& run) {
    return files::readFile(run.finalModel() / "model.safetensors");
}

std::vector<contract::MetricRecord> recordsOf(const contract::RunDirectory& run, const char* split) {
    contract::MetricsReader reader(run.metrics());
    reader.read();
    std::vector<contract::MetricRecord> records = reader.records();
    std::erase_if(records, [split](const contract::MetricRecord& record) { return record.split != split; });
    return records;
}

}  // namespace

contract::RunDirectory TestRankings::makeRun(const char* name, const char* method, const std::string& train,
                                             const std::string& eval, std::int64_t steps) const {
    contract::RunSpec spec;
    spec.id = "test";
    spec.method = method;
    spec.model = kGolden / "models" / "gpt2";
    spec.hyperparameters.learningRate = 1e-3;
    spec.hyperparameters.batchSize = 4;
    spec.hyperparameters.maxSteps = steps;
    spec.hyperparameters.evalEvery = 6;
    spec.hyperparameters.checkpointEvery = 3;
    spec.hyperparameters.evalSamples = 1;
    spec.sampling.maxNewTokens = 4;
    spec.device = "cpu";
    spec.threads = 1;
    spec.seed = 11;
    return contract::createRunDirectory(path(name), spec, train, eval);
}

void TestRankings::twoCompletionsAreDpoBitForBit() {
    LossSettings dpo;
    for (const double beta : {0.1, 0.3}) {
        dpo.beta = beta;
        for (const double chosen : {-900.0, -30.1, -3.0, 0.0, 1e-9, 4.7, 25.3, 811.0}) {
            for (const double rejected : {-512.5, -0.7, 0.0, 3.3, 70.1}) {
                PairLogProbs pair;
                pair.add(chosen, rejected, 0, 0);
                const PairLosses expected = pairLosses(methodNamed("dpo"), pair, dpo);
                const RankingLoss found = plackettLuce({chosen, rejected}, beta);
                QVERIFY(found.loss == expected.loss[0]);
                QVERIFY(found.gradient[0] == expected.gradientChosen[0]);
                QVERIFY(found.gradient[1] == expected.gradientRejected[0]);
            }
        }
    }
}

/// A step with such a loss is skipped, not taken.
void TestRankings::whatIsNotFiniteIsSeen() {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (std::size_t place = 0; place < 3; ++place) {
        std::vector<double> ratios = {1, 0, -1};
        ratios[place] = nan;
        QVERIFY(std::isnan(plackettLuce(ratios, 0.1).loss));
    }
}

void TestRankings::metricsOfTwoAreThoseOfAPair() {
    Example example{"a", "", {1}, {{2, 3}, {4}}};
    const std::vector<double> policy = {-3, -5}, reference = {-4, -4.5};
    PairLogProbs pair, ranking;
    addPair(pair, example, policy.data(), reference.data());
    example.isRanking = true;
    addPair(ranking, example, policy.data(), reference.data());
    const MetricValues expected = pairMetrics(pair, {1}, 0.5, Reward::LogRatio),
                       found = pairMetrics(ranking, {1}, 0.5, Reward::LogRatio);
    QCOMPARE(found.size(), expected.size());
    for (const auto& [name, value] : expected) {
        QVERIFY2(std::abs(found.at(name) - value) < 1e-15, name.c_str());
    }
}

void TestRankings::aPairIsARankingOfTwo() {
    const std::filesystem::path file = path("pair.jsonl");
    files::writeAtomically(file, R"({"prompt":"p","chosen":"c","rejected":"r","preference":0.5})"
                                 "\n" +
                                     contract::toLine(contract::RankingExample{"x", "q", {"a", "b", "c"}}) + "\n");
    const std::vector<contract::RankingExample> read = contract::readRankings(file);
    QCOMPARE(read.at(0).id, std::string("line 1"));
    QCOMPARE(read.at(0).completions, (std::vector<contract::Passage>{"c", "r"}));
    QCOMPARE(read.at(0).preference, 0.5);
    QCOMPARE(read.at(1).id, std::string("x"));
    QCOMPARE(read.at(1).completions, (std::vector<contract::Passage>{"a", "b", "c"}));
}

void TestRankings::badLineIsNamed_data() {
    QTest::addColumn<QString>("line");
    QTest::addColumn<QString>("reason");
    const QString rule = QStringLiteral("\"completions\" must be a list of two or more, best first");
    QTest::newRow("one") << R"({"prompt":"p","completions":["a"]})" << rule;
    QTest::newRow("text") << R"({"prompt":"p","completions":"a"})" << rule;
    QTest::newRow("number") << R"({"prompt":"p","completions":["a",3]})"
                            << "\"completions[1]\" must be text or a list of messages, found 3";
    QTest::newRow("mixed") << R"({"prompt":"p","completions":["a",[{"role":"assistant","content":"c"}]]})"
                           << "\"prompt\" and \"completions[1]\" must both be text or both be messages";
    QTest::newRow("both") << R"({"prompt":"p","completions":["a","b"],"chosen":"a","rejected":"b"})"
                          << "a line has \"completions\", or \"chosen\" and \"rejected\": not both";
    QTest::newRow("no prompt") << R"({"completions":["a","b"]})"
                               << "no text under \"prompt\"";
    QTest::newRow("neither") << R"({"prompt":"p","completion":"a"})"
                             << "no text under \"chosen\"";
}

void TestRankings::badLineIsNamed() {
    QFETCH(QString, line);
    QFETCH(QString, reason);
    const std::filesystem::path file = path("bad.jsonl");
    files::writeAtomically(file, R"({"prompt":"p","completions":["a","b","c"]})"
                                 "\n" +
                                     line.toStdString() + "\n");
    EXPECT_ERROR(contract::readRankings(file), "bad.jsonl: line 2: " + reason.toStdString());
}

/// The plain twin: every completion in a sequence of its own, with its prompt.
void TestRankings::aSharedPromptChangesRoundingOnly() {
    model::Transformer policy = goldenModel("llama", at::kDouble);
    policy.requireGradients(true);
    const Dataset data = rankings(4);
    Dataset apart;
    for (const Example& example : data.examples) {
        for (const auto& completion : example.completions) {
            apart.examples.push_back({example.id, "", example.prompt, {completion}});
        }
    }
    const auto sumsAndGradient = [&policy](const Dataset& dataset) {
        ExamplePointers examples;
        for (const Example& example : dataset.examples) {
            examples.push_back(&example);
        }
        const at::Tensor sums = completionLogProbs(policy, examples);
        sums.backward(at::arange(1, sums.numel() + 1, at::kDouble));
        std::vector<at::Tensor> result = {sums.detach()};
        for (const model::Parameter& parameter : policy.trainable()) {
            result.push_back(parameter.value.grad().to_dense().clone());
            parameter.value.mutable_grad() = at::Tensor();
        }
        return result;
    };
    const std::vector<at::Tensor> shared = sumsAndGradient(data), plain = sumsAndGradient(apart);
    QCOMPARE(shared[0].numel(), 3 + 4 + 5 + 3);
    for (std::size_t i = 0; i < shared.size(); ++i) {
        QVERIFY(at::allclose(shared[i], plain[i], 1e-9, 1e-9));
    }
}

void TestRankings::partsOfAStepChangeRoundingOnly() {
    auto whole = settings(8, 1), parts = whole, accumulated = settings(2, 4);
    parts.tokenBudget = 10;
    const Dataset data = rankings(16);
    auto a = trainerFor(goldenModel(), data, whole), b = trainerFor(goldenModel(), data, parts),
         c = trainerFor(goldenModel(), data, accumulated);
    for (int step = 0; step < 4; ++step) {
        const StepReport reports[] = {a->step(), b->step(), c->step()};
        for (const StepReport& report : reports) {
            QCOMPARE(report.ids, reports[0].ids);
            QVERIFY(std::abs(report.loss - reports[0].loss) < 1e-5);
            QVERIFY(std::abs(report.gradientNorm - reports[0].gradientNorm) < 1e-4 * reports[0].gradientNorm);
        }
    }
}

void TestRankings::learnsTheOrder() {
    auto trainer = trainerFor(goldenModel(), rankings(16), settings(8, 1));
    const StepReport first = trainer->step();
    StepReport last;
    for (int step = 0; step < 40; ++step) {
        last = trainer->step();
    }
    // Untouched, every order of K is as likely: the mean of log K! over the step's rankings.
    QVERIFY(first.loss > std::log(6.0) && first.loss < std::log(120.0));
    QVERIFY2(last.loss < first.loss / 3, qPrintable(QString::number(last.loss)));
    QCOMPARE(last.pairMetrics.at("rewards/accuracies"), 1.0);
    QVERIFY(last.pairMetrics.at("rewards/margins") > 1);
    QVERIFY(last.pairMetrics.at("gradient_weight") < 0.3);
}

void TestRankings::evaluationEqualsTheStepsNumbers() {
    compareEvaluationWithStep(rankings(16), settings(16, 1));
}

void TestRankings::engineTrainsOnRankings() {
    const contract::RunDirectory run = makeRun("rankings", "plackett_luce", rankingLines(0, 48), rankingLines(48, 8));
    const EngineOutput output = train(run);
    QVERIFY2(output.status == 0, output.standardError.constData());
    QVERIFY2(output.standardError.contains("train: 48 rankings, 0 truncated, 0 dropped"),
             output.standardError.constData());
    const auto evaluations = recordsOf(run, "eval");
    QCOMPARE(evaluations.size(), 3u);
    const double untouched = (std::log(24.0) + std::log(6.0)) / 2;
    QVERIFY(std::abs(evaluations.front().values.at("loss") - untouched) < 1e-6);
    QVERIFY2(evaluations.back().values.at("loss") < untouched - 0.1,
             qPrintable(QString::number(evaluations.back().values.at("loss"))));
    QVERIFY(evaluations.back().values.at("rewards/accuracies") > 0.6);
    QVERIFY(evaluations.back().values.at("rewards/margins") > 0);
    QVERIFY(std::filesystem::exists(run.margins() / "step-000012.jsonl"));
    QCOMPARE(recordsOf(run, "train").size(), 12u);

    const EngineOutput preflight =
        engineOutput({QStringLiteral("preflight"), QString::fromStdString(run.path.string())});
    QVERIFY2(preflight.standardOutput.contains("\"pairs\":48"), preflight.standardOutput.constData());
}

void TestRankings::resumedRunEndsWithTheSameBits() {
    const contract::RunDirectory run = makeRun("resumed", "plackett_luce", rankingLines(0, 48), rankingLines(48, 8));
    QVERIFY2(train(run).status == 0, "the run fails");
    const std::string uninterrupted = weightsOf(run);
    // As if it had been stopped after step 6.
    std::filesystem::remove_all(run.finalModel());
    for (const char* later : {"step-000009", "step-000012"}) {
        std::filesystem::remove_all(run.checkpoints() / later);
    }
    contract::RunStatus status = contract::readStatus(run);
    status.state = contract::RunState::Stopped;
    contract::writeStatus(run, status);
    const EngineOutput output = train(run, {QStringLiteral("--resume")});
    QVERIFY2(output.status == 0 && output.standardError.contains("resuming from "), output.standardError.constData());
    QVERIFY(weightsOf(run) == uninterrupted);
}

void TestRankings::pairsTrainAsDpoBitForBit() {
    const std::string lines = goldenPairLines(0, 24), eval = goldenPairLines(48, 4);
    const contract::RunDirectory ranked = makeRun("pairs-ranked", "plackett_luce", lines, eval, 6),
                                 dpo = makeRun("pairs-dpo", "dpo", lines, eval, 6);
    for (const contract::RunDirectory& run : {ranked, dpo}) {
        const EngineOutput output = train(run);
        QVERIFY2(output.status == 0, output.standardError.constData());
    }
    QVERIFY(weightsOf(ranked) == weightsOf(dpo));
    QCOMPARE(recordsOf(ranked, "eval").back().values.at("loss"), recordsOf(dpo, "eval").back().values.at("loss"));
}

void TestRankings::otherMethodsRefuseRankings() {
    const contract::RunDirectory run = makeRun("refused", "dpo", goldenPairLines(0, 3) + rankingLines(0, 1), "");
    for (const char* command : {"preflight", "train"}) {
        const EngineOutput output =
            engineOutput({QString::fromLatin1(command), QString::fromStdString(run.path.string())});
        QCOMPARE(output.status, 1);
        QVERIFY2(output.standardError.contains("train.jsonl: line 4: a ranking (\"completions\"); method plackett_luce "
                                               "takes those"),
                 output.standardError.constData());
    }
    const contract::RunDirectory tie =
        makeRun("tie", "plackett_luce",
                R"({"pair":"7","prompt":"p","chosen":"c","rejected":"r","preference":0.5})"
                "\n",
                "");
    QVERIFY(
        train(tie).standardError.contains("pair 7 is not sure (preference 0.5), but method plackett_luce takes sure"));
}

void TestRankings::conversationsAreRankedToo() {
    const std::filesystem::path file = path("chat.jsonl"), folder = kGolden / "models" / "qwen2";
    const auto said = [](const char* role, const std::string& content) {
        return contract::Passage::ofMessages(files::OrderedJson::array({{{"role", role}, {"content", content}}}));
    };
    contract::RankingExample example{"x", said("user", "Hi"), {}};
    for (const char* answer : {"good", "fine", "bad"}) {
        example.completions.push_back(said("assistant", answer));
    }
    files::writeAtomically(file, contract::toLine(example) + "\n");
    const text::Conversations conversations(
        text::Tokenizer::load(folder),
        text::ChatTemplate("{% for m in messages %}{{ m.content }};{% endfor %}", files::OrderedJson::object()));
    const Dataset data = loadDataset(file, DataKind::Rankings, conversations, 0);
    QCOMPARE(data.examples.at(0).completions.size(), 3u);
    QVERIFY(data.examples[0].isRanking);
    std::vector<text::TokenId> whole = data.examples[0].prompt;
    const auto& last = data.examples[0].completions[2];
    whole.insert(whole.end(), last.begin(), last.end());
    QCOMPARE(conversations.tokenizer().decode(whole, false), std::string("Hi;bad;"));
}

QTEST_GUILESS_MAIN(TestRankings)
#include "tst_rankings.moc"
