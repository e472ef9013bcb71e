#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <filesystem>

#include "core/files/durable_file.h"
#include "tests/support/engine_process.h"
#include "tests/support/training_lines.h"

using namespace prefbench;
using files::Json;

/// What `prefbench-engine bench` says of a tiny model: that it did the work, not how fast.
class TestBenchCommand : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;

    std::filesystem::path folder() const { return dir_.path().toStdString(); }

    QStringList call(const QString& what, const QStringList& more) const {
        return QStringList{QStringLiteral("bench"),     what,
                           QStringLiteral("--bench"),   dir_.path(),
                           QStringLiteral("--threads"), QStringLiteral("1")} +
               more;
    }

  private Q_SLOTS:
    void init() {
        const auto model = folder() / "model";
        if (!std::filesystem::exists(model)) {
            std::filesystem::create_directory_symlink(
                std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models" / "gpt2", model);
        }
        files::writeDurably(folder() / "pairs.jsonl", goldenPairLines(0, 8));
        files::writeDurably(folder() / "prompts.jsonl",
                            "{\"prompt\":\"The film\"}\n{\"prompt\":\"A cast\"}\n{\"prompt\":\"One\"}\n");
    }

    void training_data() {
        QTest::addColumn<QString>("rank");
        QTest::newRow("all weights") << QStringLiteral("0");
        QTest::newRow("an adapter") << QStringLiteral("2");
    }

    void training() {
        QFETCH(const QString, rank);
        const EngineOutcome outcome = runEngine(
            call(QStringLiteral("train"), {QStringLiteral("--batch"), QStringLiteral("2"), QStringLiteral("--steps"),
                                           QStringLiteral("3"), QStringLiteral("--lora"), rank}));
        QVERIFY2(outcome.status == 0, outcome.standardError.constData());
        QCOMPARE(outcome.lines.size(), std::size_t(1));
        const Json& line = outcome.lines.front();
        QCOMPARE(line.at("loss").size(), std::size_t(5));
        QCOMPARE(line.at("loss").at(0).get<double>(), 0.6931);  // ln 2: policy and reference are the same
        QCOMPARE(line.at("lora").get<int>(), rank.toInt());
        for (const char* key : {"pairs_per_second", "seconds_per_step", "peak_rss_gib", "fraction_of_limit"}) {
            QVERIFY2(line.at(key).get<double>() > 0, key);
        }
        for (const char* stage : {"forward", "loss", "backward", "gradient_norm", "optimizer"}) {
            QVERIFY2(line.at("seconds").contains(stage), stage);
        }
    }

    void trainingWithNarrowProducts_data() {
        QTest::addColumn<QString>("dtype");
        QTest::newRow("bf16") << QStringLiteral("bf16");
        QTest::newRow("fp32") << QStringLiteral("fp32");
        QTest::newRow("auto") << QStringLiteral("auto");
    }

    void trainingWithNarrowProducts() {
        QFETCH(QString, dtype);
        const EngineOutcome outcome =
            runEngine(call(QStringLiteral("train"),
                           {QStringLiteral("--steps"), QStringLiteral("2"), QStringLiteral("--dtype"), dtype}));
        QVERIFY2(outcome.status == 0, outcome.standardError.constData());
        const Json& line = outcome.lines.front();
        const auto name = line.at("dtype").get<std::string>();
        QVERIFY2(dtype == QStringLiteral("auto") ? name == "float32" || name == "bfloat16"
                                                 : name == (dtype == QStringLiteral("bf16") ? "bfloat16" : "float32"),
                 name.c_str());
        QVERIFY(line.at("fraction_of_limit").get<double>() > 0);
        QCOMPARE(line.at("loss").at(0).get<double>(), 0.6931);  // policy and reference round alike
    }

    void trainingWithCheckpointing() {
        const QStringList arguments = call(QStringLiteral("train"), {QStringLiteral("--dtype"), QStringLiteral("fp32"),
                                                                     QStringLiteral("--steps"), QStringLiteral("2")});
        const EngineOutcome kept = runEngine(arguments),
                            anew = runEngine(arguments + QStringList{QStringLiteral("--gradient-checkpointing")});
        QVERIFY2(kept.status == 0 && anew.status == 0, anew.standardError.constData());
        QVERIFY(anew.lines.front().at("gradient_checkpointing").get<bool>());
        QVERIFY(anew.lines.front().at("loss") == kept.lines.front().at("loss"));
    }

    /// Every completion has the length asked for, so that rates compare.
    void generation() {
        const EngineOutcome outcome = runEngine(
            call(QStringLiteral("generate"),
                 {QStringLiteral("--prompts"), QStringLiteral("2"), QStringLiteral("--samples"), QStringLiteral("3"),
                  QStringLiteral("--new"), QStringLiteral("7"), QStringLiteral("--batch"), QStringLiteral("4")}));
        QVERIFY2(outcome.status == 0, outcome.standardError.constData());
        QCOMPARE(outcome.lines.at(0).at("tokens").get<int>(), 2 * 3 * 7);
        QVERIFY(outcome.lines.at(0).at("tokens_per_second").get<double>() > 0);
        QCOMPARE(outcome.lines.at(0).at("dtype").get<std::string>(), std::string("int8"));  // what auto chose
    }

    void whatCannotBeMeasured() {
        QCOMPARE(runEngine({QStringLiteral("bench")}).status, 2);
        QCOMPARE(runEngine(call(QStringLiteral("train"), {QStringLiteral("--dtype"), QStringLiteral("int8")})).status,
                 2);
        files::writeDurably(folder() / "pairs.jsonl", "");
        const EngineOutcome noPairs = runEngine(call(QStringLiteral("train"), {}));
        QCOMPARE(noPairs.status, 1);
        QVERIFY(noPairs.standardError.contains("pairs.jsonl: no pairs to train on"));
        files::writeDurably(folder() / "prompts.jsonl", "");
        const EngineOutcome noPrompts = runEngine(call(QStringLiteral("generate"), {}));
        QCOMPARE(noPrompts.status, 1);
        QVERIFY(noPrompts.standardError.contains("prompts.jsonl: no prompts to continue"));
        files::writeDurably(folder() / "prompts.jsonl", "{\"prompt\":\"A\"}\n{\"prompt\":3}\n");
        QVERIFY(runEngine(call(QStringLiteral("generate"), {})).standardError.contains("prompts.jsonl: line 2: "));
    }
};

QTEST_GUILESS_MAIN(TestBenchCommand)
#include "tst_bench_command.moc"
