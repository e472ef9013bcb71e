#include <QTemporaryDir>
#include <QTest>
#include <functional>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/safetensors.h"
#include "core/model/families.h"
#include "core/model/transformer.h"
#include "tests/support/golden_cases.h"

using namespace prefbench;
using files::OrderedJson;
using model::Transformer;

namespace {

std::filesystem::path goldenModel(const std::string& name) {
    return std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / name;
}

struct StoredTensor {
    std::string name;
    files::DType dtype;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> data;
};
using Tensors = std::vector<StoredTensor>;

Tensors readTensors(const std::filesystem::path& file) {
    const auto source = files::SafetensorsFile::open(file);
    Tensors tensors;
    for (const files::TensorInfo& info : source.tensors()) {
        const auto bytes = source.data(info);
        tensors.push_back({info.name, info.dtype, info.shape, {bytes.begin(), bytes.end()}});
    }
    return tensors;
}

void writeTensors(const std::filesystem::path& file, const Tensors& tensors) {
    std::vector<files::TensorToWrite> written;
    for (const StoredTensor& tensor : tensors) {
        written.push_back({tensor.name, tensor.dtype, tensor.shape, tensor.data});
    }
    files::writeSafetensors(file, written);
}

StoredTensor& named(Tensors& tensors, const std::string& name) {
    const auto isNamed = [&](const StoredTensor& tensor) { return tensor.name == name; };
    return *std::find_if(tensors.begin(), tensors.end(), isNamed);
}

/// A copy of a golden folder with its config and tensors changed.
class ChangedModel {
  public:
    explicit ChangedModel(const std::string& name) : path_(std::filesystem::path(folder_.path().toStdString()) / "m") {
        std::filesystem::copy(goldenModel(name), path_);
    }
    ChangedModel& config(const std::function<void(OrderedJson&)>& change) {
        OrderedJson config = files::readOrderedJsonFile(path_ / "config.json");
        change(config);
        files::writeAtomically(path_ / "config.json", config.dump(2));
        return *this;
    }
    ChangedModel& tensors(const std::function<void(Tensors&)>& change) {
        Tensors tensors = readTensors(path_ / "model.safetensors");
        change(tensors);
        writeTensors(path_ / "model.safetensors", tensors);
        return *this;
    }
    const std::filesystem::path& path() const { return path_; }
    Transformer load() const { return Transformer::load(files::openModelFolder(path_), at::kCPU, at::kFloat); }

    /// Empty when loading succeeds.
    std::string error() const {
        try {
            load();
        } catch (const Error& error) {
            return error.what();
        }
        return {};
    }

  private:
    QTemporaryDir folder_;
    std::filesystem::path path_;
};

bool holdsAll(const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) {
        if (text.find(part) == std::string::npos) {
            std::fprintf(stderr, "not in \"%s\": %s\n", text.c_str(), part.c_str());
            return false;
        }
    }
    return text.find('\n') == std::string::npos;
}

}  // namespace

