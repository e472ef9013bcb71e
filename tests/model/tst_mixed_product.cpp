#include <QTest>

#include "core/model/checkpointing.h"
#include "core/model/lora.h"
#include "core/model/mixed_product.h"
#include "core/model/panel_kernels.h"
#include "tests/support/expect_error.h"
#include "tests/support/family_models.h"

using namespace prefbench;
using model::Transformer;

/// bfloat16 products of float32 weights.
class TestMixedProduct : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase() { at::set_num_threads(1); }
    void productsAreOfRoundedFactors_data();
    void productsAreOfRoundedFactors();
    void onlyWhatTheBackwardPassNeedsIsKept();
    void copiesFollowTheirWeights();
    void familiesAreNearFloat32_data() { addFamilies(); }
    void familiesAreNearFloat32();
    void checkpointingChangesNoBit_data() { addFamilies(); }
    void checkpointingChangesNoBit();
    void adaptersAreNearFloat32();
    void goodPredictionsHaveExactGradients_data();
    void goodPredictionsHaveExactGradients();
    void chunksChangeRoundingOnly();
    void decodingTakesTheRoundedWeights();
    void copiesOfAModelAreItsOwn();
    void whatCannotBeMixedIsRefused();
};

namespace {

/// Half of bfloat16's spacing at 1: what rounding changes at most, relatively.
constexpr double kRounding = 1.0 / 256;

Transformer mixed(const QString& name) {
    Transformer model = load(name, at::kFloat);
    model.setProductType(at::kBFloat16);
    return model;
}

at::Tensor rounded(const at::Tensor& x) {
    return x.detach().to(at::kBFloat16).to(at::kFloat);
}

double relative(const at::Tensor& found, const at::Tensor& expected) {
    return (found - expected).norm().item<double>() / expected.norm().item<double>();
}

void randomizeAdapter(Transformer& model) {
    model.addAdapter({4, 8, 0}, 7, model::BaseName::Absolute, "");
    at::Generator random = at::detail::createCPUGenerator(7);
    for (model::Parameter& parameter : model.adapter()->parameters()) {
        parameter.value.uniform_(-0.1, 0.1, random);
    }
}

/// Log-probabilities, then all gradients of their weighted sum.
std::vector<at::Tensor> valuesAndGradients(Transformer& model) {
    model.requireGradients(true);
    const at::Tensor values = logProbs(model);
    values.backward(at::arange(1, values.numel() + 1, values.options()));
    std::vector<at::Tensor> result{values.detach()};
    for (const model::Parameter& parameter : model.trainable()) {
        result.push_back(parameter.value.grad().to_dense().clone());
        parameter.value.mutable_grad() = at::Tensor();
    }
    return result;
}

at::Tensor joined(const std::vector<at::Tensor>& tensors, std::size_t from) {
    std::vector<at::Tensor> flat;
    for (std::size_t i = from; i < tensors.size(); ++i) {
        flat.push_back(tensors[i].flatten());
    }
    return at::cat(flat);
}

/// Log-probabilities within the rounding of some products one after the other; gradients of the same direction.
void compareWithFloat32(Transformer& narrow, Transformer& wide, double allowed = 0.03) {
    const auto found = valuesAndGradients(narrow), expected = valuesAndGradients(wide);
    for (const at::Tensor& tensor : found) {
        QVERIFY(tensor.scalar_type() == at::kFloat);
    }
    const double values = relative(found[0], expected[0]);
    const double gradients = relative(joined(found, 1), joined(expected, 1));
    QVERIFY2(values > 0 && values < 2 * kRounding, qPrintable(QString::number(values)));
    QVERIFY2(gradients > 0 && gradients < allowed, qPrintable(QString::number(gradients)));
}

}  // namespace

void TestMixedProduct::productsAreOfRoundedFactors_data() {
    QTest::addColumn<bool>("inputsFirst");
    QTest::addColumn<bool>("hasBias");
    QTest::newRow("[outputs, inputs]") << false << true;
    QTest::newRow("[inputs, outputs]") << true << true;
    QTest::newRow("without a bias") << false << false;
}

void TestMixedProduct::productsAreOfRoundedFactors() {
    QFETCH(const bool, inputsFirst);
    QFETCH(const bool, hasBias);
    at::manual_seed(5);
    const at::Tensor x = at::randn({7, 20}).requires_grad_(true);
    const at::Tensor weight = (inputsFirst ? at::randn({20, 12}) : at::randn({12, 20})).requires_grad_(true);
    const at::Tensor bias = hasBias ? at::randn({12}).requires_grad_(true) : at::Tensor();
    const at::Tensor gradient = at::randn({7, 12});
    model::RoundedWeights copies(at::kBFloat16);
    const at::Tensor y = mixedProduct(model::productInput(x, &copies), weight, inputsFirst, bias, copies);
    y.backward(gradient);

    const at::Tensor matrix = inputsFirst ? rounded(weight) : rounded(weight).t();
    const at::Tensor product = at::mm(rounded(x), matrix);
    QVERIFY(y.scalar_type() == at::kFloat);
    QVERIFY(relative(y.detach(), hasBias ? product + bias.detach() : product) < kRounding);
    QVERIFY(relative(x.grad(), at::mm(rounded(gradient), matrix.t())) < kRounding);
    const at::Tensor ofMatrix = at::mm(rounded(x).t(), rounded(gradient));
    QVERIFY(relative(weight.grad(), inputsFirst ? ofMatrix : ofMatrix.t()) < kRounding);
    QVERIFY(!hasBias || bias.grad().allclose(gradient.sum(0)));
}

