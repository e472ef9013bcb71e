#include <QTest>
#include <cstring>

#include "core/files/error.h"
#include "core/files/safetensors.h"
#include "core/model/families.h"
#include "core/model/kv_cache.h"
#include "core/model/log_probs.h"
#include "core/model/panel_kernels.h"
#include "tests/support/golden_cases.h"

using namespace prefbench;
using model::KvCache;
using model::PackedBatch;
using model::Transformer;
using model::WeightFormat;
using Ids = std::vector<std::int64_t>;

namespace {

Ids toIds(const files::OrderedJson& json) {
    return json.get<Ids>();
}

at::Tensor readTensor(const files::SafetensorsFile& file, const std::string& name) {
    const files::TensorInfo* info = file.find(name);
    if (info == nullptr) {
        return {};
    }
    const auto type = info->dtype == files::DType::F64   ? at::kDouble
                      : info->dtype == files::DType::F32 ? at::kFloat
                                                         : at::kLong;
    if (info->dtype == files::DType::I32) {
        throw Error(name + ": unexpected dtype");
    }
    at::Tensor tensor = at::empty(info->shape, type);
    const auto bytes = file.data(*info);
    std::memcpy(tensor.data_ptr(), bytes.data(), bytes.size());
    return tensor;
}

double largestDifference(const at::Tensor& a, const at::Tensor& b) {
    return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

QString differenceText(double difference, double tolerance) {
    return QStringLiteral("differs by %1, allowed %2").arg(difference).arg(tolerance);
}

at::Tensor logitsOf(const Transformer& model, const Ids& ids) {
    return model.logits(model.forward(PackedBatch::pack({{ids, {}}}, at::kCPU)));
}

Ids greedyCached(const Transformer& model, const Ids& prompt, std::int64_t count) {
    KvCache cache(model, 1, 4);  // small, so that it has to grow
    at::Tensor hidden = model.forwardCached(at::tensor(prompt, at::kLong).unsqueeze(0), cache);
    Ids ids;
    while (true) {
        ids.push_back(model.logits(hidden.select(1, hidden.size(1) - 1)).argmax(-1).item<std::int64_t>());
        if (static_cast<std::int64_t>(ids.size()) == count) {
            return ids;
        }
        hidden = model.forwardCached(at::tensor({ids.back()}, at::kLong).unsqueeze(0), cache);
    }
}

Ids greedyUncached(const Transformer& model, const Ids& prompt, std::int64_t count) {
    Ids all = prompt;
    for (std::int64_t i = 0; i < count; ++i) {
        all.push_back(logitsOf(model, all)[-1].argmax().item<std::int64_t>());
    }
    return Ids(all.begin() + static_cast<std::ptrdiff_t>(prompt.size()), all.end());
}

}  // namespace

/// Runs every folder below models/ whose family this version knows.
class TestGoldenModels : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void promisedFamiliesAreThere() {
        for (const char* family : {"gpt2", "gptj", "gpt_neox", "opt", "falcon", "llama", "mistral", "qwen2", "qwen3",
                                   "phi3", "gemma2", "gemma3_text"}) {
            QVERIFY2(model::findFamily(family) != nullptr, family);
        }
    }

    void folder_data() {
        QTest::addColumn<QString>("path");
        for (const QString& path : GoldenCases::folders(QStringLiteral("models"))) {
            QTest::newRow(qPrintable(QFileInfo(path).fileName())) << path;
        }
    }

    void folder() {
        QFETCH(const QString, path);
        const at::NoGradGuard noGrad;
        GoldenCases cases(QStringLiteral("models/") + QFileInfo(path).fileName());
        cases.guard(QStringLiteral("folder"), [&] { checkFolder(cases, path); });
        QVERIFY(cases.finish());
    }

  private:
    void checkFolder(GoldenCases& cases, const QString& path) {
        const files::ModelFolder source = files::openModelFolder(path.toStdString());
        expectedFolder_ = path.toStdString();
        expected_ = files::readOrderedJsonFile(expectedFolder_ / "expected.json");
        if (const auto same = expected_.find("same_as"); same != expected_.end()) {
            expectedFolder_ = (expectedFolder_ / same->get<std::string>()).lexically_normal();
            expected_ = files::readOrderedJsonFile(expectedFolder_ / "expected.json");
        }
        const Transformer f32 = Transformer::load(source, at::kCPU, at::kFloat);
        const Transformer f64 = Transformer::load(source, at::kCPU, at::kDouble);
        checkSequences(cases, f32, f64);
        checkPairs(cases, f32, f64);
        checkGreedy(cases, f32, f64);
    }

    void checkClose(GoldenCases& cases, const QString& name, const at::Tensor& got, const at::Tensor& expected,
                    double tolerance) {
        const double difference = largestDifference(got, expected);
        cases.check(difference <= tolerance, name, differenceText(difference, tolerance));
    }

