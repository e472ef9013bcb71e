#include <QTemporaryDir>
#include <QTest>
#include <functional>
#include <set>

#include "core/files/durable_file.h"
#include "core/model/kv_cache.h"
#include "core/model/log_probs.h"
#include "core/model/lora.h"
#include "tests/support/expect_error.h"

using namespace prefbench;
using files::OrderedJson;
using model::Lora;
using model::LoraSettings;
using model::PackedBatch;
using model::Transformer;

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSeed = 7;

fs::path goldenModel(const std::string& name) {
    return fs::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / name;
}

Transformer load(const std::string& name, at::ScalarType type = at::kDouble) {
    return Transformer::load(files::openModelFolder(goldenModel(name)), at::kCPU, type);
}

void addAdapter(Transformer& model, const LoraSettings& settings, std::uint64_t seed = kSeed) {
    model.addAdapter(settings, seed, model::BaseName::Absolute, "lora_target_modules");
}

/// As if trained: B is 0 no longer.
void fillAdapter(Transformer& model) {
    at::Generator random = at::detail::createCPUGenerator(kSeed);
    for (model::Parameter& parameter : model.adapter()->parameters()) {
        parameter.value.uniform_(-0.1, 0.1, random);
    }
}

Transformer adapted(const std::string& name, at::ScalarType type = at::kDouble, const LoraSettings& settings = {4, 8}) {
    Transformer model = load(name, type);
    addAdapter(model, settings);
    fillAdapter(model);
    return model;
}

at::Tensor logProbs(const Transformer& model, std::vector<std::uint64_t> dropoutKeys = {}) {
    auto batch = PackedBatch::pack({{{5, 9, 21}, {{7, 8, 30, 2}, {11, 4}}}, {{3}, {{17, 40, 6}}}}, at::kCPU);
    batch.dropoutKeys = std::move(dropoutKeys);
    return model::branchTokenLogProbs(model, batch);
}

double difference(const at::Tensor& a, const at::Tensor& b) {
    return (a - b).abs().max().item<double>();
}

std::set<std::string> namesOf(const Transformer& model) {
    std::set<std::string> names;
    for (const model::Parameter& parameter : model.trainable()) {
        names.insert(parameter.name);
    }
    return names;
}

/// An adapter's folder of "llama" with one thing changed.
class ChangedAdapter {
  public:
    ChangedAdapter() { adapted("llama", at::kFloat).save(path()); }
    fs::path path() const { return folder_.path().toStdString(); }
    void config(const std::function<void(OrderedJson&)>& change) const {
        OrderedJson config = files::readOrderedJsonFile(path() / "adapter_config.json");
        change(config);
        files::writeAtomically(path() / "adapter_config.json", config.dump());
    }
    /// Tensors left out where `rename` gives an empty name.
    void tensors(const std::function<std::string(const std::string&)>& rename, std::int64_t rows = 0) const {
        const fs::path name = path() / "adapter_model.safetensors";
        std::vector<model::Parameter> kept;
        std::vector<const model::Parameter*> pointers;
        {
            const auto file = files::SafetensorsFile::open(name);
            for (const files::TensorInfo& info : file.tensors()) {
                at::Tensor value =
                    readTensor(file, info, info.shape, "", at::kFloat, model::WeightStorage::Owned).clone();
                kept.push_back({rename(info.name), rows > 0 ? value.narrow(0, 0, rows) : value});
            }
        }
        for (const model::Parameter& parameter : kept) {
            if (!parameter.name.empty()) {
                pointers.push_back(&parameter);
            }
        }
        model::saveTensorFile(name, pointers);
    }
    Transformer load() const { return Transformer::load(files::openModelFolder(path()), at::kCPU, at::kFloat); }

  private:
    QTemporaryDir folder_;
};

}  // namespace

