#include <QSignalSpy>
#include <QTest>

#include "core/jobs/prompt_reader.h"

using namespace prefbench;
using jobs::PromptReader;

class TestPromptReader : public QObject {
    Q_OBJECT

    static constexpr int patience = 30000;  // ms

    /// The one line that a reader says.
    static QString failureOf(const char* mode) {
        qputenv("FAKE_ENGINE_MODE", mode);
        PromptReader reader;
        QSignalSpy failed(&reader, &PromptReader::failed);
        reader.read(QStringLiteral("/m"), std::string("p"));
        return failed.wait(patience) && failed.size() == 1 ? failed.first().first().toString() : QString();
    }

  private Q_SLOTS:
    void init() {
        qputenv("PREFBENCH_ENGINE", qgetenv("FAKE_ENGINE"));
        qunsetenv("FAKE_ENGINE_MODE");
    }

    void theEnginesAnswerArrives() {
        PromptReader reader;
        contract::Rendering rendering;
        QSignalSpy finished(&reader, &PromptReader::finished);
        connect(&reader, &PromptReader::finished, this, [&](const contract::Rendering& read) { rendering = read; });
        reader.read(QStringLiteral("/m"), std::string("ab"));
        QVERIFY(finished.wait(patience));
        QCOMPARE(rendering.text, std::string("ab"));
        QCOMPARE(rendering.tokens.size(), std::size_t(2));
        QCOMPARE(rendering.tokens[1].id, 'b');
    }

    /// Only the last one asked for is answered.
    void aNewReadReplacesTheOneUnderWay() {
        qputenv("FAKE_ENGINE_MODE", "slow");
        PromptReader reader;
        QSignalSpy finished(&reader, &PromptReader::finished);
        QSignalSpy failed(&reader, &PromptReader::failed);
        reader.read(QStringLiteral("/m"), std::string("first"));
        qunsetenv("FAKE_ENGINE_MODE");
        reader.read(QStringLiteral("/m"), std::string("second"));
        QVERIFY(finished.wait(patience));
        QCOMPARE(finished.first().first().value<contract::Rendering>().text, std::string("second"));
        QTest::qWait(50);
        QCOMPARE(finished.size() + failed.size(), 1);
    }

    void failuresAreOneLine() {
        QCOMPARE(failureOf("refuse"), QStringLiteral("/m: the model has no chat template"));
        QCOMPARE(failureOf("crash"), QStringLiteral("out of memory in layer 3"));
        qputenv("PREFBENCH_ENGINE", "/nowhere/engine");
        QVERIFY(failureOf("").contains(QStringLiteral("/nowhere/engine")));
    }
};

QTEST_GUILESS_MAIN(TestPromptReader)
#include "tst_prompt_reader.moc"
