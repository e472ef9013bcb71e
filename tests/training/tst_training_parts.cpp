#include <QObject>
#include <QTemporaryDir>
#include <QTest>
#include <algorithm>
#include <cmath>
#include <fstream>
#include <numeric>
#include <set>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/training/data_order.h"
#include "core/training/dataset.h"
#include "core/training/durable_folder.h"
#include "core/training/losses.h"
#include "core/training/pair_metrics.h"
#include "core/training/reference.h"
#include "core/training/schedule.h"

#include "tests/support/expect_error.h"

using namespace prefbench;
using namespace prefbench::training;

/// The trainer's parts that need no model.
class TestTrainingParts : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void schedulesStartAtZeroAndEndAsNamed();
    void everyEpochTakesEachExampleOnce();
    void shortLastBatchesWeighLikeTrl();
    void orderDependsOnSeedAndEpochOnly();
    void fileOrderWithoutShuffling();
    void truncationKeepsTheStart_data();
    void truncationKeepsTheStart();
    void smoothedLossIsLeastAtTheLabelsOdds();
    void unknownMethodNamesTheKnown();
    void runsMayNameEveryMethod();
    void settingsThatAMethodHasNotAreRefused();
    void weightsOfLossesCount();
    void valuesOutOfRangeAreRefused_data();
    void valuesOutOfRangeAreRefused();
    void mismatchedCompletionsAnswerThePromptBefore();
    void percentilesInterpolate();
    void accuracyIsStrict();
    void folderIsWholeOrAbsent();
    void damagedFolderIsFound();
    void fullDiskIsNamedWithWhatToFree();
    void referenceCacheGivesBackTheSameBits();
    void damagedReferenceCacheIsIgnored_data();
    void damagedReferenceCacheIsIgnored();
    void referenceKeyChangesWithWhatItHashes();
};

namespace {

std::filesystem::path pathOf(const QTemporaryDir& dir) {
    return dir.path().toStdString();
}

Dataset twoPairs() {
    Dataset dataset;
    dataset.examples = {{"a", "", {1, 2}, {{3}, {4, 5}}}, {"b", "", {6}, {{7, 8}, {9}}}};
    return dataset;
}

}  // namespace

void TestTrainingParts::schedulesStartAtZeroAndEndAsNamed() {
    const auto rate = [](const char* name, std::int64_t done) {
        return Schedule{name, 1e-3, 3, 20}.learningRate(done);
    };
    for (const char* name : {"linear", "cosine", "constant"}) {
        QCOMPARE(rate(name, 0), 0.0);
        QCOMPARE(rate(name, 1), 1e-3 * (1.0 / 3.0));
        QCOMPARE(rate(name, 3), 1e-3);
    }
    QCOMPARE(rate("linear", 20), 0.0);
    QCOMPARE(rate("linear", 5), 1e-3 * (15.0 / 17.0));
    QVERIFY(rate("cosine", 20) < 1e-18);
    QVERIFY(std::abs(Schedule{"cosine", 1, 0, 10}.learningRate(5) - 0.5) < 1e-15);
    QCOMPARE(rate("constant", 20), 1e-3);
    QVERIFY_THROWS_EXCEPTION(Error, checkScheduleName("polynomial"));
}

void TestTrainingParts::everyEpochTakesEachExampleOnce() {
    DataOrder order(27, {.batchSize = 4, .accumulation = 2, .shuffle = true, .seed = 7});
    QCOMPARE(order.stepsPerEpoch(), 4);
    for (int epoch = 0; epoch < 3; ++epoch) {
        std::multiset<std::size_t> seen;
        for (int step = 0; step < 4; ++step) {
            for (const StepExample& item : order.step(4 * epoch + step)) {
                seen.insert(item.index);
            }
        }
        QCOMPARE(seen.size(), 27u);
        QCOMPARE(std::set<std::size_t>(seen.begin(), seen.end()).size(), 27u);
        QCOMPARE(order.epochsAfter(4 * epoch + 1), epoch + 2.0 / 7);
    }
    QCOMPARE(order.epochsAfter(4), 1.0);
}

