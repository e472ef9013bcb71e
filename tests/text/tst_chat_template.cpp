#include <QTemporaryDir>
#include <QTest>

#include "core/files/durable_file.h"
#include "core/text/chat_template.h"
#include "tests/support/expect_error.h"

using prefbench::files::OrderedJson;
using namespace prefbench::text;

namespace {

const OrderedJson messages = {{{"role", "user"}, {"content", "Hi"}}};

std::string render(const std::string& source, const OrderedJson& variables = OrderedJson::object(),
                   const templates::Limits& limits = {}) {
    return ChatTemplate(source, variables, "t", limits).render(messages, false);
}

std::string repeated(const std::string& text, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) {
        out += text;
    }
    return out;
}

}  // namespace

class TestChatTemplate : public QObject {
    Q_OBJECT

  private slots:
    void textAroundTags_data() {
        QTest::addColumn<QString>("source");
        QTest::addColumn<QString>("text");
        QTest::newRow("newline at the end") << "a\n"
                                            << "a";
        QTest::newRow("only one of two") << "a\n\n"
                                         << "a\n";
        QTest::newRow("carriage returns") << "a\r\nb\rc"
                                          << "a\nb\nc";
        QTest::newRow("block alone on its line") << "a\n  {% if true %}\nb\n  {% endif %}\nc"
                                                 << "a\nb\nc";
        QTest::newRow("plus keeps") << "a\n  {%+ if true +%}\nb{% endif %}"
                                    << "a\n  \nb";
        QTest::newRow("minus takes all") << "a \n {%- if true -%} \n b {%- endif %}"
                                         << "ab";
        QTest::newRow("output keeps its indent") << "  {{ 'x' }}\ny"
                                                 << "  x\ny";
        QTest::newRow("output with minus") << "a {{- 'x' -}} \n y"
                                           << "axy";
        QTest::newRow("comment") << "a\n  {# {{ no }} {% #}\nb{#- c -#} d"
                                 << "a\nbd";
        QTest::newRow("raw") << "{% raw %}{{ x }}{% y %}{% endraw %}"
                             << "{{ x }}{% y %}";
        QTest::newRow("raw with signs") << "a {%- raw -%}  {{ x }} {%- endraw %}\n b"
                                        << "a{{ x }} b";
        QTest::newRow("dict in output") << "{{ {'a': {'b': 1}}['a']['b']}}"
                                        << "1";
        QTest::newRow("brace") << "{ {a} }}"
                               << "{ {a} }}";
    }

    void textAroundTags() {
        QFETCH(QString, source);
        QFETCH(QString, text);
        QCOMPARE(QString::fromStdString(render(source.toStdString())), text);
    }

    void errorsNameTheLine_data() {
        QTest::addColumn<QString>("source");
        QTest::addColumn<QString>("error");
        QTest::newRow("filter") << "a\n\n{{ 'x' | sparkle }}"
                                << "t, line 3: unknown filter 'sparkle'";
        QTest::newRow("filter not reached") << "{% for m in [] %}\n{{ m | sparkle }}{% endfor %}"
                                            << "t, line 2: unknown filter 'sparkle'";
        QTest::newRow("test") << "{{ 1 is shiny }}"
                              << "t, line 1: unknown test 'shiny'";
        QTest::newRow("function") << "\n{{ glow(1) }}"
                                  << "t, line 2: 'glow' is undefined";
        QTest::newRow("method") << "\n{{ 'x'.glow() }}"
                                << "t, line 2: a str has no 'glow'";
        QTest::newRow("tag") << "\n{% include 'x' %}"
                             << "t, line 2: unknown tag 'include'";
        QTest::newRow("attribute of nothing") << "{{ a.b }}"
                                              << "t, line 1: 'a' is undefined";
        QTest::newRow("operands") << "{{ 1 +\n 'a' }}"
                                  << "t, line 1: '+' is not possible between a int and a str";
        QTest::newRow("after a macro") << "{% macro f() %}\n\n{{ 1 }}\n{% endmacro %}\n{{ f() + 1 }}"
                                       << "t, line 5: '+' is not possible";
        QTest::newRow("not closed") << "\n{% if 1 %}\n\n"
                                    << "the template ends inside 'if' of line 2";
        QTest::newRow("string not closed") << "{{ 'a }}"
                                           << "t, line 1: a string is not closed";
        QTest::newRow("break alone") << "{% break %}"
                                     << "'break' outside a loop";
        QTest::newRow("changing a list") << "{% set x = [].append(1) %}"
                                         << "'append' of a list is not open";
        QTest::newRow("inside of Python") << "{{ ''.__class__ }}"
                                          << "'__class__' of a str is not open";
        QTest::newRow("division") << "{{ 1 // 0 }}"
                                  << "division by zero";
        QTest::newRow("overflow") << "{{ 9223372036854775807 + 1 }}"
                                  << "beyond 64 bits";
        QTest::newRow("overflow of a format") << "{{ '%d' % 1e300 }}"
                                              << "a number too large for %d";
    }