    /// Each sequence alone in both types, and all of them packed as one batch.
    void checkSequences(GoldenCases& cases, const Transformer& f32, const Transformer& f64) {
        const std::filesystem::path tensorsFile = expectedFolder_ / "expected.safetensors";
        const auto tensors = files::SafetensorsFile::open(tensorsFile);
        std::vector<PackedBatch::Tree> trees;
        const auto& sequences = expected_.at("sequences");
        for (std::size_t i = 0; i < sequences.size(); ++i) {
            const Ids ids = toIds(sequences[i].at("input_ids"));
            trees.push_back({ids, {}});
            const std::string name = "seq" + std::to_string(i);
            const at::Tensor expected = readTensor(tensors, name + ".logits_f64");
            const at::Tensor wide = logitsOf(f64, ids), narrow = logitsOf(f32, ids);
            checkClose(cases, QString::fromStdString(name + " f64"), wide, expected, 1e-6);
            checkClose(cases, QString::fromStdString(name + " f32"), narrow, expected, 1e-4);
            const Ids top = toIds(sequences[i].at("last_position_top5_ids"));
            const at::Tensor found = std::get<1>(wide[-1].topk(static_cast<std::int64_t>(top.size())));
            cases.check(found.equal(at::tensor(top, at::kLong)), QString::fromStdString(name + " top 5"));
        }
        checkBatch(cases, f32, trees, tensors);
    }

    void checkBatch(GoldenCases& cases, const Transformer& f32, const std::vector<PackedBatch::Tree>& trees,
                    const files::SafetensorsFile& tensors) {
        const at::Tensor packed = f32.logits(f32.forward(PackedBatch::pack(trees, at::kCPU)));
        const at::Tensor expected = readTensor(tensors, "batch.logits_f32");
        const at::Tensor padded = readTensor(tensors, "batch.input_ids");
        std::int64_t begin = 0;
        for (std::size_t i = 0; i < trees.size(); ++i) {
            const auto row = static_cast<std::int64_t>(i);
            const auto length = static_cast<std::int64_t>(trees[i].prefix.size());
            cases.check(padded[row].narrow(0, 0, length).equal(at::tensor(trees[i].prefix, at::kLong)),
                        QStringLiteral("batch row %1 holds sequence %1").arg(row));
            checkClose(cases, QStringLiteral("batch row %1").arg(row), packed.narrow(0, begin, length),
                       expected[row].narrow(0, 0, length), 1e-4);
            begin += length;
        }
    }

    void checkPairs(GoldenCases& cases, const Transformer& f32, const Transformer& f64) {
        const auto& pairs = expected_.at("pairs");
        for (std::size_t i = 0; i < pairs.size(); ++i) {
            const PackedBatch batch = PackedBatch::pack(
                {{toIds(pairs[i].at("prompt_ids")), {toIds(pairs[i].at("completion_ids"))}}}, at::kCPU);
            const at::Tensor expected =
                at::tensor(pairs[i].at("completion_logps_f64").get<std::vector<double>>(), at::kDouble);
            const double sum = pairs[i].at("sum_f64").get<double>();
            for (const Transformer* model : {&f32, &f64}) {
                const bool wide = model == &f64;
                const QString name = QStringLiteral("pair %1 %2").arg(i).arg(wide ? "f64" : "f32");
                const at::Tensor tokens = branchTokenLogProbs(*model, batch);
                checkClose(cases, name, tokens, expected, wide ? 1e-6 : 1e-4);
                checkClose(cases, name + " sum", model::sumByBranch(tokens, batch)[0], at::tensor(sum, at::kDouble),
                           wide ? 1e-6 : 1e-4 * static_cast<double>(expected.numel()));
            }
        }
    }

    void checkGreedy(GoldenCases& cases, const Transformer& f32, const Transformer& f64) {
        const auto& greedy = expected_.at("greedy");
        for (std::size_t i = 0; i < greedy.size(); ++i) {
            const Ids prompt = toIds(greedy[i].at("prompt_ids"));
            const Ids cached = toIds(greedy[i].at("with_cache_f32"));
            const auto count = static_cast<std::int64_t>(cached.size());
            const QString name = QStringLiteral("greedy %1 ").arg(i);
            cases.check(greedyCached(f32, prompt, count) == cached, name + "with cache f32");
            cases.check(greedyCached(f32.forDecoding(WeightFormat::Float32), prompt, count) == cached,
                        name + "with cache and packed weights f32");
            cases.check(greedyUncached(f32, prompt, count) == toIds(greedy[i].at("without_cache_f32")),
                        name + "without cache f32");
            cases.check(greedyUncached(f64, prompt, count) == toIds(greedy[i].at("without_cache_f64")),
                        name + "without cache f64");
        }
    }

    std::filesystem::path expectedFolder_;
    files::OrderedJson expected_;
};

QTEST_GUILESS_MAIN(TestGoldenModels)
#include "tst_golden_models.moc"
