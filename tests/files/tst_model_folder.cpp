#include <QTemporaryDir>
#include <QTest>

#include "core/files/durable_file.h"
#include "core/files/model_folder.h"
#include "core/files/sha256.h"
#include "tests/support/expect_error.h"

using namespace prefbench::files;

class TestModelFolder : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> dir_;
    std::filesystem::path folder_;

    void put(const std::string& name, const std::string& bytes) { writeAtomically(folder_ / name, bytes); }

  private slots:
    void init() {
        dir_ = std::make_unique<QTemporaryDir>();
        folder_ = dir_->path().toStdString();
    }

    void oneFile() {
        put("config.json", R"({"zeta":1,"model_type":"llama","alpha":2})");
        put("model.safetensors", "weights");
        put("pytorch_model.bin", "ignored beside safetensors");
        const ModelFolder model = openModelFolder(folder_);
        QCOMPARE(model.modelType, std::string("llama"));
        QCOMPARE(model.weightFiles, std::vector{folder_ / "model.safetensors"});
        QCOMPARE(toLine(model.config), std::string(R"({"zeta":1,"model_type":"llama","alpha":2})"));
        QCOMPARE(weightsHash(model), sha256Hex("weights"));
    }

    void shardsEachOnce() {
        put("config.json", R"({"model_type":"gpt2"})");
        put("model.safetensors.index.json",
            R"({"metadata":{},"weight_map":{"b":"m-2.safetensors","a":"m-1.safetensors","c":"m-2.safetensors"}})");
        put("m-1.safetensors", "one");
        put("m-2.safetensors", "two");
        const ModelFolder model = openModelFolder(folder_);
        QCOMPARE(model.weightFiles, (std::vector{folder_ / "m-1.safetensors", folder_ / "m-2.safetensors"}));
        QCOMPARE(weightsHash(model), sha256Hex("onetwo"));
        std::filesystem::remove(folder_ / "m-2.safetensors");
        EXPECT_ERROR(openModelFolder(folder_), "names the shard m-2.safetensors, which is missing");
    }

    void badIndex() {
        put("config.json", R"({"model_type":"gpt2"})");
        put("model.safetensors.index.json", R"({"weight_map":{"a":"../m.safetensors"}})");
        EXPECT_ERROR(openModelFolder(folder_), "must be a file of the same folder");
        put("model.safetensors.index.json", R"({"weight_map":{"a":"/etc/passwd"}})");
        EXPECT_ERROR(openModelFolder(folder_), "must be a file of the same folder");
        put("model.safetensors.index.json", R"({"weight_map":{"a":1}})");
        EXPECT_ERROR(openModelFolder(folder_), "tensor \"a\": expected a file name");
        put("model.safetensors.index.json", R"({"weight_map":{}})");
        EXPECT_ERROR(openModelFolder(folder_), "weight_map must be");
        put("model.safetensors.index.json", "[");
        EXPECT_ERROR(openModelFolder(folder_), "model.safetensors.index.json: not valid JSON");
    }

    void whatIsMissingIsNamed() {
        EXPECT_ERROR(openModelFolder(folder_ / "none"), "none: no such model folder");
        EXPECT_ERROR(openModelFolder(folder_), "config.json is missing");
        put("config.json", "[]");
        EXPECT_ERROR(openModelFolder(folder_ / "config.json"), "is not a folder");
        EXPECT_ERROR(openModelFolder(folder_), "config.json: expected an object");
        put("config.json", "{}");
        EXPECT_ERROR(openModelFolder(folder_), "model_type is missing");
        put("config.json", R"({"model_type":7})");
        EXPECT_ERROR(openModelFolder(folder_), "model_type must be a name, found 7");
        put("config.json", R"({"model_type":"gpt2"})");
        EXPECT_ERROR(openModelFolder(folder_), "no model.safetensors");
    }

    void pickledWeightsAreRefusedWithTheWayOut() {
        put("config.json", R"({"model_type":"gpt2"})");
        put("pytorch_model.bin", "pickle");
        EXPECT_ERROR(openModelFolder(folder_), "pytorch_model.bin");
        EXPECT_ERROR(openModelFolder(folder_), "they can hold code");
        EXPECT_ERROR(openModelFolder(folder_), "safe_serialization=True");
    }

    void companionsAndTokenizerHash() {
        const std::string none = tokenizerHash(folder_);
        put("tokenizer.json", "{}");
        put("notes.txt", "not carried along");
        put("generation_config.json", "{}");
        QCOMPARE(companionFiles(folder_),
                 (std::vector{folder_ / "tokenizer.json", folder_ / "generation_config.json"}));
        const std::string first = tokenizerHash(folder_);
        QVERIFY(first != none);
        put("generation_config.json", "{\"a\":1}");
        QCOMPARE(tokenizerHash(folder_), first);
        put("chat_template.jinja", "x");
        QVERIFY(tokenizerHash(folder_) != first);
    }
};

QTEST_APPLESS_MAIN(TestModelFolder)
#include "tst_model_folder.moc"
