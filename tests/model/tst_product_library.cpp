#include <QTest>

#include "core/files/error.h"
#include "core/model/log_probs.h"
#include "core/model/product_library.h"
#include "tests/support/expect_error.h"

using namespace prefbench;
using model::ProductLibraries;
using model::ProductLibrary;

/// The linear layer whose products are shared out among libraries, against LibTorch's in float64.
class TestProductLibrary : public QObject {
    Q_OBJECT

    static double difference(const at::Tensor& found, const at::Tensor& expected) {
        return ((found.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
    }

    static ProductLibraries librariesOf(int oneDnn) {
        const auto library = [&](int bit) {
            return (oneDnn & bit) != 0 ? ProductLibrary::OneDnn : ProductLibrary::Blas;
        };
        return {library(1), library(2), library(4)};
    }

  private Q_SLOTS:
    void productsAndGradientsAreALinearLayers_data() {
        QTest::addColumn<int>("oneDnn");  // bits: forward, input's gradient, weight's gradient
        QTest::addColumn<bool>("inputsFirst");
        QTest::addColumn<bool>("hasBias");
        for (int bits = 0; bits < 8; ++bits) {
            QTest::addRow("%d", bits) << bits << false << true;
            QTest::addRow("%d, inputs first", bits) << bits << true << (bits % 2 == 0);
        }
    }

    void productsAndGradientsAreALinearLayers() {
        QFETCH(int, oneDnn);
        QFETCH(bool, inputsFirst);
        QFETCH(bool, hasBias);
        if (oneDnn != 0 && !model::hasOneDnn()) {
            QSKIP("this LibTorch has no oneDNN");
        }
        torch::manual_seed(3);
        const ProductLibraries libraries = librariesOf(oneDnn);
        QCOMPARE(libraries.areBlas(), oneDnn == 0);
        const at::Tensor x = at::randn({37, 45}).requires_grad_(), bias = at::randn({29}).requires_grad_();
        const at::Tensor weight =
            at::randn(inputsFirst ? at::IntArrayRef{45, 29} : at::IntArrayRef{29, 45}).requires_grad_();
        const at::Tensor given = at::randn({37, 29});
        const at::Tensor y = model::linearBy(libraries, x, weight, inputsFirst, hasBias ? bias : at::Tensor());
        y.backward(given);

        const at::Tensor wide = x.detach().to(at::kDouble).requires_grad_(),
                         wideBias = bias.detach().to(at::kDouble).requires_grad_();
        const at::Tensor wideWeight = weight.detach().to(at::kDouble).requires_grad_();
        const at::Tensor expected = at::linear(wide, inputsFirst ? wideWeight.t() : wideWeight,
                                               hasBias ? std::optional(wideBias) : std::nullopt);
        expected.backward(given.to(at::kDouble));
        QVERIFY(difference(y, expected) < 1e-6);
        QVERIFY(difference(x.grad(), wide.grad()) < 1e-6);
        QVERIFY(difference(weight.grad(), wideWeight.grad()) < 1e-6);
        QVERIFY(hasBias ? difference(bias.grad(), wideBias.grad()) < 1e-6 : !bias.grad().defined());
    }

    void headsProductsAreSharedOutToo_data() {
        QTest::addColumn<int>("oneDnn");  // bits as above
        QTest::addColumn<int>("rowsPerChunk");
        for (int bits = 1; bits < 8; ++bits) {
            QTest::addRow("%d, one chunk", bits) << bits << 64;
            QTest::addRow("%d, three chunks", bits) << bits << 16;
        }
    }

    void headsProductsAreSharedOutToo() {
        QFETCH(int, oneDnn);
        QFETCH(int, rowsPerChunk);
        if (!model::hasOneDnn()) {
            QSKIP("this LibTorch has no oneDNN");
        }
        torch::manual_seed(4);
        const at::Tensor rows = at::randn({37, 45}).requires_grad_(), weight = at::randn({29, 45}).requires_grad_();
        const at::Tensor targets = at::arange(37, at::kLong) % 29, given = at::randn({37}).to(at::kDouble);
        const auto gradients = [&](const at::Tensor& logProbs) {
            return torch::autograd::grad({logProbs}, {rows, weight}, {given.to(logProbs.scalar_type())});
        };
        const at::Tensor logProbs =
            model::chosenLogProbs(rows, {weight, {}, 0, nullptr, nullptr, librariesOf(oneDnn)}, targets, rowsPerChunk);
        const at::Tensor expected = at::linear(rows.to(at::kDouble), weight.to(at::kDouble))
                                        .log_softmax(-1)
                                        .gather(1, targets.unsqueeze(1))
                                        .squeeze(1);
        QVERIFY(difference(logProbs, expected) < 1e-6);
        const auto found = gradients(logProbs), wanted = gradients(expected);
        QVERIFY(difference(found[0], wanted[0].to(at::kDouble)) < 1e-6);
        QVERIFY(difference(found[1], wanted[1].to(at::kDouble)) < 1e-6);
    }

    void frozenWeightsGetNoGradient() {
        const at::Tensor x = at::randn({5, 8}).requires_grad_(), weight = at::randn({4, 8});
        model::linearBy({ProductLibrary::Blas, ProductLibrary::Blas, ProductLibrary::Blas}, x, weight, false, {})
            .sum()
            .backward();
        QVERIFY(x.grad().defined() && !weight.grad().defined());
    }

    void librariesHaveNames() {
        QCOMPARE(model::productLibraryFromName(model::productLibraryName(ProductLibrary::Blas)), ProductLibrary::Blas);
        EXPECT_ERROR(model::productLibraryFromName("eigen"), "\"eigen\" is not a library of matrix products");
    }
};

QTEST_GUILESS_MAIN(TestProductLibrary)
#include "tst_product_library.moc"