/// What config.json and weight files may and may not say.
class TestLoading : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void missingTensorIsNamed() {
        ChangedModel changed("llama");
        changed.tensors([](Tensors& tensors) {
            std::erase_if(tensors, [](const auto& t) { return t.name == "model.layers.1.mlp.up_proj.weight"; });
        });
        QVERIFY(holdsAll(changed.error(), {"model.layers.1.mlp.up_proj.weight", "[112, 48]", "missing"}));
    }

    void misshapenTensorIsNamed() {
        ChangedModel changed("gpt2");
        changed.tensors([](Tensors& tensors) {
            std::reverse(named(tensors, "transformer.h.0.mlp.c_fc.weight").shape.begin(),
                         named(tensors, "transformer.h.0.mlp.c_fc.weight").shape.end());
        });
        QVERIFY(holdsAll(changed.error(),
                         {"model.safetensors", "transformer.h.0.mlp.c_fc.weight", "[192, 48]", "[48, 192]"}));
    }

    void extraTensorIsNamed() {
        ChangedModel changed("llama");
        changed.tensors([](Tensors& tensors) {
            StoredTensor extra = tensors.front();
            extra.name = "model.layers.0.self_attn.q_norm.weight";
            tensors.push_back(std::move(extra));
        });
        QVERIFY(holdsAll(changed.error(), {"model.safetensors", "self_attn.q_norm.weight", "llama"}));
    }

    void wrongVocabularyIsNamed() {
        ChangedModel changed("gpt2");
        changed.config([](OrderedJson& config) { config["vocab_size"] = 521; });
        QVERIFY(holdsAll(changed.error(), {"transformer.wte.weight", "[520, 48]", "[521, 48]"}));
    }

    void integersAreNoWeights() {
        ChangedModel changed("llama");
        changed.tensors([](Tensors& tensors) { named(tensors, "model.norm.weight").dtype = files::DType::I32; });
        QVERIFY(holdsAll(changed.error(), {"model.norm.weight", "I32", "F32"}));
    }

    void truncatedFileIsRefused() {
        const ChangedModel changed("gpt2");
        const auto file = changed.path() / "model.safetensors";
        std::filesystem::resize_file(file, std::filesystem::file_size(file) - 100);
        QVERIFY(holdsAll(changed.error(), {"model.safetensors"}));
    }

    void unknownModelTypeListsTheKnown() {
        ChangedModel changed("gpt2");
        changed.config([](OrderedJson& config) { config["model_type"] = "mamba"; });
        QVERIFY(holdsAll(changed.error(), {"config.json", "model_type", "mamba", "gpt2", "llama"}));
    }

    void unsupportedValuesAreRefused_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<QString>("key");
        QTest::addColumn<QString>("value");
        const auto row = [](const char* model, const char* key, const char* value) {
            QTest::addRow("%s %s", key, value) << QString(model) << QString(key) << QString(value);
        };
        row("gpt2", "activation_function", "\"mish\"");
        row("gpt2", "scale_attn_by_inverse_layer_idx", "true");
        row("gpt2", "scale_attn_weights", "false");
        row("gpt2", "n_layer", "0");
        row("gpt2", "n_head", "5");
        row("gpt2", "n_embd", "\"48\"");
        row("gpt2", "layer_norm_epsilon", "-1");
        row("gpt2", "eos_token_id", "\"</s>\"");
        row("llama-v4cfg", "hidden_act", "\"mish\"");
        row("llama-v4cfg", "rope_scaling", R"({"type": "dynamic"})");
        row("llama-v4cfg", "rope_scaling", R"({"rope_type": "ntk", "factor": 2.0})");
        row("llama-v4cfg", "rope_scaling", R"({"rope_type": "yarn", "factor": 2.0, "beta_fast": 0})");
        row("llama-v4cfg", "rope_scaling", R"({"type": "longrope", "short_factor": [1], "long_factor": [1]})");
        row("llama-v4cfg", "partial_rotary_factor", "0.1");
        row("gpt_neox-v4cfg", "rotary_pct", "0");
        row("gptj", "rotary_dim", "5");
        row("mistral", "sliding_window", "0");
        row("qwen2-window", "layer_types", R"(["full_attention"])");
        row("qwen2-window", "layer_types", R"(["full_attention", "chunked_attention", "full_attention"])");
        row("gemma2", "final_logit_softcapping", "-1");
        row("llama-v4cfg", "rope_scaling", R"({"rope_type": "llama3", "factor": 2.0})");
        row("llama-v4cfg", "rope_scaling", "7");
        row("llama", "rope_parameters", R"({"rope_theta": 10000.0, "rope_type": "linear", "factor": 0})");
        row("llama", "rope_parameters", R"({"rope_theta": 0})");
        row("llama", "num_key_value_heads", "4");
        row("llama", "tie_word_embeddings", "1");
    }

    /// Never a silent approximation: the message names the file and the key.
    void unsupportedValuesAreRefused() {
        QFETCH(const QString, model);
        QFETCH(const QString, key);
        QFETCH(const QString, value);
        ChangedModel changed(model.toStdString());
        changed.config(
            [&](OrderedJson& config) { config[key.toStdString()] = OrderedJson::parse(value.toStdString()); });
        QVERIFY(holdsAll(changed.error(), {"config.json", key.toStdString()}));
    }

    void storedHeadMayRepeatTheTiedEmbedding() {
        ChangedModel changed("gpt2");
        const auto addHead = [](Tensors& tensors) {
            StoredTensor head = named(tensors, "transformer.wte.weight");
            head.name = "lm_head.weight";
            tensors.push_back(std::move(head));
        };
        QCOMPARE(changed.tensors(addHead).error(), std::string());
        changed.tensors([](Tensors& tensors) { named(tensors, "lm_head.weight").data[3] ^= std::byte{1}; });
        QVERIFY(holdsAll(changed.error(), {"lm_head.weight", "tie_word_embeddings"}));
    }

    void halfPrecisionIsWidened() {
        const at::Tensor values = at::linspace(-3, 3, 48, at::kFloat).to(at::kHalf);
        ChangedModel changed("llama");
        changed.tensors([&](Tensors& tensors) {
            StoredTensor& norm = named(tensors, "model.norm.weight");
            norm.dtype = files::DType::F16;
            const auto* bytes = static_cast<const std::byte*>(values.const_data_ptr());
            norm.data.assign(bytes, bytes + values.nbytes());
        });
        const Transformer loaded = changed.load();
        for (const model::Parameter& parameter : loaded.parameters()) {
            if (parameter.name == "model.norm.weight") {
                QVERIFY(parameter.value.equal(values.to(at::kFloat)));
                return;
            }
        }
        QFAIL("no such parameter");
    }

    void endTokensComeFromGenerationConfigFirst() {
        ChangedModel changed("llama");
        QCOMPARE(changed.load().architecture().eosIds, (std::vector<std::int64_t>{2}));
        files::writeAtomically(changed.path() / "generation_config.json", R"({"eos_token_id": [7, 9]})");
        QCOMPARE(changed.load().architecture().eosIds, (std::vector<std::int64_t>{7, 9}));
        std::filesystem::remove(changed.path() / "generation_config.json");
        QCOMPARE(changed.load().architecture().eosIds, (std::vector<std::int64_t>{2}));
    }

    void biasesWhereConfigAsksForThem() {
        OrderedJson config = files::readOrderedJsonFile(goldenModel("llama") / "config.json");
        config["attention_bias"] = true;
        const model::Architecture a = model::architectureFromConfig(config, "config.json");
        QVERIFY(a.attentionBias && a.outputBias && !a.mlpBias);
    }
};

QTEST_GUILESS_MAIN(TestLoading)
#include "tst_loading.moc"