/// Frozen weights need no inputs, inputs without gradients no weights.
void TestMixedProduct::onlyWhatTheBackwardPassNeedsIsKept() {
    const at::Tensor x = at::randn({3, 4}), weight = at::randn({5, 4});
    model::RoundedWeights copies(at::kBFloat16);
    for (const bool weightTrains : {false, true}) {
        weight.requires_grad_(weightTrains);
        x.requires_grad_(!weightTrains);
        const model::ProductInput input = model::productInput(x, &copies);
        const auto before = input.rounded.use_count();
        const at::Tensor y = mixedProduct(input, weight, false, {}, copies);
        QCOMPARE(input.rounded.use_count() > before, weightTrains);
        y.backward(at::ones_like(y));
        QCOMPARE(weightTrains ? weight.grad().numel() : x.grad().numel(), weightTrains ? 20 : 12);
    }
}

void TestMixedProduct::copiesFollowTheirWeights() {
    model::RoundedWeights copies(at::kBFloat16);
    const at::Tensor weight = at::full({2, 2}, 1.5);
    const at::Tensor first = copies.of(weight);
    QVERIFY(first.equal(weight.to(at::kBFloat16)));
    QVERIFY(copies.of(weight).is_same(first));
    weight.add_(1);
    QVERIFY(copies.of(weight).equal(weight.to(at::kBFloat16)));
    // Behind torch's back.
    weight.mutable_data_ptr<float>()[3] = 8;
    model::noteChange(weight);
    QVERIFY(copies.of(weight).equal(weight.to(at::kBFloat16)));
    // A graph made before the change cannot be run with the copy made after it.
    const at::Tensor x = at::ones({1, 2}).requires_grad_(true);
    const at::Tensor y = mixedProduct(model::productInput(x, &copies), weight, false, {}, copies);
    weight.mul_(2);
    copies.of(weight);
    QVERIFY_THROWS_EXCEPTION(c10::Error, y.backward(at::ones_like(y)));
}

void TestMixedProduct::familiesAreNearFloat32() {
    QFETCH(const QString, name);
    Transformer narrow = mixed(name), wide = load(name, at::kFloat);
    QVERIFY(narrow.productType() == at::kBFloat16 && narrow.computeType() == at::kFloat);
    // A norm after every block hands the block's rounding on to all that follow.
    compareWithFloat32(narrow, wide, name == "opt-350m" ? 0.05 : 0.03);
    // Set back, it is the model that it was.
    narrow.setProductType(at::kFloat);
    const at::NoGradGuard noGradients;
    QVERIFY(logProbs(narrow).equal(logProbs(wide)));
}

void TestMixedProduct::checkpointingChangesNoBit() {
    QFETCH(const QString, name);
    for (const bool adapted : {false, true}) {
        Transformer policy = mixed(name);
        if (adapted) {
            randomizeAdapter(policy);
        }
        const auto kept = valuesAndGradients(policy);
        policy.setGradientCheckpointing(true);
        const auto anew = valuesAndGradients(policy);
        for (std::size_t i = 0; i < kept.size(); ++i) {
            QVERIFY2(anew[i].equal(kept[i]), qPrintable(QString::number(i)));
        }
    }
}

void TestMixedProduct::adaptersAreNearFloat32() {
    for (const char* name : {"gpt2", "llama", "falcon-7b"}) {
        Transformer narrow = mixed(name), wide = load(name, at::kFloat);
        randomizeAdapter(narrow);
        randomizeAdapter(wide);
        compareWithFloat32(narrow, wide);
        // The adapter's copies follow it too.
        const at::NoGradGuard noGradients;
        const at::Tensor before = logProbs(narrow);
        for (model::Parameter& parameter : narrow.adapter()->parameters()) {
            parameter.value.mul_(2);
        }
        QVERIFY(!logProbs(narrow).equal(before));
        narrow.mergeAdapter();
        QVERIFY(!logProbs(narrow).equal(before));
    }
}

void TestMixedProduct::goodPredictionsHaveExactGradients_data() {
    QTest::addColumn<double>("cap");
    QTest::newRow("plain") << 0.0;
    QTest::newRow("capped") << 30.0;
}

