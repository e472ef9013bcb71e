#include <QTest>
#include <algorithm>

#include "core/contract/messages.h"
#include "core/files/json_lines.h"
#include "core/files/model_folder.h"
#include "core/model/kv_cache.h"
#include "core/model/panel_kernels.h"
#include "core/model/transformer.h"
#include "core/text/tokenizer.h"
#include "tests/support/family_models.h"

using namespace prefbench;
using model::Transformer;
using model::WeightFormat;
using Ids = std::vector<std::int64_t>;

namespace {

const std::filesystem::path kStarter = std::filesystem::path(PREFBENCH_SOURCE_DIR) / "resources" / "starter";
constexpr std::int64_t kNewTokens = 32;
constexpr std::size_t kPrompts = 16;

/// log softmax of what follows each of `ids`, token by token as decoding goes. [ids, vocabulary]
at::Tensor decoded(const Transformer& model, const Ids& ids) {
    model::KvCache cache(model, 1, static_cast<std::int64_t>(ids.size()));
    std::vector<at::Tensor> rows;
    for (const std::int64_t id : ids) {
        rows.push_back(model.logits(model.forwardCached(at::tensor({id}, at::kLong).view({1, 1}), cache)[0]));
    }
    return at::cat(rows).log_softmax(-1);
}

/// Greedy.
Ids continued(const Transformer& model, Ids ids) {
    model::KvCache cache(model, 1, static_cast<std::int64_t>(ids.size()) + kNewTokens);
    at::Tensor hidden = model.forwardCached(at::tensor(ids, at::kLong).unsqueeze(0), cache);
    for (std::int64_t i = 0; i < kNewTokens; ++i) {
        ids.push_back(model.logits(hidden.select(1, hidden.size(1) - 1)).argmax(-1).item<std::int64_t>());
        hidden = model.forwardCached(at::tensor({ids.back()}, at::kLong).view({1, 1}), cache);
    }
    return ids;
}

}  // namespace

/// How exact decoding from rounded weights is with a model that has learned something: docs/performance.md quotes
/// these bounds.
class TestDecodingFormats : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void staysNearFloat32_data() {
        QTest::addColumn<int>("format");
        QTest::addColumn<double>("worst");       // of a token's log-probability where it is 1 % or more, in nats
        QTest::addColumn<double>("divergence");  // mean Kullback-Leibler from float32, in nats
        QTest::addColumn<double>("agreement");   // share of positions with the same likeliest token
        QTest::newRow("float32") << int(WeightFormat::Float32) << 1e-4 << 1e-8 << 1.0;
        QTest::newRow("bfloat16") << int(WeightFormat::BFloat16) << 0.05 << 1e-4 << 0.99;
        QTest::newRow("int8") << int(WeightFormat::Int8) << 0.6 << 1e-3 << 0.98;
    }

    void staysNearFloat32() {
        QFETCH(int, format);
        QFETCH(double, worst);
        QFETCH(double, divergence);
        QFETCH(double, agreement);
        const files::ModelFolder folder = files::openModelFolder(kStarter / "model");
        const auto tokenizer = text::Tokenizer::load(folder.tokenizer);
        const Transformer plain = Transformer::load(folder, at::kCPU, at::kFloat);
        const Transformer packed = plain.forDecoding(static_cast<WeightFormat>(format));
        double largest = 0, distance = 0, same = 0, positions = 0;
        std::size_t prompts = 0;
        files::readJsonLinesFile(
            kStarter / "prompts.jsonl",
            [&](std::int64_t, const files::OrderedJson& row) {
                if (prompts++ >= kPrompts) {
                    return;
                }
                const Ids ids = continued(plain, tokenizer->encode(contract::promptFromJson(row).text, true));
                const at::Tensor expected = decoded(plain, ids), found = decoded(packed, ids);
                const at::Tensor likely = expected.gt(std::log(0.01));
                largest = std::max(largest, (found - expected).abs().masked_select(likely).max().item<double>());
                distance += (expected.exp() * (expected - found)).sum().item<double>();
                same += found.argmax(-1).eq(expected.argmax(-1)).sum().item<double>();
                positions += static_cast<double>(ids.size());
            },
            [](const files::BadLine&) { QFAIL("prompts.jsonl"); });
        const QString seen = QStringLiteral("worst %1, divergence %2, agreement %3 of %4 positions")
                                 .arg(largest)
                                 .arg(distance / positions)
                                 .arg(same / positions)
                                 .arg(positions);
        qInfo().noquote() << seen;
        QVERIFY2(largest <= worst && distance / positions <= divergence && same / positions >= agreement,
                 qPrintable(seen));
    }

    void copiesAreMadeOnlyWhereThereIsRoom() {
        const Transformer plain = load("gpt2", at::kFloat);
        const Ids ids{5, 9, 21, 7, 8, 30, 2, 11};
        const at::Tensor expected = decoded(plain, ids);
        const auto isPlain = [&](WeightFormat format, std::int64_t roomBytes) {
            return decoded(plain.forDecoding(format, roomBytes), ids).equal(expected);
        };
        QVERIFY(isPlain(WeightFormat::Float32, 1000));
        QVERIFY(!isPlain(WeightFormat::Float32, 1 << 30));
        QVERIFY(!isPlain(WeightFormat::Int8, 1000));  // asked for by name
    }

    void everyFamilyDecodes_data() { addFamilies(); }

    /// Models of random weights, which say little of how exact a format is: the bounds are loose.
    void everyFamilyDecodes() {
        QFETCH(QString, name);
        const Transformer plain = load(name, at::kFloat);
        const Ids ids{5, 9, 21, 7, 8, 30, 2, 11, 4, 3, 6, 17, 40, 6, 12, 13};
        const at::Tensor expected = decoded(plain, ids);
        const auto difference = [&](WeightFormat format) {
            return (decoded(plain.forDecoding(format), ids) - expected).abs().max().item<double>();
        };
        QVERIFY(difference(WeightFormat::Float32) < 1e-4);
        QVERIFY(difference(WeightFormat::BFloat16) < 0.3);
        QVERIFY(difference(WeightFormat::Int8) < 1.5);
    }
};

QTEST_GUILESS_MAIN(TestDecodingFormats)
#include "tst_decoding_formats.moc"