    void errorsNameTheLine() {
        QFETCH(QString, source);
        QFETCH(QString, error);
        EXPECT_ERROR(render(source.toStdString()), error.toStdString());
    }

    void anUnknownFilterInABranchNeverReachedIsNone() {
        QCOMPARE(render("{% if false %}{{ 1 | sparkle }}{% endif %}ok"), std::string("ok"));
        EXPECT_ERROR(render("{% if true %}{{ 1 | sparkle }}{% endif %}"), "line 1: unknown filter 'sparkle'");
    }

    void whatTheTemplateRaisesIsKept() {
        try {
            render("{{ raise_exception('two\nlines') }}");
            QFAIL("nothing was raised");
        } catch (const TemplateError& error) {
            QVERIFY(error.isRaisedByTemplate);
            QCOMPARE(error.message, std::string("two\nlines"));
            QCOMPARE(std::string(error.what()), std::string("t, line 1: two lines"));
        }
    }

    /// Each would take minutes, gigabytes or the stack without its limit.
    void limits_data() {
        QTest::addColumn<QString>("source");
        QTest::addColumn<QString>("error");
        const auto row = [](const char* name, const std::string& source, const char* error) {
            QTest::newRow(name) << QString::fromStdString(source) << error;
        };
        const std::string thousand = "{% for i in range(1000) %}";
        row("steps", thousand + thousand + thousand + repeated("{% endfor %}", 3), "more than 5000000 steps");
        row("range", "{{ range(1000000000) }}", "a range is longer than 100000");
        row("output", thousand + thousand + "{{ '" + std::string(100, 'x') + "' }}" + repeated("{% endfor %}", 2),
            "longer than 16777216 bytes");
        row("one text", "{{ 'x' * 999999999999 }}", "longer than 16777216 bytes");
        row("doubled text", "{% set n = namespace(s='xx') %}" + thousand + "{% set n.s = n.s + n.s %}{% endfor %}",
            "longer than 16777216 bytes");
        row("replace", "{{ ('x' * 100000).replace('x', 'y' * 100000) }}", "longer than 16777216 bytes");
        row("center", "{{ 'x'.center(99999999999) }}", "longer than 16777216 bytes");
        row("format", "{{ '%999999999d' % 1 }}", "a format is wider");
        row("list", "{{ [1, 2] * 99999999999 }}", "steps");
        row("shared lists", "{% set n = namespace(x=[1]) %}" + repeated("{% set n.x = [n.x, n.x] %}", 60) + "{{ n.x }}",
            "steps");
        row("equal lists",
            "{% set n = namespace(x=[1], y=[1]) %}" +
                repeated("{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}", 60) + "{{ n.x == n.y }}",
            "steps");
        row("deep list", "{% set n = namespace(x=1) %}" + thousand + "{% set n.x = [n.x] %}{% endfor %}",
            "a value is nested deeper than 300");
        row("itself", "{% set n = namespace() %}{% set n.n = n %}{{ n }}", "nested deeper than the limit of 1000");
        row("recursion", "{% macro f(x) %}{{ f([x]) }}{% endmacro %}{{ f(1) }}", "nested deeper than");
        row("brackets", repeated("{{ (", 1) + repeated("(", 100000), "nested deeper than 150 levels");
        row("lists", "{{ " + repeated("[", 100000), "nested deeper than 150 levels");
        row("signs", "{{ " + repeated("-", 100000) + "1 }}", "nested deeper than 150 levels");
        row("nots", "{{ " + repeated("not ", 100000) + "1 }}", "nested deeper than 150 levels");
        row("sum", "{{ 1" + repeated("+1", 100000) + " }}", "nested deeper than 150 levels");
        row("filters", "{{ 1" + repeated("|abs", 100000) + " }}", "nested deeper than 150 levels");
        row("attributes", "{{ a" + repeated(".a", 100000) + " }}", "nested deeper than 150 levels");
        row("inline ifs", "{{ 1" + repeated(" if 1 else 1", 50000) + " }}", "nested deeper than 150 levels");
        row("ifs", repeated("{% if 1 %}", 100000), "nested deeper than 150 levels");
        row("targets", "{% set " + repeated("(", 100000) + "a", "nested deeper than 150 levels");
        row("size", std::string((1 << 20) + 1, 'x'), "longer than 1048576 bytes");
    }