void TestTrainingParts::shortLastBatchesWeighLikeTrl() {
    // Seven examples in batches of four, two batches a step: TRL takes the mean of the two batches' means.
    DataOrder order(7, {.batchSize = 4, .accumulation = 2, .shuffle = false, .seed = 0});
    const std::vector<StepExample> step = order.step(0);
    QCOMPARE(step.size(), 7u);
    QCOMPARE(step[0].weight, 1.0 / 8);
    QCOMPARE(step[6].weight, 1.0 / 2 / 3);
}

void TestTrainingParts::orderDependsOnSeedAndEpochOnly() {
    QCOMPARE(shuffledOrder(100, 1, 0), shuffledOrder(100, 1, 0));
    QVERIFY(shuffledOrder(100, 1, 0) != shuffledOrder(100, 2, 0));
    QVERIFY(shuffledOrder(100, 1, 0) != shuffledOrder(100, 1, 1));
    QVERIFY(shuffledOrder(100, 1, 1) != shuffledOrder(100, 2, 0));
    // Resuming asks for a later step first; it must get what the whole run got.
    DataOrder whole(10, {.batchSize = 3, .accumulation = 1, .shuffle = true, .seed = 5});
    for (int step = 0; step < 9; ++step) {
        whole.step(step);
    }
    DataOrder resumed(10, {.batchSize = 3, .accumulation = 1, .shuffle = true, .seed = 5});
    const auto expected = whole.step(9), found = resumed.step(9);
    QCOMPARE(found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
        QCOMPARE(found[i].index, expected[i].index);
    }
}

void TestTrainingParts::fileOrderWithoutShuffling() {
    DataOrder order(5, {.batchSize = 2, .accumulation = 1, .shuffle = false, .seed = 3});
    QCOMPARE(order.step(0)[1].index, 1u);
    QCOMPARE(order.step(2).size(), 1u);
    QCOMPARE(order.step(3)[0].index, 0u);
}

void TestTrainingParts::truncationKeepsTheStart_data() {
    QTest::addColumn<qint64>("maxLength");
    QTest::addColumn<bool>("kept");
    QTest::addColumn<int>("chosen");
    QTest::addColumn<int>("rejected");
    QTest::addColumn<bool>("cut");
    QTest::newRow("no limit") << qint64{0} << true << 4 << 2 << false;
    QTest::newRow("fits") << qint64{7} << true << 4 << 2 << false;
    QTest::newRow("cuts the longer") << qint64{5} << true << 2 << 2 << true;
    QTest::newRow("one token left") << qint64{4} << true << 1 << 1 << true;
    QTest::newRow("prompt fills it") << qint64{3} << false << 4 << 2 << false;
}

void TestTrainingParts::truncationKeepsTheStart() {
    QFETCH(qint64, maxLength);
    QFETCH(bool, kept);
    QFETCH(int, chosen);
    QFETCH(int, rejected);
    QFETCH(bool, cut);
    Example example{"a", "", {1, 2, 3}, {{10, 11, 12, 13}, {20, 21}}};
    bool wasCut = false;
    QCOMPARE(truncateExample(example, maxLength, wasCut), kept);
    QCOMPARE(wasCut, cut);
    QCOMPARE(static_cast<int>(example.completions[0].size()), chosen);
    QCOMPARE(static_cast<int>(example.completions[1].size()), rejected);
    QCOMPARE(example.completions[0].front(), 10);
}

void TestTrainingParts::smoothedLossIsLeastAtTheLabelsOdds() {
    // With a share ε of flipped labels the loss is least where σ(βD) = 1 − ε, and there its slope is 0.
    const double epsilon = 0.1, beta = 0.5;
    PairLogProbs batch;
    batch.add(std::log((1 - epsilon) / epsilon) / beta, 0, 0, 0);
    LossSettings settings;
    settings.beta = beta;
    settings.labelSmoothing = epsilon;
    const Method& cdpo = methodNamed("cdpo");
    const PairLosses losses = pairLosses(cdpo, batch, settings);
    QVERIFY(std::abs(losses.gradientChosen[0]) < 1e-15);
    batch.policyChosen[0] += 1;
    QVERIFY(pairLosses(cdpo, batch, settings).loss[0] > losses.loss[0]);
}

