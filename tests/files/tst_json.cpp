#include <QTemporaryDir>
#include <QTest>
#include <cmath>
#include <limits>

#include "core/files/durable_file.h"
#include "core/files/json.h"
#include "tests/support/expect_error.h"

using namespace prefbench::files;

class TestJson : public QObject {
    Q_OBJECT

  private slots:
    void buildsTheSameValuesAsWritten() {
        const std::string text = R"({"b":[1,-2,3.5,true,null,"x\u00e9",{"c":{}}],"a":18446744073709551615,"e":[]})";
        QCOMPARE(parseOrderedJson(text, "t").dump(-1, ' ', true), std::string(text));
        QVERIFY(parseJson(text, "t") == Json::parse(text));
        QVERIFY(parseJson(" 5 ", "t") == Json(5));
    }

    void keepsTheOrderOfKeys() {
        QCOMPARE(toLine(parseOrderedJson(R"({"z":1,"a":{"y":2,"b":3}})", "t")),
                 std::string(R"({"z":1,"a":{"y":2,"b":3}})"));
    }

    void refuses_data() {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QString>("part");
        QTest::newRow("empty") << QByteArray("") << "unexpected end of input";
        QTest::newRow("duplicate key") << QByteArray(R"({"a":1,"b":2,"a":3})") << "\"a\" stands twice";
        QTest::newRow("duplicate after escape") << QByteArray("{\"a\":1,\"\\u0061\":3}") << "stands twice";
        QTest::newRow("duplicate in nested") << QByteArray(R"([{"x":{"k":1,"k":1}}])") << "\"k\" stands twice";
        QTest::newRow("trailing") << QByteArray(R"({"a":1} x)") << "column 9";
        QTest::newRow("two values") << QByteArray("1 2") << "column 3";
        QTest::newRow("invalid UTF-8") << QByteArray("\"a\xff\"") << "UTF-8";
        QTest::newRow("overlong UTF-8") << QByteArray("\"\xc0\x80\"") << "UTF-8";
        QTest::newRow("encoded surrogate") << QByteArray("\"\xed\xa0\x80\"") << "UTF-8";
        QTest::newRow("lone surrogate") << QByteArray(R"("\ud800")") << "surrogate";
        QTest::newRow("truncated") << QByteArray("{\"a\":[1,") << "unexpected end of input";
        QTest::newRow("too large") << QByteArray("1e999") << "number";
        QTest::newRow("NaN") << QByteArray("NaN") << "not valid JSON";
        QTest::newRow("NUL after value") << QByteArray("1\0", 2) << "not valid JSON";
        QTest::newRow("second line") << QByteArray("{\n\"a\": ?}") << "line 2, column 6";
    }
    void refuses() {
        QFETCH(QByteArray, text);
        QFETCH(QString, part);
        EXPECT_ERROR(parseJson(text.toStdString(), "thing.json"), part.toStdString());
        EXPECT_ERROR(parseOrderedJson(text.toStdString(), "thing.json"), "thing.json: ");
    }

    void boundsDepthAndStack() {
        QCOMPARE(parseJson(std::string(200, '[') + std::string(200, ']'), "t").size(), size_t(1));
        EXPECT_ERROR(parseJson(std::string(201, '[') + std::string(201, ']'), "t"), "deeper than 200");
        std::string objects;
        for (int i = 0; i < 100000; ++i) {
            objects += "{\"a\":";
        }
        EXPECT_ERROR(parseOrderedJson(objects, "t"), "deeper than 200");
        EXPECT_ERROR(parseJson(std::string(100000, '['), "t"), "deeper than 200");
    }

    void quotesLittleOfALongText() {
        const std::string message = errorOf([] { parseJson("\"" + std::string(100000, 'a') + "\x01", "t"); });
        QVERIFY(!message.empty() && message.size() < 400);
    }

    void linesReplaceWhatIsNotUtf8() {
        QCOMPARE(toLine(Json{{"a", "x\xc3"}}), std::string("{\"a\":\"x\xEF\xBF\xBD\"}"));
        QCOMPARE(toLine(Json("a\nb")), std::string(R"("a\nb")"));
    }

    void nonFiniteNumbersAreNamed() {
        const double inf = std::numeric_limits<double>::infinity();
        QVERIFY(numberToJson(std::nan("")) == "nan");
        QVERIFY(numberToJson(-inf) == "-inf");
        QCOMPARE(numberFromJson(numberToJson(inf), "x"), inf);
        QVERIFY(std::isnan(numberFromJson("nan", "x")));
        QCOMPARE(numberFromJson(3, "x"), 3.0);
        QCOMPARE(numberFromJson(numberToJson(0.1), "x"), 0.1);
        EXPECT_ERROR(numberFromJson("1.5", "loss"), "loss: \"1.5\"");
        EXPECT_ERROR(numberFromJson(nullptr, "loss"), "null");
    }

    void filesAreNamed() {
        QTemporaryDir dir;
        const std::filesystem::path file = dir.filePath("a.json").toStdString();
        writeAtomically(file, "{\"a\":");
        EXPECT_ERROR(readJsonFile(file), file.string() + ": not valid JSON");
        EXPECT_ERROR(readJsonFile(dir.filePath("none.json").toStdString()), "none.json: cannot be read (No such file");
        EXPECT_ERROR(readOrderedJsonFile(dir.path().toStdString()), "directory");
    }
};

QTEST_APPLESS_MAIN(TestJson)
#include "tst_json.moc"