/// Where a prediction is nearly certain its gradient is a small difference of large numbers: rounding them apart would
/// leave nothing of it.
void TestMixedProduct::goodPredictionsHaveExactGradients() {
    QFETCH(const double, cap);
    at::manual_seed(6);
    const at::Tensor weight = rounded(at::randn({40, 16})).requires_grad_(true);
    const at::Tensor targets = at::arange(8, at::kLong);
    const at::Tensor rows = rounded(weight.detach().narrow(0, 0, 8) * 1.5).requires_grad_(true);
    const auto run = [&](std::shared_ptr<model::RoundedWeights> copies, std::int64_t keptBytes) {
        const model::OutputHead head{weight, {}, cap, nullptr, std::move(copies)};
        const at::Tensor values = chosenLogProbs(rows, head, targets, 3, keptBytes);
        auto gradients = torch::autograd::grad({values.sum()}, {rows, weight});
        gradients.push_back(values.detach());
        return gradients;
    };
    const auto expected = run(nullptr, 0);
    QVERIFY(expected[2].max().item<double>() > -0.001);  // nearly certain
    for (const std::int64_t keptBytes : {0, 1 << 20}) {
        const auto found = run(std::make_shared<model::RoundedWeights>(at::kBFloat16), keptBytes);
        QVERIFY(found[0].scalar_type() == at::kFloat && found[1].scalar_type() == at::kFloat);
        for (std::int64_t row = 0; row < 8; ++row) {
            // Logits are rounded, up to 2⁻⁸ of some ten nats; that moves a small probability by as large a share.
            const double error = relative(found[0][row], expected[0][row]);
            QVERIFY2(error < 0.15, qPrintable(QString::number(error)));
        }
        QVERIFY(relative(found[1], expected[1]) < 0.15);
    }
}

void TestMixedProduct::chunksChangeRoundingOnly() {
    at::manual_seed(7);
    const at::Tensor weight = at::randn({50, 16}).requires_grad_(true), bias = at::randn({50}).requires_grad_(true);
    const at::Tensor rows = at::randn({11, 16}).requires_grad_(true);
    const auto copies = std::make_shared<model::RoundedWeights>(at::kBFloat16);
    const auto run = [&](const std::shared_ptr<model::RoundedWeights>& rounding, std::int64_t chunk,
                         std::int64_t keptBytes) {
        const model::OutputHead head{weight, bias, 0, nullptr, rounding};
        const at::Tensor values = chosenLogProbs(rows, head, at::arange(11, at::kLong), chunk, keptBytes);
        return torch::autograd::grad({values.sum()}, {rows, weight, bias});
    };
    const auto wide = run(nullptr, 0, 0);
    for (const std::int64_t chunk : {0, 1, 4}) {
        for (const std::int64_t keptBytes : {0, 400, 1 << 20}) {
            const auto narrow = run(copies, chunk, keptBytes);
            for (std::size_t i = 0; i < wide.size(); ++i) {
                QVERIFY(relative(narrow[i], wide[i]) < 4 * kRounding);
            }
        }
    }
}

/// Weights as training rounds them, what they are multiplied with as it is.
void TestMixedProduct::decodingTakesTheRoundedWeights() {
    const at::NoGradGuard noGradients;
    const Transformer policy = mixed("llama");
    Transformer exact = load("llama", at::kFloat);
    const at::Tensor rows = at::randn({3, policy.architecture().hidden});
    const at::Tensor expected = at::mm(rows, rounded(exact.head().weight).t());
    const Transformer decoder = policy.forDecoding(model::WeightFormat::Float32);
    QVERIFY(decoder.logits(rows).allclose(expected, 1e-5, 1e-5));
    QVERIFY(!exact.forDecoding(model::WeightFormat::Float32).logits(rows).allclose(expected, 1e-5, 1e-5));
}

void TestMixedProduct::copiesOfAModelAreItsOwn() {
    const at::NoGradGuard noGradients;
    const Transformer policy = mixed("gpt2");
    const at::Tensor before = logProbs(policy);
    const Transformer reference = policy.clone();
    QVERIFY(reference.productType() == at::kBFloat16);
    for (const model::Parameter& parameter : policy.parameters()) {
        parameter.value.mul_(1.1);
    }
    QVERIFY(!logProbs(policy).equal(before));
    QVERIFY(logProbs(reference).equal(before));
}

void TestMixedProduct::whatCannotBeMixedIsRefused() {
    Transformer exact = load("gpt2", at::kDouble);
    exact.setProductType(at::kDouble);
    EXPECT_ERROR(exact.setProductType(at::kBFloat16), "a model in float64 has no products in bfloat16");
    Transformer wide = load("gpt2", at::kFloat);
    EXPECT_ERROR(wide.setProductType(at::kHalf), "a model in float32 has no products in float16");
}

QTEST_GUILESS_MAIN(TestMixedProduct)
#include "tst_mixed_product.moc"
