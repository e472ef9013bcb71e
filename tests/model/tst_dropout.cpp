#include <QTest>
#include <cmath>

#include "core/model/dropout.h"
#include "tests/support/family_models.h"

using namespace prefbench;
using model::Transformer;

/// Dropout by keys, alone and within every family.
class TestDropout : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase() { at::set_num_threads(1); }
    void masksKeepTheMean();
    void masksAreFunctionsOfKeySiteAndLayer();
    void everyFamilyDrops_data();
    void everyFamilyDrops();
    void attentionThatDropsNothingIsAttention_data();
    void attentionThatDropsNothingIsAttention();
    void aTreesMasksDoNotDependOnItsNeighbours();
};

void TestDropout::masksKeepTheMean() {
    const model::DropoutKeys keys{{4, 5}, {300, 700}};
    const at::Tensor x = at::full({1000, 64}, 2.0, at::kFloat);
    const at::Tensor dropped = model::Dropout(keys, 0.2, model::DropoutSite::Embedding)(x);
    // 64,000 elements: five standard errors.
    QVERIFY(std::abs((dropped == 0).to(at::kDouble).mean().item<double>() - 0.2) < 0.008);
    QVERIFY(std::abs(dropped.mean().item<double>() - 2) < 0.02);
    QVERIFY(((dropped == 0) | (dropped == 2.5)).all().item<bool>());
    QVERIFY(model::Dropout(keys, 0, model::DropoutSite::Embedding)(x).is_same(x));
    QVERIFY(model::Dropout({}, 0.2, model::DropoutSite::Embedding)(x).is_same(x));
}

void TestDropout::masksAreFunctionsOfKeySiteAndLayer() {
    using model::DropoutSite;
    const auto mask = [](std::uint64_t key, DropoutSite site, std::int64_t layer) {
        const model::DropoutKeys keys{{key}, {20}};
        return model::Dropout(keys, 0.5, site, layer)(at::ones({20, 8}, at::kFloat));
    };
    const at::Tensor first = mask(1, DropoutSite::MlpOutput, 2);
    QVERIFY(mask(1, DropoutSite::MlpOutput, 2).equal(first));
    QVERIFY(!mask(2, DropoutSite::MlpOutput, 2).equal(first));
    QVERIFY(!mask(1, DropoutSite::AttentionOutput, 2).equal(first));
    QVERIFY(!mask(1, DropoutSite::MlpOutput, 3).equal(first));
}

void TestDropout::everyFamilyDrops_data() {
    addFamilies();
}

void TestDropout::everyFamilyDrops() {
    QFETCH(const QString, name);
    Transformer policy = load(name, at::kFloat);
    const at::Tensor plain = logProbs(policy);
    QVERIFY(logProbs(policy, {1, 2, 3}).equal(plain));  // keys alone drop nothing
    policy.setDropout(0.2);
    QVERIFY(logProbs(policy).equal(plain));  // nor does the share, outside of training
    const at::Tensor dropped = logProbs(policy, {1, 2, 3});
    QVERIFY(!dropped.equal(plain));
    QVERIFY(logProbs(policy, {1, 2, 3}).equal(dropped));
}

void TestDropout::attentionThatDropsNothingIsAttention_data() {
    addFamilies();
}

/// The plain twin of the fused attention: so small a share drops nothing, but takes the way of one that does.
void TestDropout::attentionThatDropsNothingIsAttention() {
    QFETCH(const QString, name);
    Transformer policy = load(name, at::kDouble);
    const at::Tensor plain = logProbs(policy);
    policy.setDropout(1e-16);
    QVERIFY((logProbs(policy, {1, 2, 3}) - plain).abs().max().item<double>() < 1e-10);
}

void TestDropout::aTreesMasksDoNotDependOnItsNeighbours() {
    Transformer policy = load(QStringLiteral("gpt2"), at::kDouble);
    policy.setDropout(0.3);
    const at::Tensor together = logProbs(policy, {1, 2, 3});
    const at::Tensor apart = at::cat({logProbs(policy, {1}, {kTrees[0]}), logProbs(policy, {2}, {kTrees[1]})});
    QVERIFY((together - apart).abs().max().item<double>() < 1e-10);
}

QTEST_GUILESS_MAIN(TestDropout)
#include "tst_dropout.moc"
