#include <QTest>

#include "core/text/pre_tokenizers.h"
#include "core/text/regex.h"
#include "tests/support/expect_error.h"

using namespace prefbench::text;
using prefbench::files::Json;

namespace {

/// The spans as text, matches in brackets.
std::string cut(const Regex& regex, const std::string& text) {
    std::vector<Span> spans;
    regex.cut(text, spans);
    std::string shown;
    for (const Span& span : spans) {
        const std::string part = text.substr(span.begin, span.end - span.begin);
        shown += span.isMatch ? "[" + part + "]" : part;
    }
    return shown;
}

std::vector<std::string> split(const Json& pattern, const char* behaviour, bool invert, const std::string& text) {
    const auto preTokenizer = makePreTokenizer(
        {{"type", "Split"}, {"pattern", pattern}, {"behavior", behaviour}, {"invert", invert}}, "test");
    const std::string what = "test";
    Pieces pieces{.limit = GrowthLimit(text.size(), what)};
    pieces.pieces.push_back(text);
    preTokenizer->apply(pieces);
    return {pieces.pieces.begin(), pieces.pieces.end()};
}

using Texts = std::vector<std::string>;

}  // namespace

class TestRegex : public QObject {
    Q_OBJECT

  private slots:
    void spaceIsUnicodesWhiteSpace() {
        const Regex space(R"(\s)", "test");
        QCOMPARE(cut(space, "a\u00A0b\u3000\u0085\t"), std::string("a[\u00A0]b[\u3000][\u0085][\t]"));
        // The Mongolian vowel separator and the zero-width space are none, though PCRE2 counts the first.
        QCOMPARE(cut(space, "\u180E\u200B"), std::string("\u180E\u200B"));
        QCOMPARE(cut(Regex(R"([^\S\n]+)", "test"), "a \u180E\n"), std::string("a[ ]\u180E\n"));
    }

    void lettersAndNumbersOfUnicode16() {
        QCOMPARE(cut(Regex(R"(\p{L}+)", "test"), "x\U0001409A!"), std::string("[x\U0001409A]!"));
        QCOMPARE(cut(Regex(R"([^\s\p{L}]+)", "test"), "x\U00016103!"), std::string("x\U00016103[!]"));
        QCOMPARE(cut(Regex(R"(\P{L}+)", "test"), "x\U00016103!"), std::string("x\U00016103[!]"));
        QCOMPARE(cut(Regex(R"(\p{N}{1,3})", "test"), "1\U0001CCF0234"), std::string("[1\U0001CCF02][34]"));
    }

    void lookaheadSeesTheEndOfTheText() {
        QCOMPARE(cut(Regex(R"(\s+(?!\S)|\s+)", "test"), "a   b  "), std::string("a[  ][ ]b[  ]"));
        QCOMPARE(cut(Regex(R"((?i:'s|'ll))", "test"), "it'S we'LL 'x"), std::string("it['S] we['LL] 'x"));
    }

    void propertiesAreTheReferences() {
        QCOMPARE(cut(Regex(R"(\d+)", "test"), "1\U0001CCF0x"), std::string("[1\U0001CCF0]x"));
        QCOMPARE(cut(Regex(R"(\D)", "test"), "1\U0001CCF0x"), std::string("1\U0001CCF0[x]"));
        QCOMPARE(cut(Regex(R"([\p{Lo}\pN]+)", "test"), "a\u00AA\u4E00\U000143C31"),
                 std::string("a[\u00AA\u4E00\U000143C31]"));
        QCOMPARE(cut(Regex(R"(\p{^Lu})", "test"), "aB"), std::string("[a]B"));
        // U+3001, a comma, is used with Han but is no Han character.
        QCOMPARE(cut(Regex(R"(\p{Han}+)", "test"), "\u4E00\u3001\U0002EBF0"),
                 std::string("[\u4E00]\u3001[\U0002EBF0]"));
    }

    void beginningsAndEndsAreThoseOfLines() {
        QCOMPARE(cut(Regex("^a", "test"), "a\naa"), std::string("[a]\n[a]a"));
        QCOMPARE(cut(Regex(R"(\s+$)", "test"), "a \nb  "), std::string("a[ ]\nb[  ]"));
        QCOMPARE(cut(Regex(R"([$^])", "test"), "a$^"), std::string("a[$][^]"));
        QCOMPARE(cut(Regex(R"(\Aa|a\z)", "test"), "a\na\na"), std::string("[a]\na\n[a]"));
    }