void TestTrainingParts::unknownMethodNamesTheKnown() {
    try {
        methodNamed("ppo");
        QFAIL("no error");
    } catch (const Error& error) {
        QVERIFY(std::string(error.what()).find("known are dpo, cdpo, ") != std::string::npos);
    }
}

void TestTrainingParts::runsMayNameEveryMethod() {
    std::set<std::string> known;
    for (const Method& method : methods()) {
        known.emplace(method.name);
    }
    const auto& names = contract::methodNames();
    QCOMPARE(std::set<std::string>(names.begin(), names.end()), known);
}

void TestTrainingParts::settingsThatAMethodHasNotAreRefused() {
    contract::Hyperparameters smoothed, unsmoothed, divergent, longTailed;
    smoothed.labelSmoothing = 0.1;
    divergent.divergence = "forward_kl";
    longTailed.lengthAlpha = 0.5;
    EXPECT_ERROR(checkSettings(methodNamed("dpo"), smoothed), "label_smoothing is above 0, but method dpo has none");
    EXPECT_ERROR(checkSettings(methodNamed("exo_pair"), unsmoothed), "label_smoothing is 0, but method exo_pair");
    EXPECT_ERROR(checkSettings(methodNamed("nca_pair"), divergent), "f_divergence_type is not reverse_kl");
    EXPECT_ERROR(checkSettings(methodNamed("kto"), longTailed), "ld_alpha is not 1");
    contract::Hyperparameters weighed, summed;
    weighed.undesirableWeight = 1.5;
    summed.lossWeights = {1, 0, 0};
    EXPECT_ERROR(checkSettings(methodNamed("dpo"), weighed),
                 "desirable_weight or undesirable_weight is not 1, but method dpo has none; kto has");
    EXPECT_ERROR(checkSettings(methodNamed("kto"), summed), "loss_weights are set, but method kto is not a sum");
    for (const contract::Hyperparameters& h : {smoothed, divergent, longTailed}) {
        QVERIFY(!errorOf([&] { checkSettings(methodNamed("plackett_luce"), h); }).empty());
    }
    checkSettings(methodNamed("kto"), weighed);
    checkSettings(methodNamed("mpo"), summed);
    checkSettings(methodNamed("cdpo"), smoothed);
    checkSettings(methodNamed("ipo"), divergent);
}

void TestTrainingParts::weightsOfLossesCount() {
    PairLogProbs batch;
    batch.add(-3, -5, -4, -4.5, 6, 7);
    batch.mismatchedRatio = {0.2};
    contract::Hyperparameters h;
    const auto losses = [&](const char* method) { return pairLosses(methodNamed(method), batch, lossSettings(h)); };
    const double dpo = losses("dpo").loss[0], bco = losses("bco_pair").loss[0], nll = 3.0 / 6;
    QVERIFY(std::abs(losses("mpo").loss[0] - (0.8 * dpo + 0.2 * bco + nll)) < 1e-12);
    contract::RunSpec spec;
    contract::applySetting(spec, "loss_weights=[2, 0, 0.5]");
    h = spec.hyperparameters;
    QVERIFY(std::abs(losses("mpo").loss[0] - (2 * dpo + 0.5 * nll)) < 1e-12);

    const PairLosses even = losses("kto");
    contract::applySetting(spec, "desirable_weight=0");
    contract::applySetting(spec, "undesirable_weight=3");
    h = spec.hyperparameters;
    QCOMPARE(losses("kto").gradientChosen[0], 0.0);
    QVERIFY(std::abs(losses("kto").gradientRejected[0] - 3 * even.gradientRejected[0]) < 1e-15);
}

