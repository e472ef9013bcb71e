#include <QTemporaryDir>
#include <QTest>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/model/kv_cache.h"
#include "core/model/log_probs.h"
#include "core/model/weights.h"
#include "tests/support/golden_cases.h"

using namespace prefbench;
using model::KvCache;
using model::PackedBatch;
using model::Transformer;
using Ids = std::vector<std::int64_t>;

namespace {

std::filesystem::path goldenModel(const std::string& name) {
    return std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / name;
}

Transformer load(const std::string& name, at::ScalarType type = at::kDouble) {
    return Transformer::load(files::openModelFolder(goldenModel(name)), at::kCPU, type);
}

Ids ids(std::int64_t count, std::int64_t seed) {
    Ids result;
    for (std::int64_t i = 0; i < count; ++i) {
        result.push_back((seed * 37 + i * 61) % 500);
    }
    return result;
}

double difference(const at::Tensor& a, const at::Tensor& b) {
    return a.numel() == 0 ? 0 : (a - b).abs().max().item<double>();
}

/// Trees of every kind: several branches, one, none with a prefix, none without; different lengths.
std::vector<PackedBatch::Tree> mixedTrees() {
    return {{ids(5, 1), {ids(7, 2), ids(3, 3)}},
            {ids(4, 4), {ids(6, 5)}},
            {{}, {ids(9, 6)}},
            {ids(1, 7), {ids(2, 8), ids(5, 9), ids(1, 10)}}};
}

struct Result {
    at::Tensor tokens;                  ///< log-probabilities in packing order
    std::vector<at::Tensor> gradients;  ///< of a weighted sum of them, by parameter
};

at::Tensor weighted(const at::Tensor& tokens) {
    return (tokens * at::arange(1, tokens.numel() + 1, tokens.options()).sin()).sum();
}

std::vector<at::Tensor> takeGradients(const Transformer& model) {
    std::vector<at::Tensor> gradients;
    for (const model::Parameter& parameter : model.parameters()) {
        const at::Tensor& gradient = parameter.value.grad();
        gradients.push_back(gradient.defined() ? gradient.clone() : at::zeros_like(parameter.value));
        parameter.value.mutable_grad() = at::Tensor();
    }
    return gradients;
}

Result together(const Transformer& model, const std::vector<PackedBatch::Tree>& trees) {
    const at::Tensor tokens = branchTokenLogProbs(model, PackedBatch::pack(trees, at::kCPU));
    weighted(tokens).backward();
    return {tokens.detach(), takeGradients(model)};
}

/// Each branch as a sequence of its own, logits of all its positions, plain log_softmax.
Result separately(const Transformer& model, const std::vector<PackedBatch::Tree>& trees) {
    std::vector<at::Tensor> parts;
    for (const PackedBatch::Tree& tree : trees) {
        for (const Ids& branch : tree.branches) {
            Ids all = tree.prefix;
            all.insert(all.end(), branch.begin(), branch.end());
            const at::Tensor hidden = model.forward(PackedBatch::pack({{all, {}}}, at::kCPU));
            const at::Tensor logProbs = model.logits(hidden).log_softmax(-1);
            for (std::size_t i = tree.prefix.size(); i < all.size(); ++i) {
                parts.push_back(i == 0 ? at::zeros({}, logProbs.options())
                                       : logProbs[static_cast<std::int64_t>(i) - 1][all[i]]);
            }
        }
    }
    const at::Tensor tokens = at::stack(parts);
    weighted(tokens).backward();
    return {tokens.detach(), takeGradients(model)};
}

}  // namespace

