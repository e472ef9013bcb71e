#include <QTest>

#include "core/model/architecture.h"
#include "tests/support/expect_error.h"

using namespace prefbench::model;
using prefbench::files::parseOrderedJson;

namespace {

Architecture read(const std::string& config) {
    return architectureFromConfig(parseOrderedJson(config, "config.json"), "config.json");
}

}  // namespace

class TestConfig : public QObject {
    Q_OBJECT

  private slots:
    void defaultsOfTheFamily() {
        const Architecture a = read(R"({"model_type": "gpt2"})");
        QCOMPARE(a.hidden, 768);
        QCOMPARE(a.mlp, 4 * 768);
        QCOMPARE(a.kvHeads, 12);
    }

    /// Numbers that would overflow, fill the memory or make weights that are no numbers.
    void hostileNumbers_data() {
        QTest::addColumn<QString>("config");
        QTest::addColumn<QString>("part");
        const auto row = [](const char* name, const char* config, const char* part) {
            QTest::newRow(name) << config << part;
        };
        row("product overflows", R"({"model_type": "gpt2", "n_embd": 9223372036854775807, "n_head": 1})",
            "n_embd is 9223372036854775807, must be a whole number of at least 1 and below 2^31");
        row("beyond 64 bits", R"({"model_type": "gpt2", "n_head": 18446744073709551615})", "below 2^31");
        row("negative", R"({"model_type": "gpt2", "n_head": -1})", "at least 1");
        row("layers", R"({"model_type": "mistral", "num_hidden_layers": 2147483647})",
            "num_hidden_layers is 2147483647, must be at most 10000");
        row("share", R"({"model_type": "llama", "partial_rotary_factor": 1e30})", "partial_rotary_factor makes");
        row("infinite in 32 bits", R"({"model_type": "llama", "rms_norm_eps": 1e200})", "from 1e-30 to 1e30");
        row("zero in 32 bits", R"({"model_type": "llama", "rope_theta": 1e-320})", "from 1e-30 to 1e30");
        row("logarithm of one",
            R"({"model_type": "phi3", "hidden_size": 8, "num_attention_heads": 2, "original_max_position_embeddings": 1,
                "rope_scaling": {"type": "longrope", "short_factor": [1, 1], "long_factor": [1, 1]}})",
            "original_max_position_embeddings is 1, must be more");
    }
    void hostileNumbers() {
        QFETCH(QString, config);
        QFETCH(QString, part);
        EXPECT_ERROR(read(config.toStdString()), part.toStdString());
    }
};

QTEST_APPLESS_MAIN(TestConfig)
#include "tst_config.moc"