class TestLora : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void initTestCase() { at::set_num_threads(1); }

    void everyFamily_data() {
        QTest::addColumn<QString>("name");
        for (const char* name : {"gpt2", "gptj", "gpt_neox", "opt", "opt-350m", "falcon-7b", "falcon-40b", "llama",
                                 "mistral", "qwen2", "qwen3", "phi3", "gemma2", "gemma3"}) {
            QTest::newRow(name) << QString(name);
        }
    }

    /// With B = 0 a fresh adapter changes no bit; trained, it is the base that has it added to its weights.
    void everyFamily() {
        QFETCH(const QString, name);
        Transformer model = load(name.toStdString());
        const at::Tensor base = logProbs(model);
        addAdapter(model, {4, 8});
        QVERIFY(logProbs(model).equal(base));

        fillAdapter(model);
        const at::Tensor trained = logProbs(model);
        QVERIFY(difference(trained, base) > 1e-3);
        const Transformer copy = model.clone();
        model.mergeAdapter();
        QVERIFY(model.adapter() == nullptr);
        QVERIFY2(difference(logProbs(model), trained) < 1e-10,
                 qPrintable(QString::number(difference(logProbs(model), trained))));
        QVERIFY(logProbs(copy).equal(trained));
    }

    void fewRowsAreAdaptedToo_data() {
        QTest::addColumn<QString>("name");
        QTest::newRow("inputs first") << QStringLiteral("gpt2");
        QTest::newRow("outputs first") << QStringLiteral("llama");
        QTest::newRow("fused") << QStringLiteral("phi3");
    }

    /// Generation multiplies a row at a time by another way than training does.
    void fewRowsAreAdaptedToo() {
        QFETCH(const QString, name);
        const Transformer model = adapted(name.toStdString(), at::kFloat);
        const std::vector<std::int64_t> ids = {5, 9, 21, 7, 8, 30, 2};
        const at::Tensor expected = model.forward(PackedBatch::pack({{ids, {}}}, at::kCPU));
        model::KvCache cache(model, 1, static_cast<std::int64_t>(ids.size()));
        std::vector<at::Tensor> rows;
        for (const std::int64_t id : ids) {
            rows.push_back(model.forwardCached(at::full({1, 1}, id, at::kLong), cache).flatten(0, 1));
        }
        const double apart = difference(at::cat(rows), expected);
        QVERIFY2(apart < 1e-4, qPrintable(QString::number(apart)));
    }

    void everyFamilySaved_data() { everyFamily_data(); }

    void everyFamilySaved() {
        QFETCH(const QString, name);
        const QTemporaryDir folder;
        const fs::path path = folder.path().toStdString();
        const Transformer model = adapted(name.toStdString(), at::kFloat);
        model.save(path);
        const files::ModelFolder opened = files::openModelFolder(path);
        QVERIFY(opened.folder == goldenModel(name.toStdString()));
        const Transformer loaded = Transformer::load(opened, at::kCPU, at::kFloat);
        QCOMPARE(namesOf(loaded), namesOf(model));
        QVERIFY(logProbs(loaded).equal(logProbs(model)));
        QVERIFY(fs::exists(path / "tokenizer.json") && !fs::exists(path / "model.safetensors"));
    }

    void namesAndConfigAreThoseOfPeft() {
        const QTemporaryDir folder;
        const fs::path path = folder.path().toStdString();
        const Transformer model = adapted("gpt2", at::kFloat, {4, 8, 0.25, {"c_attn"}});
        QCOMPARE(namesOf(model).size(), static_cast<std::size_t>(model.architecture().layers * 2));
        QVERIFY(namesOf(model).contains("base_model.model.transformer.h.1.attn.c_attn.lora_B.weight"));
        for (const model::Parameter& parameter : model.trainable()) {
            const bool isA = parameter.name.ends_with("lora_A.weight");
            const std::int64_t hidden = model.architecture().hidden;
            QCOMPARE(parameter.value.sizes().vec(),
                     isA ? (std::vector<std::int64_t>{4, hidden}) : (std::vector<std::int64_t>{3 * hidden, 4}));
            QVERIFY(parameter.decays);
        }
        model.save(path);
        const OrderedJson config = files::readOrderedJsonFile(path / "adapter_config.json");
        QVERIFY(config.at("fan_in_fan_out") == OrderedJson(true));
        QVERIFY(config.at("r") == OrderedJson(4));
        QCOMPARE(config.at("lora_alpha").dump(), std::string("8"));
        QVERIFY(config.at("lora_dropout") == OrderedJson(0.25));
        QVERIFY(config.at("target_modules") == OrderedJson({"c_attn"}));
        QVERIFY(config.at("peft_type") == OrderedJson("LORA"));
        QVERIFY(config.at("task_type") == OrderedJson("CAUSAL_LM"));
        QVERIFY(config.at("bias") == OrderedJson("none"));
        QVERIFY(fs::path(config.at("base_model_name_or_path").get<std::string>()) == goldenModel("gpt2"));
    }

    void allLinearIsAllButTheHead() {
        Transformer llama = load("llama"), projected = load("opt-350m");
        addAdapter(llama, {2, 8});
        addAdapter(projected, {2, 8});
        QCOMPARE(namesOf(llama).size(), static_cast<std::size_t>(llama.architecture().layers * 7 * 2));
        QVERIFY(namesOf(projected).contains("base_model.model.model.decoder.project_in.lora_A.weight"));
        for (const std::string& name : namesOf(llama)) {
            QVERIFY2(name.find("lm_head") == std::string::npos, name.c_str());
        }
    }

    void targetsAreMatchedAsPeftMatchesThem() {
        Transformer one = load("llama"), both = load("llama"), none = load("gpt2");
        addAdapter(one, {2, 8, 0, {"model.layers.1.self_attn.q_proj"}});
        QCOMPARE(namesOf(one).size(), 2u);
        addAdapter(both, {2, 8, 0, {"q_proj", "self_attn.q_proj", "v_proj"}});
        QCOMPARE(namesOf(both).size(), static_cast<std::size_t>(both.architecture().layers * 2 * 2));
        EXPECT_ERROR(addAdapter(none, {2, 8, 0, {"c_attn", "proj"}}),
                     "lora_target_modules names \"proj\", but no linear layer of the model is called so; there are "
                     "c_attn, c_proj, c_fc");
        EXPECT_ERROR(addAdapter(none, {2, 8, 0, {"lm_head"}}), "\"lm_head\"");
    }

    void freshMatricesAreDrawnFromTheSeed() {
        Transformer first = load("llama"), again = load("llama"), other = load("llama");
        addAdapter(first, {4, 8});
        addAdapter(again, {4, 8});
        addAdapter(other, {4, 8}, kSeed + 1);
        const at::Tensor a = first.trainable()[0].value, b = first.trainable()[1].value;
        const double bound = 1 / std::sqrt(static_cast<double>(a.size(1)));
        QVERIFY(a.abs().max().item<double>() <= bound && a.abs().max().item<double>() > 0.9 * bound);
        QVERIFY(std::abs(a.mean().item<double>()) < bound / 4);
        QCOMPARE(b.abs().max().item<double>(), 0.0);
        QVERIFY(a.equal(again.trainable()[0].value) && !a.equal(other.trainable()[0].value));
        QVERIFY(!a.equal(first.trainable()[2].value));
    }

    void onlyTheAdapterHasGradients() {
        Transformer model = adapted("llama");
        model.requireGradients(true);
        logProbs(model).sum().backward();
        for (const model::Parameter& parameter : model.trainable()) {
            QVERIFY2(parameter.value.grad().defined() && parameter.value.grad().abs().max().item<double>() > 0,
                     parameter.name.c_str());
        }
        for (const model::Parameter& parameter : model.parameters()) {
            QVERIFY(!parameter.value.requires_grad() && !parameter.value.grad().defined());
        }
    }

    void dropoutIsAFunctionOfItsKey() {
        Transformer model = adapted("llama", at::kDouble, {4, 8, 0.5});
        const at::Tensor without = logProbs(model);
        const at::Tensor first = logProbs(model, {1, 2}), other = logProbs(model, {1, 3});
        QVERIFY(difference(first, without) > 1e-4);
        QVERIFY(logProbs(model, {1, 2}).equal(first));
        // The tree whose key is the same drops the same, whatever stands beside it.
        QVERIFY(other.narrow(0, 0, 6).equal(first.narrow(0, 0, 6)));
        QVERIFY(!other.narrow(0, 6, 3).equal(first.narrow(0, 6, 3)));
        QVERIFY(logProbs(model).equal(without));

        // What is kept is scaled, so that the mean stays.
        const at::Tensor x = at::ones({400, model.architecture().hidden}, at::kDouble);
        const at::Tensor zeros =
            at::zeros({400, model.architecture().heads * model.architecture().headDim}, at::kDouble);
        const at::Tensor plain = model.adapter()->add(zeros, model::productInput(x, nullptr), 0, {}, nullptr).mean(0);
        const at::Tensor dropped =
            model.adapter()->add(zeros, model::productInput(x, nullptr), 0, {{kSeed}, {400}}, nullptr).mean(0);
        QVERIFY(difference(plain, dropped) < 0.15 * plain.abs().max().item<double>());
        QVERIFY(!dropped.equal(plain));
    }

    void baseIsFoundWhereItIs() {
        const QTemporaryDir folder;
        const fs::path root = folder.path().toStdString(), path = root / "a" / "adapter";
        fs::create_directories(path);
        fs::copy(goldenModel("llama"), root / "base");
        Transformer model = Transformer::load(files::openModelFolder(root / "base"), at::kCPU, at::kFloat);
        model.addAdapter({4, 8}, kSeed, model::BaseName::Relative, "");
        model.save(path);
        QVERIFY(files::readOrderedJsonFile(path / "adapter_config.json").at("base_model_name_or_path") ==
                OrderedJson("../../base"));
        QVERIFY(files::openModelFolder(path).folder == root / "base");
        // Moved together they still belong together; apart, the base is named.
        fs::rename(root / "base", root / "elsewhere");
        EXPECT_ERROR(files::openModelFolder(path), "base_model_name_or_path is \"../../base\", but there is no folder");
        QVERIFY(files::openModelFolder(path, root / "elsewhere").folder == root / "elsewhere");
        EXPECT_ERROR(files::openModelFolder(path, root / "nowhere"), "nowhere: no such folder for the base model of");
        EXPECT_ERROR(files::openModelFolder(path, path), "is an adapter itself");
        QVERIFY(files::weightsHash(files::openModelFolder(path, root / "elsewhere")) !=
                files::weightsHash(files::openModelFolder(root / "elsewhere")));
    }

    void badAdaptersAreNamed() {
        const auto withConfig = [](const char* key, const OrderedJson& value) {
            const ChangedAdapter adapter;
            adapter.config([&](OrderedJson& config) { config[key] = value; });
            return errorOf([&] { adapter.load(); });
        };
        QVERIFY(holds(withConfig("r", 3), "lora_A.weight has shape [4, 48], by adapter_config.json"));
        QVERIFY(holds(withConfig("r", 0), "adapter_config.json: r = 0: must be a whole number above 0"));
        QVERIFY(holds(withConfig("r", "4"), "r = \"4\""));
        QVERIFY(holds(withConfig("lora_alpha", nullptr), "lora_alpha is missing: must be a number"));
        QVERIFY(holds(withConfig("peft_type", "IA3"), "peft_type = \"IA3\": must be LORA"));
        QVERIFY(holds(withConfig("task_type", "SEQ_CLS"), "must be CAUSAL_LM"));
        QVERIFY(holds(withConfig("bias", "all"), "bias = \"all\": must be none"));
        QVERIFY(holds(withConfig("use_dora", true), "use_dora = true: this variant of LoRA is not known here"));
        QVERIFY(holds(withConfig("rank_pattern", {{"q_proj", 8}}), "rank_pattern"));
        QVERIFY(holds(withConfig("modules_to_save", {"lm_head"}), "modules_to_save"));
        QVERIFY(holds(withConfig("init_lora_weights", "pissa"), "init_lora_weights = \"pissa\""));
        QVERIFY(holds(withConfig("target_modules", 3), "target_modules = 3: must be all-linear or a list"));
        QVERIFY(holds(withConfig("base_model_name_or_path", nullptr), "must name the base model"));
        QVERIFY(
            holds(withConfig("base_model_name_or_path", goldenModel("gpt2").string()), "adapter_model.safetensors"));
    }

    void badTensorsAreNamed() {
        const auto withTensors = [](const std::function<std::string(const std::string&)>& rename,
                                    std::int64_t rows = 0) {
            const ChangedAdapter adapter;
            adapter.tensors(rename, rows);
            return errorOf([&] { adapter.load(); });
        };
        const std::string name = "base_model.model.model.layers.1.mlp.up_proj.lora_B.weight";
        QVERIFY(holds(withTensors([&](const std::string& n) { return n == name ? "" : n; }),
                      "adapter_model.safetensors: tensor " + name + " is missing"));
        QVERIFY(holds(withTensors([&](const std::string& n) { return n == name ? "other.lora_B.weight" : n; }), name));
        QVERIFY(holds(withTensors([](const std::string& n) { return n; }, 2), "has shape [2, "));
        {
            const ChangedAdapter adapter;
            fs::remove(adapter.path() / "adapter_model.safetensors");
            EXPECT_ERROR(adapter.load(), "no adapter_model.safetensors");
            files::writeAtomically(adapter.path() / "adapter_model.bin", "x");
            EXPECT_ERROR(adapter.load(), "adapter_model.bin is refused");
            files::writeAtomically(adapter.path() / "adapter_model.safetensors", "torn");
            EXPECT_ERROR(adapter.load(), "adapter_model.safetensors");
        }
        const ChangedAdapter adapter;
        adapter.config([](OrderedJson& config) { config["target_modules"] = {"q_proj"}; });
        QCOMPARE(errorOf([&] { adapter.load(); }), std::string());  // what is stored counts
    }

    void rankStabilizedScale() {
        const ChangedAdapter adapter;
        const at::Tensor plain = logProbs(adapter.load());
        adapter.config([](OrderedJson& config) { config["use_rslora"] = true, config["lora_alpha"] = 4; });
        QVERIFY(logProbs(adapter.load()).equal(plain));  // 4 / √4 = 8 / 4
    }

    void savedInHalfPrecision() {
        const QTemporaryDir folder;
        const Transformer model = adapted("llama", at::kFloat);
        model.save(folder.path().toStdString(), at::kBFloat16);
        const Transformer loaded =
            Transformer::load(files::openModelFolder(folder.path().toStdString()), at::kCPU, at::kFloat);
        for (std::size_t i = 0; i < model.trainable().size(); ++i) {
            QVERIFY(loaded.trainable()[i].value.equal(model.trainable()[i].value.to(at::kBFloat16).to(at::kFloat)));
        }
    }
};

QTEST_APPLESS_MAIN(TestLora)
#include "tst_lora.moc"
