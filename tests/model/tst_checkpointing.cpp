#include <QTest>

#include "core/model/checkpointing.h"
#include "core/model/lora.h"
#include "tests/support/family_models.h"

using namespace prefbench;
using model::Transformer;

/// Layers that are computed anew in the backward pass.
class TestCheckpointing : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase() { at::set_num_threads(1); }
    void aBlockIsComputedTwice();
    void gradientsAreTheSameBits_data();
    void gradientsAreTheSameBits();
};

namespace {

/// The log-probabilities, and every gradient of two passes that add up.
std::vector<at::Tensor> gradientsOf(Transformer& model, const std::vector<std::uint64_t>& keys) {
    std::vector<at::Tensor> result;
    for (int round = 0; round < 2; ++round) {
        const at::Tensor values = logProbs(model, keys);
        values.backward(at::arange(1, values.numel() + 1, values.options()));
        result.push_back(values.detach());
    }
    for (const model::Parameter& parameter : model.trainable()) {
        result.push_back(parameter.value.grad().to_dense().clone());
        parameter.value.mutable_grad() = at::Tensor();
    }
    return result;
}

}  // namespace

void TestCheckpointing::aBlockIsComputedTwice() {
    const at::Tensor weight = at::tensor({2.0, 3.0}, at::kDouble).requires_grad_(true);
    int computed = 0;
    const auto block = [&](const at::Tensor& x) {
        ++computed;
        return (x * weight).exp();
    };
    const at::Tensor x = at::tensor({0.5, -0.25}, at::kDouble).requires_grad_(true);
    const at::Tensor y = model::checkpointed(block, x);
    QCOMPARE(computed, 1);
    y.backward(at::ones_like(y));
    QCOMPARE(computed, 2);
    const at::Tensor expected = (x * weight).exp().detach();
    QVERIFY(y.equal(expected));
    QVERIFY(x.grad().equal(expected * weight.detach()));
    QVERIFY(weight.grad().equal(expected * x.detach()));
    // Nothing that needs gradients goes in, but leaves within do: an adapter over frozen weights.
    const at::Tensor fixed = model::checkpointed(block, at::ones({2}, at::kDouble));
    QVERIFY(fixed.requires_grad());
}

void TestCheckpointing::gradientsAreTheSameBits_data() {
    addFamilies();
}

void TestCheckpointing::gradientsAreTheSameBits() {
    QFETCH(const QString, name);
    for (const bool adapted : {false, true}) {
        Transformer policy = load(name, at::kFloat);
        if (adapted) {
            policy.addAdapter({4, 8, 0.3}, 7, model::BaseName::Absolute, "");
            at::Generator random = at::detail::createCPUGenerator(7);
            for (model::Parameter& parameter : policy.adapter()->parameters()) {
                parameter.value.uniform_(-0.1, 0.1, random);
            }
        }
        policy.requireGradients(true);
        for (const double dropout : {0.0, 0.25}) {
            policy.setDropout(dropout);
            policy.setGradientCheckpointing(false);
            const std::vector<at::Tensor> plain = gradientsOf(policy, {1, 2, 3});
            policy.setGradientCheckpointing(true);
            const std::vector<at::Tensor> anew = gradientsOf(policy, {1, 2, 3});
            QCOMPARE(anew.size(), plain.size());
            for (std::size_t i = 0; i < plain.size(); ++i) {
                QVERIFY2(anew[i].equal(plain[i]), qPrintable(QString::number(i)));
            }
        }
    }
}

QTEST_GUILESS_MAIN(TestCheckpointing)
#include "tst_checkpointing.moc"
