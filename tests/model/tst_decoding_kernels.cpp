#include <QTest>
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/model/attention.h"
#include "core/model/packed_matrix.h"

using namespace prefbench;
using model::PackedMatrix;
using model::WeightFormat;

/// What decoding computes with its own loops, against LibTorch in float64.
class TestDecodingKernels : public QObject {
    Q_OBJECT

    static at::Tensor wide(const at::Tensor& x) { return x.to(at::kDouble); }
    static double difference(const at::Tensor& found, const at::Tensor& expected) {
        return (wide(found) - expected).abs().max().item<double>();
    }

    static constexpr std::array formats{WeightFormat::Float32, WeightFormat::BFloat16, WeightFormat::Int8};

    /// To 255 steps between each row's greatest magnitudes, as Int8 multiplies them.
    static at::Tensor rounded(const at::Tensor& x) {
        const at::Tensor most = x.abs().amax(1, true);
        return (wide(x) * wide(127 / most)).round() * wide(most / 127);
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
        for (const WeightFormat format : formats) {
            const PackedMatrix packed(weight, false, format), fromTurned(turned, true, format);
            QVERIFY(packed.unpacked().equal(fromTurned.unpacked()));
            for (const int rows : {1, 2, 3, 5, 6, 7, 13, 16, 17, 32}) {
                const at::Tensor x = at::randn({rows, inputs});
                const at::Tensor multiplied = format == WeightFormat::Int8 ? rounded(x) : wide(x);
                const at::Tensor expected = at::linear(multiplied, wide(packed.unpacked()), wide(bias));
                QVERIFY(packed.takes(x));
                const double allowed = 1e-5 * std::sqrt(inputs);  // of sums in float32, one input after the other
                QVERIFY2(difference(packed.multiply(x, bias), expected) < allowed,
                         qPrintable(QString::number(difference(packed.multiply(x, bias), expected))));
                QVERIFY(packed.multiply(x, bias).equal(fromTurned.multiply(x, bias)));
                QVERIFY(difference(packed.multiply(x, {}), expected - wide(bias)) < allowed);
            }
        }
    }

    void packedWeightsAreAsNearAsTheirFormatAllows() {
        const at::Tensor weight = at::randn({37, 50});
        weight[3].zero_();
        QVERIFY(PackedMatrix(weight, false, WeightFormat::Float32).unpacked().equal(weight));
        QVERIFY(PackedMatrix(weight, false, WeightFormat::BFloat16)
                    .unpacked()
                    .equal(weight.to(at::kBFloat16).to(at::kFloat)));
        const at::Tensor steps = weight.abs().amax(1, true) / 127;
        const at::Tensor defect = (PackedMatrix(weight, false, WeightFormat::Int8).unpacked() - weight).abs();
        QVERIFY((defect <= steps * 0.5001).all().item<bool>());
    }

    /// Sampling does not depend on the batch.
    void aRowDoesNotDependOnTheOthers() {
        const at::NoGradGuard noGrad;
        const at::Tensor weight = at::randn({203, 113}), x = at::randn({37, 113});
        for (const WeightFormat format : formats) {
            const PackedMatrix packed(weight, false, format);
            const at::Tensor all = packed.multiply(x, {});
            for (std::int64_t row = 0; row < x.size(0); ++row) {
                for (const std::int64_t count : {1, 3, 7, 12}) {
                    const std::int64_t taken = std::min(count, x.size(0) - row);
                    QVERIFY(packed.multiply(x.narrow(0, row, taken), {}).equal(all.narrow(0, row, taken)));
                }
            }
        }
    }

