#include <QTest>
#include <limits>

#include "core/model/attention.h"
#include "core/model/row_products.h"

using namespace prefbench;

/// What decoding computes with its own loops, against LibTorch in float64.
class TestDecodingKernels : public QObject {
    Q_OBJECT

    static at::Tensor wide(const at::Tensor& x) { return x.to(at::kDouble); }
    static double difference(const at::Tensor& found, const at::Tensor& expected) {
        return (wide(found) - expected).abs().max().item<double>();
    }

  private Q_SLOTS:
    void init() { torch::manual_seed(5); }

    void fewRowsTimesAMatrix_data() {
        QTest::addColumn<int>("inputs");
        QTest::addColumn<int>("outputs");
        QTest::newRow("whole registers") << 128 << 192;
        QTest::newRow("more inputs than stay in the cache") << 700 << 64;
        QTest::newRow("rests everywhere") << 113 << 203;
        QTest::newRow("less than a register") << 5 << 3;
        QTest::newRow("one output") << 40 << 1;
    }

    void fewRowsTimesAMatrix() {
        QFETCH(const int, inputs);
        QFETCH(const int, outputs);
        const at::NoGradGuard noGrad;
        const at::Tensor weight = at::randn({outputs, inputs}), bias = at::randn({outputs});
        const at::Tensor turned = weight.t().contiguous();
        for (const int rows : {1, 2, 3, 5, 6, 7, 13, 16, 32}) {
            const at::Tensor x = at::randn({rows, inputs});
            const at::Tensor expected = at::linear(wide(x), wide(weight), wide(bias));
            QVERIFY(model::rowProductsTake(x, weight));
            QVERIFY(difference(model::rowProducts(x, weight, bias, false), expected) < 1e-4);
            QVERIFY(difference(model::rowProducts(x, turned, bias, true), expected) < 1e-4);
            QVERIFY(difference(model::rowProducts(x, weight, {}, false), expected - wide(bias)) < 1e-4);
        }
    }

    /// Sampling does not depend on the batch.
    void aRowDoesNotDependOnTheOthers() {
        const at::NoGradGuard noGrad;
        const at::Tensor weight = at::randn({203, 113}), turned = weight.t().contiguous(), x = at::randn({9, 113});
        const at::Tensor outputsFirst = model::rowProducts(x, weight, {}, false);
        const at::Tensor inputsFirst = model::rowProducts(x, turned, {}, true);
        for (std::int64_t row = 0; row < x.size(0); ++row) {
            const at::Tensor alone = x.narrow(0, row, 1);
            QVERIFY(model::rowProducts(alone, weight, {}, false).equal(outputsFirst.narrow(0, row, 1)));
            QVERIFY(model::rowProducts(alone, turned, {}, true).equal(inputsFirst.narrow(0, row, 1)));
        }
    }

    void gradientsAndManyRowsAreLeftToLibraries() {
        const at::Tensor weight = at::randn({8, 8});
        QVERIFY(!model::rowProductsTake(at::randn({1, 8}), weight));  // gradients are on
        const at::NoGradGuard noGrad;
        QVERIFY(!model::rowProductsTake(at::randn({model::mostRowsForRowProducts + 1, 8}), weight));
        QVERIFY(!model::rowProductsTake(at::randn({1, 8}, at::kDouble), weight.to(at::kDouble)));
        QVERIFY(!model::rowProductsTake(at::randn({1, 8}), weight.t()));
    }

    void oneTokenOverItsPast_data() {
        QTest::addColumn<int>("keyHeads");
        QTest::addColumn<bool>("masked");
        QTest::newRow("plain") << 6 << false;
        QTest::newRow("masked") << 6 << true;
        QTest::newRow("grouped, masked") << 2 << true;
    }

    void oneTokenOverItsPast() {
        QFETCH(const int, keyHeads);
        QFETCH(const bool, masked);
        const at::NoGradGuard noGrad;
        for (const int dim : {16, 64, 80}) {
            const at::Tensor queries = at::randn({3, 6, 1, dim});
            // As a cache has them: heads within tokens.
            const at::Tensor keys = at::randn({3, 50, keyHeads, dim}).transpose(1, 2).narrow(2, 0, 37);
            const at::Tensor values = at::randn({3, 50, keyHeads, dim}).transpose(1, 2).narrow(2, 0, 37);
            at::Tensor mask;
            if (masked) {
                mask = at::zeros({3, 1, 1, 37});
                mask[1].narrow(2, 20, 17).fill_(-std::numeric_limits<float>::infinity());
            }
            const model::ScoreRule rule{0.3, 0};
            const at::Tensor found = model::attention(queries, keys, values, mask, false, rule);
            const at::Tensor expected = model::attention(wide(queries), wide(keys), wide(values),
                                                         masked ? wide(mask) : at::Tensor(), false, rule);
            QVERIFY(difference(found, expected) < 1e-5);
        }
    }
};

QTEST_GUILESS_MAIN(TestDecodingKernels)
#include "tst_decoding_kernels.moc"
