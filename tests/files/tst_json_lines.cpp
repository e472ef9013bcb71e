#include <QTemporaryDir>
#include <QTest>
#include <sstream>

#include "core/files/durable_file.h"
#include "core/files/json_lines.h"
#include "tests/support/expect_error.h"

using namespace prefbench::files;

namespace {

/// What one reading gave: "3:VALUE" for good lines, "3!REASON" for bad ones.
std::vector<std::string> readAll(const std::string& text) {
    std::vector<std::string> seen;
    std::istringstream in(text);
    readJsonLines(
        in,
        [&](std::int64_t number, const OrderedJson& value) {
            seen.push_back(std::to_string(number) + ":" + value.dump());
        },
        [&](const BadLine& bad) { seen.push_back(std::to_string(bad.number) + "!" + bad.reason); });
    return seen;
}

}  // namespace

class TestJsonLines : public QObject {
    Q_OBJECT

  private slots:
    void aBadLineCostsItself() {
        const auto seen = readAll("{\"a\":1}\n{\"a\":\n\n  \t\n[2]\n{\"k\":1,\"k\":2}\n\"\xff\"\n3");
        QCOMPARE(seen.size(), size_t(6));
        QCOMPARE(seen[0], std::string("1:{\"a\":1}"));
        QVERIFY(holds(seen[1], "2!not valid JSON at column 6: unexpected end of input"));
        QCOMPARE(seen[2], std::string("5:[2]"));
        QVERIFY(holds(seen[3], "6!the key \"k\" stands twice"));
        QVERIFY(holds(seen[4], "7!") && holds(seen[4], "UTF-8"));
        QCOMPARE(seen[5], std::string("8:3"));
    }

    void lineEndsAndByteOrderMark() {
        QCOMPARE(readAll("\xEF\xBB\xBF{\"a\":1}\r\n2\r\n"), (std::vector<std::string>{"1:{\"a\":1}", "2:2"}));
        QCOMPARE(readAll("\xEF\xBB\xBF"), std::vector<std::string>{});
        QCOMPARE(readAll(""), std::vector<std::string>{});
        QCOMPARE(readAll("\r\n\n"), std::vector<std::string>{});
    }

    void aTornLastLineIsBad() {
        const auto seen = readAll("1\n{\"prompt\":\"half");
        QCOMPARE(seen.size(), size_t(2));
        QVERIFY(holds(seen[1], "2!not valid JSON"));
    }

    void zerosLeftByAPowerCutAreBad() {
        const auto seen = readAll("1\n" + std::string(100, '\0') + "\n2\n");
        QCOMPARE(seen.size(), size_t(3));
        QVERIFY(holds(seen[1], "2!not valid JSON"));
        QCOMPARE(seen[2], std::string("3:2"));
    }

    void anErrorOfTheCallerCountsForItsLine() {
        std::istringstream in("1\n2\n3\n");
        std::vector<BadLine> bad;
        int good = 0;
        readJsonLines(
            in,
            [&](std::int64_t, const OrderedJson& value) {
                if (value == 2) {
                    throw prefbench::Error("two is refused");
                }
                ++good;
            },
            [&](const BadLine& line) { bad.push_back(line); });
        QCOMPARE(good, 2);
        QCOMPARE(bad.size(), size_t(1));
        QCOMPARE(bad[0].number, std::int64_t(2));
        QCOMPARE(bad[0].reason, std::string("two is refused"));
    }

    void longLinesAreBadAndPassed() {
        std::string text = "\"" + std::string((64 << 20) + 1, 'a') + "\"\n7\n";
        const auto seen = readAll(text);
        QCOMPARE(seen, (std::vector<std::string>{"1!longer than 64 MiB", "2:7"}));
    }

    void filesThatCannotBeRead() {
        QTemporaryDir dir;
        const auto read = [&](const QString& name) {
            readJsonLinesFile(
                dir.filePath(name).toStdString(), [](std::int64_t, const OrderedJson&) {}, [](const BadLine&) {});
        };
        EXPECT_ERROR(read("none.jsonl"), "none.jsonl: cannot be read (No such file");
        EXPECT_ERROR(read("."), "directory");
        writeAtomically(dir.filePath("good.jsonl").toStdString(), "1\n");
        read("good.jsonl");
    }
};

QTEST_APPLESS_MAIN(TestJsonLines)
#include "tst_json_lines.moc"