    void emptyMatchesCut() {
        QCOMPARE(cut(Regex("(?=[A-Z])", "test"), "aBC"), std::string("a[]B[]C"));
        QCOMPARE(cut(Regex("a*", "test"), "bab"), std::string("[]b[a]b[]"));
        QCOMPARE(cut(Regex("x?", "test"), ""), std::string());
        QCOMPARE(Regex("(?=é)", "test").replace("éaé", "-", 100), std::string("-éa-é"));
        QCOMPARE(split({{"Regex", "(?=[A-Z])"}}, "Isolated", false, "aBC"), (Texts{"a", "B", "C"}));
        QCOMPARE(split({{"Regex", "(?=[A-Z])"}}, "MergedWithNext", false, "aBC"), (Texts{"a", "B", "C"}));
    }

    void literalsAreNotPatterns() {
        QCOMPARE(cut(Regex::literal(".*", "test"), "a.*b"), std::string("a[.*]b"));
        QCOMPARE(cut(Regex::literal("", "test"), "ab"), std::string("ab"));
        QCOMPARE(Regex::literal(" ", "test").replace(" a  b", "▁", 100), std::string("▁a▁▁b"));
        QCOMPARE(cut(Regex(R"(\$\[\^)", "test"), "a$[^"), std::string("a[$[^]"));
    }

    void refusesWhatMeansSomethingElse_data() {
        QTest::addColumn<QString>("pattern");
        QTest::addColumn<QString>("part");
        for (const auto& [pattern, part] : std::initializer_list<std::pair<const char*, const char*>>{
                 {R"(\w+)", "\\w"},
                 {R"(\bx)", "\\b"},
                 {R"([a[bc]])", "[ within"},
                 {R"([a-z&&b])", "&&"},
                 {R"(\p{N}{1,3}+)", "}+"},
                 {R"([\P{L}x])", "\\P{L} within"},
                 {R"((*LIMIT_MATCH=9)a)", "(* in the regular expression"},
                 {R"((?m:a.b))", "(?m"},
                 {R"((?i-s)a)", "(?i-s"},
                 {R"(\p{Mn})", "\\p{Mn}"},
                 {R"(\p{Letter})", "\\p{Letter}"},
                 {R"(\p)", "\\p"},
                 {R"(\v)", "\\v"},
                 {R"([\D])", "\\D within"},
                 {R"((a)", "missing closing parenthesis"},
                 {"\\", "\\ at end of pattern"},
             }) {
            QTest::newRow(pattern) << pattern << part;
        }
    }
    void refusesWhatMeansSomethingElse() {
        QFETCH(QString, pattern);
        QFETCH(QString, part);
        EXPECT_ERROR(Regex(pattern.toStdString(), "file"), part.toStdString());
        EXPECT_ERROR(Regex(pattern.toStdString(), "file"), "file: ");
    }

    void splitBehaviours() {
        const Json space = {{"String", " "}};
        const std::string text = " a  b ";
        QCOMPARE(split(space, "Isolated", false, text), (Texts{" ", "a", " ", " ", "b", " "}));
        QCOMPARE(split(space, "Removed", false, text), (Texts{"a", "b"}));
        QCOMPARE(split(space, "Removed", true, text), (Texts{" ", " ", " ", " "}));
        QCOMPARE(split(space, "Contiguous", false, text), (Texts{" ", "a", "  ", "b", " "}));
        QCOMPARE(split(space, "MergedWithPrevious", false, text), (Texts{" ", "a ", " ", "b "}));
        QCOMPARE(split(space, "MergedWithNext", false, text), (Texts{" a", " ", " b", " "}));
        EXPECT_ERROR(split(space, "Sideways", false, text), "behavior \"Sideways\"");
    }

    void matchingIsBoundedByTheTextsSize() {
        const std::string text(4096, 'a');
        std::vector<Span> spans;
        EXPECT_ERROR(Regex("(?:a+)+[bc]", "test").cut(text, spans), "matching gave up on a text of 4096 bytes");
        // Each try alone stays below the limit.
        EXPECT_ERROR(Regex("a(?:.?){12}(?:.?){12}b|a", "test").cut(text, spans), "matching gave up");
        EXPECT_ERROR(Regex(std::string(2049, 'a'), "test"), "2049 bytes, at most 2048");
    }

    void longTextsAreCutWithoutDeepRecursion() {
        const Regex regex(R"( ?\p{L}+|\s*[\r\n]+|\s+(?!\S)|\s+)", "test");
        std::vector<Span> spans;
        regex.cut(std::string(1 << 20, 'a') + std::string(1 << 20, ' ') + "b", spans);
        QCOMPARE(spans.size(), size_t(3));
    }
};

QTEST_APPLESS_MAIN(TestRegex)
#include "tst_regex.moc"