    /// Older CPUs' loops, on this one: Int8 to the bit.
    void everyCpuMultipliesAlike() {
        constexpr std::int64_t rows = 13, inputs = 40, outputs = 27, panels = 2;
        for (const WeightFormat format : formats) {
            const bool isInt8 = format == WeightFormat::Int8;
            const at::Tensor weights = format == WeightFormat::Float32 ? at::randn({panels * inputs * 16})
                                       : isInt8 ? at::randint(-127, 128, {panels * inputs * 16}, at::kChar)
                                                : at::randn({panels * inputs * 16}).to(at::kBFloat16);
            const at::Tensor x = isInt8 ? at::randint(1, 256, {inputs * 16}, at::kByte) : at::randn({inputs * 16});
            const at::Tensor rowScales = at::rand({rows}), scales = at::rand({panels * 16});
            const at::Tensor offsets = at::randint(-9999, 9999, {panels * 16}, at::kInt);
            std::vector<at::Tensor> results;
            for (const model::PanelKernel kernel : model::panelKernels(format)) {
                results.push_back(at::zeros({rows, outputs}));
                model::PanelProduct p;
                p.panels = weights.const_data_ptr();
                p.x = x.const_data_ptr();
                p.y = results.back().mutable_data_ptr<float>();
                p.rows = rows;
                p.inputs = inputs;
                p.outputs = outputs;
                p.rowScales = rowScales.const_data_ptr<float>();
                p.outputScales = scales.const_data_ptr<float>();
                p.outputOffsets = offsets.const_data_ptr<std::int32_t>();
                kernel(p, 0, panels);
                QVERIFY(difference(results.back(), wide(results.front())) <= (isInt8 ? 0 : 1e-4));
            }
        }
    }

    void gradientsAndManyFloat32RowsAreLeftToLibraries() {
        const at::Tensor weight = at::randn({8, 8});
        const PackedMatrix packed(weight, false, WeightFormat::Float32);
        QVERIFY(!packed.takes(at::randn({1, 8})));  // gradients are on
        const at::NoGradGuard noGrad;
        QVERIFY(packed.takes(at::randn({1, 8})));
        QVERIFY(!packed.takes(at::randn({100, 8})));
        QVERIFY(PackedMatrix(weight, false, WeightFormat::Int8).takes(at::randn({100, 8})));
        QVERIFY(!packed.takes(at::randn({1, 8}, at::kDouble)));
    }

    void rowsThatAreNotFiniteStayThat() {
        const at::NoGradGuard noGrad;
        const PackedMatrix packed(at::randn({20, 40}), false, WeightFormat::Int8);
        for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
            at::Tensor x = at::randn({3, 40});
            x[1][39] = bad;
            const at::Tensor y = packed.multiply(x, {});
            QVERIFY(y[1].isnan().all().item<bool>());
            QVERIFY(y[0].isfinite().all().item<bool>() && y[2].isfinite().all().item<bool>());
        }
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

    /// What sequences have in common is read from one of them alone, and the result is the same to the bit.
    void aSharedPastIsReadFromItsLeader() {
        const at::NoGradGuard noGrad;
        const at::Tensor queries = at::randn({3, 4, 1, 16});
        const auto cached = [] {
            at::Tensor made = at::randn({3, 30, 4, 16});
            made[2].narrow(0, 0, 20).copy_(made[0].narrow(0, 0, 20));
            return made;
        };
        const at::Tensor keys = cached(), values = cached();
        const auto headsFirst = [](const at::Tensor& x) { return x.transpose(1, 2); };
        const model::ScoreRule rule{0.3, 0};
        const at::Tensor expected = model::attention(queries, headsFirst(keys), headsFirst(values), {}, false, rule);
        keys[2].narrow(0, 0, 20).fill_(7);
        values[2].narrow(0, 0, 20).fill_(7);
        const model::SharedPast shared{{0, 1, 0}, {0, 0, 20}};
        QVERIFY(
            model::attention(queries, headsFirst(keys), headsFirst(values), {}, false, rule, &shared).equal(expected));
    }
};

QTEST_GUILESS_MAIN(TestDecodingKernels)
#include "tst_decoding_kernels.moc"