void TestTrainingParts::valuesOutOfRangeAreRefused_data() {
    QTest::addColumn<QString>("setting");
    QTest::addColumn<QString>("message");
    QTest::newRow("desirable") << "desirable_weight=-1"
                               << "desirable_weight = -1.0: must be 0 or more";
    QTest::newRow("two weights") << "loss_weights=[1,2]"
                                 << "loss_weights = [1.0,2.0]: must be three numbers of 0 or more";
    QTest::newRow("negative weight") << "loss_weights=[1,-2,3]"
                                     << "must be three numbers of 0 or more";
    QTest::newRow("no list") << "loss_weights=1"
                             << "loss_weights = 1: must be a list of numbers";
    QTest::newRow("texts") << "loss_weights=[\"1\",2,3]"
                           << "must be a list of numbers";
    QTest::newRow("commas alone") << "loss_weights=1,2,3"
                                  << "\"1,2,3\" is not a number, true or false, or a list of numbers in brackets";
    QTest::newRow("dropout") << "dropout=1"
                             << "dropout = 1.0: must be from 0 (off) to below 1";
    QTest::newRow("checkpointing") << "gradient_checkpointing=1"
                                   << "gradient_checkpointing = 1: must be true or false";
}

void TestTrainingParts::valuesOutOfRangeAreRefused() {
    QFETCH(QString, setting);
    QFETCH(QString, message);
    contract::RunSpec spec;
    EXPECT_ERROR(contract::applySetting(spec, setting.toStdString()), message.toStdString());
}

void TestTrainingParts::mismatchedCompletionsAnswerThePromptBefore() {
    Dataset dataset;
    dataset.examples = {{"a", "", {1, 2}, {{10, 11, 12}, {13}}}, {"b", "", {3, 4, 5}, {{20}, {21}}}};
    addMismatchedCompletions(dataset, 5);
    QCOMPARE(dataset.examples[0].completions.back(), (std::vector<text::TokenId>{20}));
    QCOMPARE(dataset.examples[1].completions.back(), (std::vector<text::TokenId>{10, 11}));  // cut
    QCOMPARE(dataset.examples[1].completions.size(), size_t(3));
}

void TestTrainingParts::percentilesInterpolate() {
    QCOMPARE(percentile({3, 1, 2}, 50), 2.0);
    QCOMPARE(percentile({0, 10}, 10), 1.0);
    QCOMPARE(percentile({5}, 90), 5.0);
    QVERIFY(std::isnan(percentile({}, 50)));
}

void TestTrainingParts::accuracyIsStrict() {
    PairLogProbs batch;
    batch.add(-1, -2, -1, -1);  // ratios 0 and −1
    batch.add(-3, -3, -3, -3);  // a tie counts 0
    const MetricValues values = pairMetrics(batch, {0.5, 0.5}, 0.1, Reward::LogRatio);
    QCOMPARE(values.at("rewards/accuracies"), 0.5);
    QCOMPARE(values.at("rewards/margins"), 0.05);
    QCOMPARE(values.at("rewards/margins_p90"), 0.09);
    QCOMPARE(values.at("gradient_weight"), 0.5 * (sigmoid(-0.1) + 0.5));
}

void TestTrainingParts::folderIsWholeOrAbsent() {
    const QTemporaryDir dir;
    const std::filesystem::path target = pathOf(dir) / "step-000001";
    QVERIFY_THROWS_EXCEPTION(Error, writeFolderDurably(target, [](const std::filesystem::path& folder) {
                                 files::writeDurably(folder / "weights", "abc");
                                 throw Error("disk full");
                             }));
    QVERIFY(std::filesystem::is_empty(pathOf(dir)));
    writeFolderDurably(target,
                       [](const std::filesystem::path& folder) { files::writeDurably(folder / "weights", "abc"); });
    QVERIFY(!folderDefect(target).has_value());
    QCOMPARE(std::distance(std::filesystem::directory_iterator(pathOf(dir)), {}), 1);
}

