#include <QTest>

#include "core/text/utf8.h"

using namespace prefbench::text;

namespace {

std::string lossy(std::string_view bytes, bool atEnd = true) {
    std::string out;
    appendLossy(out, bytes, atEnd);
    return out;
}

const std::string bad = "\xEF\xBF\xBD";

}  // namespace

class TestUtf8 : public QObject {
    Q_OBJECT

  private slots:
    void findsTheFirstInvalidByte() {
        QCOMPARE(validUtf8Length(""), size_t(0));
        QCOMPARE(validUtf8Length("aé€😀"), std::string_view("aé€😀").size());
        QCOMPARE(validUtf8Length(std::string_view("a\0b", 3)), size_t(3));
        QCOMPARE(validUtf8Length("ab\xff"), size_t(2));
        QCOMPARE(validUtf8Length("ab\xe2\x82"), size_t(2));
        QCOMPARE(validUtf8Length("\xc0\xaf"), size_t(0));
        QCOMPARE(validUtf8Length("\xe0\x80\x80"), size_t(0));
        QCOMPARE(validUtf8Length("\xed\xa0\x80"), size_t(0));
        QCOMPARE(validUtf8Length("\xf4\x90\x80\x80"), size_t(0));
        QCOMPARE(validUtf8Length("\xf4\x8f\xbf\xbf"), size_t(4));
    }

    /// The examples of the Unicode standard, 3.9, tables 3-8 to 3-11.
    void replacesMaximalSubparts() {
        QCOMPARE(lossy("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"), bad + bad + bad + bad + bad + bad + bad + bad + "A");
        QCOMPARE(lossy("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"), bad + bad + bad + bad + bad + bad + bad + bad + "A");
        QCOMPARE(lossy("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"), bad + bad + bad + bad + bad + "A" + bad + bad + "B");
        QCOMPARE(lossy("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"), bad + bad + bad + bad + "A");
    }

    void waitsForTheRestOfACharacter() {
        std::string out;
        QCOMPARE(appendLossy(out, "a\xf0\x9f\x98", false), size_t(1));
        QCOMPARE(out, std::string("a"));
        QCOMPARE(lossy("\xf0\x9f\x98", true), bad);
        QCOMPARE(lossy("\xf0\x9f\x41", false), bad + "A");
    }

    void takesCharactersFromBothEnds() {
        for (const char32_t c : {U'a', U'\0', U'é', U'€', U'\uFFFD', U'😀', U'\x10FFFF'}) {
            std::string text;
            appendUtf8(text, c);
            QCOMPARE(validUtf8Length(text), text.size());
            text = "x" + text + "y";
            std::string_view view = text;
            QCOMPARE(takeCharacter(view), U'x');
            QCOMPARE(takeCharacter(view), c);
            QCOMPARE(view, std::string_view("y"));
            view = text;
            QCOMPARE(takeLastCharacter(view), U'y');
            QCOMPARE(takeLastCharacter(view), c);
            QCOMPARE(view, std::string_view("x"));
        }
    }
};

QTEST_APPLESS_MAIN(TestUtf8)
#include "tst_utf8.moc"