    void limits() {
        QFETCH(QString, source);
        QFETCH(QString, error);
        EXPECT_ERROR(render(source.toStdString()), error.toStdString());
    }

    void longFlatTemplatesRender() {
        QCOMPARE(render(repeated("{% if 1 %}x{% else %}{% endif %}", 2000)).size(), std::size_t(2000));
        QCOMPARE(render("{% if 0 %}" + repeated("{% elif 0 %}", 20000) + "{% else %}x{% endif %}"), std::string("x"));
        QCOMPARE(render("{{ ''" + repeated(" ~ 'x'", 20000) + " }}").size(), std::size_t(20000));
    }

    void numbersBeyondAllFloats() { QCOMPARE(render("{{ 1e999 }} {{ 1e-999 }}"), std::string("inf 0.0")); }

    void macrosOutliveTheirBlock() {
        QCOMPARE(render("{% set n = namespace() %}{% for i in [7] %}{% macro f() %}{{ i }}{% endmacro %}"
                        "{% set n.f = f %}{% endfor %}{{ n.f() }}"),
                 std::string("7"));
    }

    void aFoldersTemplate() {
        const QTemporaryDir dir;
        const std::filesystem::path folder = dir.path().toStdString();
        const auto write = [&](const char* name, const OrderedJson& json) {
            prefbench::files::writeAtomically(folder / name, json.dump());
        };
        EXPECT_ERROR(ChatTemplate::load(folder), "the model has no chat template");
        write("tokenizer_config.json", {{"bos_token", {{"content", "<s>"}}}, {"eos_token", nullptr}});
        EXPECT_ERROR(ChatTemplate::load(folder), "the model has no chat template");
        write("tokenizer_config.json", {{"bos_token", {{"content", "<s>"}}},
                                        {"eos_token", "</s>"},
                                        {"chat_template", "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}"}});
        QCOMPARE(ChatTemplate::load(folder).render(messages, true), std::string("<s>Hi</s>"));
        write("tokenizer_config.json",
              {{"chat_template", {{{"name", "rag"}, {"template", "no"}}, {{"name", "default"}, {"template", "yes"}}}}});
        QCOMPARE(ChatTemplate::load(folder).render(messages, true), std::string("yes"));
        write("tokenizer_config.json", {{"chat_template", {{{"name", "rag"}, {"template", "no"}}}}});
        EXPECT_ERROR(ChatTemplate::load(folder), "tokenizer_config.json: chat_template must be a text");
        prefbench::files::writeAtomically(folder / "chat_template.jinja", "from the file: {{ add_generation_prompt }}");
        QCOMPARE(ChatTemplate::load(folder).render(messages, true), std::string("from the file: True"));
        prefbench::files::writeAtomically(folder / "chat_template.jinja", "\n{{ oops( }}");
        EXPECT_ERROR(ChatTemplate::load(folder), "chat_template.jinja, line 2: ");
        prefbench::files::writeAtomically(folder / "chat_template.jinja", "\xFF");
        EXPECT_ERROR(ChatTemplate::load(folder), "chat_template.jinja: not valid UTF-8");
    }

    void messagesAsTransformersHandsThemOver() {
        const ChatTemplate chat("{{ messages[0] | tojson }}", OrderedJson::object(), "t");
        QCOMPARE(
            chat.render({{{"role", "assistant"}, {"content", nullptr}, {"reasoning", "so"}}}, false),
            std::string(R"({"thinking": "so", "role": "assistant", "reasoning": "so", "reasoning_content": "so"})"));
    }

    void messagesAreAListOfObjects() {
        const ChatTemplate chat("x", OrderedJson::object(), "t");
        EXPECT_ERROR(chat.render("Hi", false), "messages must be a list, found \"Hi\"");
        EXPECT_ERROR(chat.render(OrderedJson::array(), false), "messages must not be empty");
        EXPECT_ERROR(chat.render({"Hi"}, false), "each message must be an object, found \"Hi\"");
    }
};

QTEST_APPLESS_MAIN(TestChatTemplate)
#include "tst_chat_template.moc"
