#include <QTest>

#include "tests/support/engine_process.h"
#include "tests/text/mini_tokenizer.h"

using prefbench::files::Json;

class TestTokenizeCommand : public QObject {
    Q_OBJECT

    TokenizerFolder folder_{miniTokenizer()};
    QString model_ = QString::fromStdString(folder_.path().string());

  private slots:
    void answersEachLine() {
        const EngineOutcome outcome =
            runEngine({"tokenize", "--model", model_},
                      "{\"text\":\"abc\"}\n{\"text\":\"a\\u0000\",\"add_special_tokens\":false}");
        QCOMPARE(outcome.status, 0);
        QCOMPARE(outcome.lines.size(), size_t(2));
        QVERIFY(outcome.lines[0] == (Json{{"ids", {1, 10}}, {"decoded", "<s>abc"}}));
        QVERIFY(outcome.lines[1]["ids"] == (Json{3, 0}));
        QCOMPARE(outcome.standardError, QByteArray());
    }

    void aBadLineCostsThatLine() {
        const EngineOutcome outcome =
            runEngine({"tokenize", "--model", model_},
                      "{\"text\":\"a\"}\nnonsense\n\n{\"text\":7}\n{}\n[]\n{\"text\":\"a\",\"add_special_"
                      "tokens\":1}\n{\"text\":\"b\"}\n");
        QCOMPARE(outcome.status, 1);
        QCOMPARE(outcome.lines.size(), size_t(7));
        QVERIFY(outcome.error(1).startsWith("line 2: not valid JSON"));
        QCOMPARE(outcome.error(2), QString("line 4: \"text\" must be a string, found 7"));
        QCOMPARE(outcome.error(3), QString("line 5: \"text\" is missing"));
        QCOMPARE(outcome.error(4), QString("line 6: expected an object, found []"));
        QCOMPARE(outcome.error(5), QString("line 7: \"add_special_tokens\" must be true or false, found 1"));
        QVERIFY(outcome.lines[6]["ids"] == (Json{1, 4}));
        QCOMPARE(outcome.standardError.count('\n'), 5);
        QVERIFY(outcome.standardError.startsWith("prefbench-engine: line 2: "));
    }

    void filesInAndOut() {
        const std::filesystem::path in = folder_.path() / "in.jsonl";
        const std::filesystem::path out = folder_.path() / "out.jsonl";
        prefbench::files::writeAtomically(in, "{\"text\":\"d\"}\n");
        const QStringList call = {"tokenize", "--model", model_, "--in", QString::fromStdString(in.string()), "--out"};
        QCOMPARE(runEngine(call + QStringList{QString::fromStdString(out.string())}).status, 0);
        QCOMPARE(prefbench::files::readFile(out), std::string("{\"ids\":[1,6],\"decoded\":\"<s>d\"}\n"));
        const EngineOutcome full = runEngine(call + QStringList{"/dev/full"});
        QCOMPARE(full.status, 1);
        QVERIFY(full.standardError.contains("/dev/full: cannot be written"));
    }

    void failuresAreOneLineAndExitStatusOne() {
        const EngineOutcome missing = runEngine({"tokenize", "--model", "/no/such/model"});
        QCOMPARE(missing.status, 1);
        QVERIFY(missing.standardError.startsWith(
            "prefbench-engine: /no/such/model: tokenizer.json is missing, and tokenizer.model too"));
        QCOMPARE(missing.standardError.count('\n'), 1);
        const EngineOutcome input = runEngine({"tokenize", "--model", model_, "--in", "/no/such/file"});
        QCOMPARE(input.status, 1);
        QVERIFY(input.standardError.startsWith("prefbench-engine: /no/such/file: cannot be read"));
    }

    void wrongCallsAreExitStatusTwo() {
        QCOMPARE(runEngine({}).status, 2);
        QCOMPARE(runEngine({"tokenize"}).status, 2);
        QCOMPARE(runEngine({"tokenize", "--model", model_, "--colour", "red"}).status, 2);
        QCOMPARE(runEngine({"dance"}).status, 2);
        QCOMPARE(runEngine({"--version"}).status, 0);
        QCOMPARE(runEngine({"tokenize", "--help"}).status, 0);
    }

    /// Whoever pipes line by line gets each answer before sending the next line.
    void answersWhileInputIsOpen() {
        QProcess process;
        process.start(engineProgram(), {"tokenize", "--model", model_});
        for (int i = 0; i < 3; ++i) {
            process.write("{\"text\":\"abc\"}\n");
            QVERIFY(process.waitForReadyRead(60000));
            QCOMPARE(process.readAllStandardOutput(), QByteArray("{\"ids\":[1,10],\"decoded\":\"<s>abc\"}\n"));
        }
        process.closeWriteChannel();
        QVERIFY(process.waitForFinished(60000));
        QCOMPARE(process.exitCode(), 0);
    }
};

QTEST_GUILESS_MAIN(TestTokenizeCommand)
#include "tst_tokenize_command.moc"