class TestTransformer : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void packedEqualsSeparate_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"gpt2",
                                 "gptj",
                                 "gpt_neox",
                                 "gpt_neox-sequential",
                                 "opt",
                                 "opt-350m",
                                 "falcon-7b",
                                 "falcon-40b",
                                 "falcon-11b",
                                 "falcon-rw",
                                 "llama",
                                 "llama3-rope",
                                 "llama-mha",
                                 "llama-dynamic",
                                 "llama-yarn-mscale",
                                 "mistral",
                                 "qwen2-window",
                                 "qwen3-window",
                                 "phi3",
                                 "phi3-longrope",
                                 "gemma2",
                                 "gemma3"}) {
            QTest::newRow(name) << QString(name);
        }
    }

    void packedEqualsSeparate() {
        QFETCH(const QString, name);
        Transformer model = load(name.toStdString());
        model.requireGradients(true);
        const Result shared = together(model, mixedTrees());
        const Result plain = separately(model, mixedTrees());
        QVERIFY(shared.tokens.scalar_type() == at::kDouble);
        QVERIFY(difference(shared.tokens, plain.tokens) < 1e-10);
        for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
            QVERIFY2(difference(shared.gradients[i], plain.gradients[i]) < 1e-9, model.parameters()[i].name.c_str());
            // A bias of the keys shifts all scores of a query alike.
            const bool unseen = model.parameters()[i].name.ends_with("k_proj.bias");
            QVERIFY2(unseen || plain.gradients[i].abs().max().item<double>() > 0, model.parameters()[i].name.c_str());
        }
    }

    void packedEqualsSeparateInFloat32() {
        Transformer model = load("llama", at::kFloat);
        model.requireGradients(true);
        const Result shared = together(model, mixedTrees());
        const Result plain = separately(model, mixedTrees());
        QVERIFY(shared.tokens.scalar_type() == at::kFloat);
        QVERIFY(difference(shared.tokens, plain.tokens) < 1e-4);
        for (std::size_t i = 0; i < plain.gradients.size(); ++i) {
            const double scale = plain.gradients[i].norm().item<double>();
            QVERIFY((shared.gradients[i] - plain.gradients[i]).norm().item<double>() <= 1e-4 * scale);
        }
    }

    /// The same numbers in bfloat16, as near as its eight bits of mantissa allow.
    void bfloat16IsNear() {
        const at::NoGradGuard noGrad;
        const PackedBatch batch = PackedBatch::pack(mixedTrees(), at::kCPU);
        const at::Tensor expected = branchTokenLogProbs(load("llama-bf16"), batch);
        const at::Tensor narrow = branchTokenLogProbs(load("llama-bf16", at::kBFloat16), batch);
        QVERIFY(narrow.scalar_type() == at::kFloat);
        QVERIFY((narrow - expected).abs().mean().item<double>() < 0.1);
    }

    void chunkedHeadEqualsPlain_data() {
        QTest::addColumn<bool>("narrow");
        QTest::addColumn<double>("cap");
        QTest::newRow("float64") << false << 0.0;
        QTest::newRow("float64, capped") << false << 2.0;
        QTest::newRow("float32") << true << 0.0;
        QTest::newRow("float32, capped") << true << 2.0;
    }

    /// Whatever the chunks, and whether their softmax is kept for the backward pass or made anew.
    void chunkedHeadEqualsPlain() {
        QFETCH(const bool, narrow);
        QFETCH(const double, cap);
        const auto options = at::TensorOptions(narrow ? at::kFloat : at::kDouble);
        const double tolerance = narrow ? 2e-5 : 1e-12;
        const at::Tensor rows = at::randn({11, 6}, options).requires_grad_();
        const at::Tensor weight = at::randn({19, 6}, options).requires_grad_();
        const at::Tensor bias = at::randn({19}, options).requires_grad_();
        const at::Tensor targets = at::arange(11, at::kLong);
        const at::Tensor logits = at::linear(rows, weight, bias);
        const at::Tensor capped = cap > 0 ? (logits / cap).tanh() * cap : logits;
        const at::Tensor plain = capped.log_softmax(-1).gather(1, targets.unsqueeze(1)).squeeze(1);
        const auto expected = torch::autograd::grad({weighted(plain)}, {rows, weight, bias});
        for (const std::int64_t rowsPerChunk : {0, 1, 4, 11, 100}) {
            for (const std::int64_t keptBytes : {0, 4 * 19 * 8, 1 << 20}) {
                const at::Tensor chunked =
                    model::chosenLogProbs(rows, {weight, bias, cap}, targets, rowsPerChunk, keptBytes);
                QVERIFY(difference(chunked, plain) < tolerance);
                const auto found = torch::autograd::grad({weighted(chunked)}, {rows, weight, bias});
                for (std::size_t i = 0; i < expected.size(); ++i) {
                    QVERIFY(difference(found[i], expected[i]) < tolerance);
                }
            }
        }
    }

    void sumsFollowTheBranches() {
        const PackedBatch batch = PackedBatch::pack(mixedTrees(), at::kCPU);
        const at::Tensor tokens = at::arange(33, at::kFloat);
        const at::Tensor sums = model::sumByBranch(tokens, batch);
        QVERIFY(sums.scalar_type() == at::kDouble);
        QCOMPARE(sums.size(0), std::int64_t(7));
        QCOMPARE(sums[0].item<double>(), 21.0);         // 0 + … + 6
        QCOMPARE(sums[1].item<double>(), 7.0 + 8 + 9);  // the next three
        QCOMPARE(sums.sum().item<double>(), 33.0 * 32 / 2);
    }

    void emptyBatchHasNoTokens() {
        const at::NoGradGuard noGrad;
        const PackedBatch batch = PackedBatch::pack({{ids(3, 1), {}}}, at::kCPU);
        const at::Tensor tokens = branchTokenLogProbs(load("llama"), batch);
        QCOMPARE(tokens.numel(), std::int64_t(0));
        QCOMPARE(model::sumByBranch(tokens, batch).numel(), std::int64_t(0));
    }

    /// Rows of different lengths, several tokens at once, rows chosen, repeated and joined.
    void cachedEqualsUncached() {
        const at::NoGradGuard noGrad;
        for (const char* name : {"gpt2", "llama", "llama3-rope"}) {
            const Transformer model = load(name);
            const Ids first = ids(9, 1), second = ids(4, 2), third = ids(6, 3);
            KvCache cache(model, 2, 2);
            at::Tensor padded = at::zeros({2, 9}, at::kLong);
            padded[0].copy_(at::tensor(first, at::kLong));
            padded[1].narrow(0, 0, 4).copy_(at::tensor(second, at::kLong));
            model.forwardCached(padded, cache);
            cache.truncate({9, 4});
            KvCache other(model, 1, 20);
            model.forwardCached(at::tensor(third, at::kLong).unsqueeze(0), other);
            cache = cache.select({1, 0, 1});
            cache.join(other);
            QCOMPARE(cache.lengths(), (Ids{4, 9, 4, 6}));
            QCOMPARE(cache.shared().leaders, (Ids{0, 1, 0, 3}));
            QCOMPARE(cache.shared().tokens[2], std::int64_t(4));

            std::vector<Ids> all{second, first, second, third};
            for (std::int64_t step = 0; step < 3; ++step) {
                const std::int64_t newTokens = step == 1 ? 3 : 1;
                std::vector<at::Tensor> rows;
                for (std::size_t row = 0; row < all.size(); ++row) {
                    const Ids added = ids(newTokens, 20 + step * 4 + static_cast<std::int64_t>(row));
                    all[row].insert(all[row].end(), added.begin(), added.end());
                    rows.push_back(at::tensor(added, at::kLong));
                }
                const at::Tensor hidden = model.forwardCached(at::stack(rows), cache);
                for (std::size_t row = 0; row < all.size(); ++row) {
                    const auto length = static_cast<std::int64_t>(all[row].size());
                    const at::Tensor expected = model.forward(PackedBatch::pack({{all[row], {}}}, at::kCPU));
                    QVERIFY(difference(hidden[static_cast<std::int64_t>(row)],
                                       expected.narrow(0, length - newTokens, newTokens)) < 1e-10);
                }
            }
        }
    }

    /// A row that is emptied and written anew has nothing in common with those that it was selected with.
    void whatRowsShareEndsWhereOneIsShortened() {
        const at::NoGradGuard noGrad;
        const Transformer model = load("gpt2");
        KvCache cache(model, 1, 5);
        model.forwardCached(at::tensor(ids(5, 1), at::kLong).unsqueeze(0), cache);
        cache = cache.select({0, 0, 0});
        model.forwardCached(at::tensor(ids(3, 2), at::kLong).unsqueeze(1), cache);
        cache = cache.select({2, 1});
        QCOMPARE(cache.shared().leaders, (Ids{0, 0}));
        QCOMPARE(cache.shared().tokens[1], std::int64_t(5));  // not what followed
        cache.truncate({0, 6});
        QCOMPARE(cache.shared().tokens[1], std::int64_t(0));
    }

    void cloneIsIndependent() {
        Transformer model = load("gpt2");
        model.requireGradients(true);
        const Transformer reference = model.clone();
        const at::NoGradGuard noGrad;
        const PackedBatch batch = PackedBatch::pack(mixedTrees(), at::kCPU);
        const at::Tensor before = branchTokenLogProbs(model, batch);
        QVERIFY(branchTokenLogProbs(reference, batch).equal(before));
        for (const model::Parameter& parameter : model.parameters()) {
            parameter.value.mul_(1.1);
        }
        QVERIFY(!branchTokenLogProbs(model, batch).equal(before));
        QVERIFY(branchTokenLogProbs(reference, batch).equal(before));
        for (const model::Parameter& parameter : reference.parameters()) {
            QVERIFY(!parameter.value.requires_grad());
        }
    }

    /// What is decayed is what the golden weight-decay runs say: matrices.
    void onlyMatricesDecay() {
        const Transformer model = load("gpt2");
        for (const model::Parameter& parameter : model.parameters()) {
            const bool isMatrix =
                !parameter.name.ends_with(".bias") && parameter.name.find(".ln_") == std::string::npos;
            QVERIFY2(parameter.decays == isMatrix, parameter.name.c_str());
        }
    }

    void savedModelIsTheSame_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"gpt2", "gpt2-bare", "llama-sharded", "llama-v4cfg", "llama3-rope"}) {
            QTest::newRow(name) << QString(name);
        }
    }

    void savedModelIsTheSame() {
        QFETCH(const QString, name);
        const QTemporaryDir folder;
        const std::filesystem::path target = folder.path().toStdString();
        const Transformer model = load(name.toStdString(), at::kFloat);
        model.save(target);
        const Transformer loaded = Transformer::load(files::openModelFolder(target), at::kCPU, at::kFloat);
        QCOMPARE(loaded.parameters().size(), model.parameters().size());
        for (std::size_t i = 0; i < model.parameters().size(); ++i) {
            QCOMPARE(loaded.parameters()[i].name, model.parameters()[i].name);
            QVERIFY(loaded.parameters()[i].value.equal(model.parameters()[i].value));
        }
        QCOMPARE(files::readFile(target / "config.json"),
                 files::readFile(goldenModel(name.toStdString()) / "config.json"));
        const auto companions = files::companionFiles(goldenModel(name.toStdString()));
        QVERIFY(companions.size() >= 3);
        for (const auto& file : companions) {
            QCOMPARE(files::readFile(target / file.filename()), files::readFile(file));
        }
    }

    /// A dtype in config.json that no longer holds would make other programs round the weights when they load them.
    void savedConfigNamesTheElementType() {
        const QTemporaryDir folder;
        const std::filesystem::path target = folder.path().toStdString();
        load("llama-bf16", at::kFloat).save(target);
        auto expected = files::readOrderedJsonFile(goldenModel("llama-bf16") / "config.json");
        expected["dtype"] = "float32";
        QCOMPARE(files::readOrderedJsonFile(target / "config.json").dump(), expected.dump());
        const QTemporaryDir second;
        load("llama-bf16", at::kBFloat16).save(second.path().toStdString());
        QCOMPARE(files::readFile(std::filesystem::path(second.path().toStdString()) / "model.safetensors").size() % 2,
                 std::size_t(0));
        const Transformer loaded =
            Transformer::load(files::openModelFolder(second.path().toStdString()), at::kCPU, at::kDouble);
        const Transformer original = load("llama-bf16");
        for (std::size_t i = 0; i < original.parameters().size(); ++i) {
            QVERIFY(loaded.parameters()[i].value.equal(original.parameters()[i].value));
        }
    }

    void savedInShardsIsTheSame() {
        const QTemporaryDir source, target;
        const std::filesystem::path folder = target.path().toStdString();
        const Transformer model = load("gptj", at::kFloat);
        model.save(folder);
        std::filesystem::remove(folder / "model.safetensors");
        model::saveParameters(folder, model.parameters(), 100'000);
        const auto index = files::readOrderedJsonFile(folder / "model.safetensors.index.json");
        QCOMPARE(index.at("weight_map").size(), model.parameters().size());
        const files::ModelFolder shards = files::openModelFolder(folder);
        QVERIFY(shards.weightFiles.size() > 2);
        QCOMPARE(shards.weightFiles.front().filename().string().substr(0, 15), std::string("model-00001-of-"));
        const Transformer loaded = Transformer::load(shards, at::kCPU, at::kFloat);
        for (std::size_t i = 0; i < model.parameters().size(); ++i) {
            QVERIFY(loaded.parameters()[i].value.equal(model.parameters()[i].value));
        }
    }

    /// Without conversion weights are the file's own pages; what is written to them stays in this process.
    void mappedWeightsNeverReachTheFile() {
        const QTemporaryDir source;
        const std::filesystem::path copy = std::filesystem::path(source.path().toStdString()) / "m";
        std::filesystem::copy(goldenModel("gpt2"), copy);
        const std::string before = files::readFile(copy / "model.safetensors");
        const Transformer mapped = Transformer::load(files::openModelFolder(copy), at::kCPU, at::kFloat);
        const Transformer owned =
            Transformer::load(files::openModelFolder(copy), at::kCPU, at::kFloat, model::WeightStorage::Owned);
        for (std::size_t i = 0; i < owned.parameters().size(); ++i) {
            QVERIFY(owned.parameters()[i].value.equal(mapped.parameters()[i].value));
            mapped.parameters()[i].value.zero_();
            QVERIFY(owned.parameters()[i].value.abs().sum().item<double>() > 0);
        }
        QVERIFY(files::readFile(copy / "model.safetensors") == before);
    }

    void savedSourceMayBeGone() {
        const QTemporaryDir source, target;
        const std::filesystem::path copy = std::filesystem::path(source.path().toStdString()) / "m";
        std::filesystem::copy(goldenModel("gpt2"), copy);
        const Transformer model = Transformer::load(files::openModelFolder(copy), at::kCPU, at::kFloat);
        std::filesystem::remove_all(copy);
        model.save(target.path().toStdString());
        QVERIFY(std::filesystem::exists(std::filesystem::path(target.path().toStdString()) / "tokenizer.json"));
    }

    void tooLongASequenceIsRefused() {
        const Transformer model = load("gpt2");
        QVERIFY_EXCEPTION_THROWN(model.forward(PackedBatch::pack({{ids(129, 1), {}}}, at::kCPU)), Error);
        QVERIFY_EXCEPTION_THROWN(model.forward(PackedBatch::pack({{ids(100, 1), {ids(29, 2)}}}, at::kCPU)), Error);
    }
};

QTEST_GUILESS_MAIN(TestTransformer)
#include "tst_transformer.moc"