void TestTrainingParts::damagedFolderIsFound() {
    const QTemporaryDir dir;
    const std::filesystem::path target = pathOf(dir) / "step-000001";
    const auto write = [&] {
        writeFolderDurably(target,
                           [](const std::filesystem::path& folder) { files::writeDurably(folder / "weights", "abc"); });
    };
    write();
    files::writeDurably(target / "weights", "abd");
    QVERIFY(folderDefect(target)->find("SHA-256") != std::string::npos);
    write();
    files::writeDurably(target / "weights", "ab");
    QVERIFY(folderDefect(target)->find("2 bytes") != std::string::npos);
    write();
    std::filesystem::remove(target / "weights");
    QVERIFY(folderDefect(target).has_value());
    write();
    files::writeDurably(target / kManifestName, "{}");
    QVERIFY(folderDefect(target).has_value());
}

void TestTrainingParts::fullDiskIsNamedWithWhatToFree() {
    const QTemporaryDir dir;
    requireFreeSpace(pathOf(dir), 1, "checkpoints");
    try {
        requireFreeSpace(pathOf(dir), std::uint64_t{1} << 62, "checkpoints");
        QFAIL("no error");
    } catch (const Error& error) {
        QVERIFY(std::string(error.what()).find("disk full: checkpoints take") != std::string::npos);
    }
}

void TestTrainingParts::referenceCacheGivesBackTheSameBits() {
    const QTemporaryDir dir;
    const ReferenceLogProbs values = {-1.0 / 3, -700.000061, -0.0, 5e-324};
    cacheReference(pathOf(dir) / "cache", "key", values);
    const auto read = readCachedReference(pathOf(dir) / "cache", "key", values.size());
    QVERIFY(read.has_value());
    QVERIFY(std::equal(read->begin(), read->end(), values.begin(), values.end()));
    QVERIFY(!readCachedReference(pathOf(dir) / "cache", "other", 4).has_value());
    QVERIFY(!readCachedReference(pathOf(dir) / "cache", "key", 3).has_value());
}

void TestTrainingParts::damagedReferenceCacheIsIgnored_data() {
    QTest::addColumn<int>("damage");
    QTest::newRow("empty") << 0;
    QTest::newRow("cut short") << 1;
    QTest::newRow("one bit flipped") << 2;
}

void TestTrainingParts::damagedReferenceCacheIsIgnored() {
    QFETCH(int, damage);
    const QTemporaryDir dir;
    cacheReference(pathOf(dir), "key", {-1, -2, -3, -4});
    const std::filesystem::path file = pathOf(dir) / "key.safetensors";
    std::string bytes = files::readFile(file);
    if (damage == 0) {
        bytes.clear();
    } else if (damage == 1) {
        bytes.resize(bytes.size() - 8);
    } else {
        bytes.back() = static_cast<char>(bytes.back() ^ 1);
    }
    files::writeDurably(file, bytes);
    QVERIFY(!readCachedReference(pathOf(dir), "key", 4).has_value());
}

void TestTrainingParts::referenceKeyChangesWithWhatItHashes() {
    const ReferenceIdentity identity{"weights", "tokenizer", "float32", 64};
    std::set<std::string> keys = {referenceKey(identity, twoPairs())};
    QCOMPARE(referenceKey(identity, twoPairs()), *keys.begin());
    keys.insert(referenceKey({"weights2", "tokenizer", "float32", 64}, twoPairs()));
    keys.insert(referenceKey({"weights", "tokenizer2", "float32", 64}, twoPairs()));
    keys.insert(referenceKey({"weights", "tokenizer", "float64", 64}, twoPairs()));
    keys.insert(referenceKey({"weights", "tokenizer", "float32", 65}, twoPairs()));
    Dataset changed = twoPairs();
    changed.examples[1].completions = {{7}, {8, 9}};
    keys.insert(referenceKey(identity, changed));
    QCOMPARE(keys.size(), 6u);
}

QTEST_APPLESS_MAIN(TestTrainingParts)
#include "tst_training_parts.moc"
