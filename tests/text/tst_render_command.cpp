#include <QTemporaryDir>
#include <QTest>

#include "tests/support/engine_process.h"
#include "tests/text/mini_tokenizer.h"

using prefbench::files::Json;

namespace {

EngineOutcome render(const QString& model, const QByteArray& input, const QStringList& more = {}) {
    return runEngine(QStringList{"render", "--model", model} + more, input);
}

}  // namespace

class TestRenderCommand : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;

    void writeTemplate(const std::string& source) {
        const Json config = {{"bos_token", "<s>"}, {"chat_template", source}};
        prefbench::files::writeAtomically(dir_.path().toStdString() + "/tokenizer_config.json", config.dump());
    }

  private slots:
    void answersEachLine() {
        writeTemplate(
            "{{ bos_token }}{% for m in messages %}\n{% if m.role == 'critic' %}{{ raise_exception('no critics') }}{% "
            "endif %}"
            "{{ m.content }};{% endfor %}{% if add_generation_prompt %}>{% endif %}{{ tools | tojson if tools }}");
        const EngineOutcome outcome =
            render(dir_.path(),
                   R"({"messages":[{"role":"user","content":"ä"},{"role":"assistant","content":"b"}]})"
                   "\n"
                   R"({"messages":[{"role":"user","content":"a"}],"add_generation_prompt":true,"tools":[{"n":1}]})"
                   "\n"
                   R"({"messages":[{"role":"critic","content":"a"}]})"
                   "\nnonsense\n{}\n"
                   R"({"messages":"a"})"
                   "\n"
                   R"({"messages":[{"role":"user","content":"last"}]})"
                   "\n");
        QCOMPARE(outcome.status, 1);
        QCOMPARE(outcome.lines.size(), std::size_t(7));
        QCOMPARE(outcome.lines[0]["text"].get<std::string>(), std::string("<s>ä;b;"));
        QCOMPARE(outcome.lines[1]["text"].get<std::string>(), std::string("<s>a;>[{\"n\": 1}]"));
        QVERIFY(outcome.error(2).startsWith("line 3: "));
        QVERIFY(outcome.error(2).endsWith("chat_template, line 2: no critics"));
        QVERIFY(outcome.error(3).startsWith("line 4: not valid JSON"));
        QCOMPARE(outcome.error(4), QString("line 5: \"messages\" is missing"));
        QVERIFY(outcome.error(5).endsWith("messages must be a list, found \"a\""));
        QCOMPARE(outcome.lines[6]["text"].get<std::string>(), std::string("<s>last;"));
    }

    /// The template writes the special tokens of a conversation, the tokenizer those of plain text.
    void tokensOnRequest() {
        const TokenizerFolder folder(miniTokenizer(),
                                     Json{{"bos_token", "<s>"},
                                          {"chat_template",
                                           "{{ bos_token }}{% for m in messages %}{{ m.content }}</s>{% endfor %}{% if "
                                           "add_generation_prompt %}d{% endif %}"}});
        const QString model = QString::fromStdString(folder.path().string());
        const QByteArray input = R"({"messages":[{"role":"user","content":"abc\u00e9"}],"add_generation_prompt":true})"
                                 "\n"
                                 R"({"messages":[{"role":"user","content":"e a"}]})"
                                 "\n"
                                 R"({"prompt":"de a"})"
                                 "\n{\"prompt\":7}\n{}\n";
        const EngineOutcome outcome = render(model, input, {"--tokens"});
        QCOMPARE(outcome.status, 1);
        QCOMPARE(outcome.lines.size(), std::size_t(5));
        QVERIFY(outcome.lines[0] ==
                Json::parse(R"({"text": "<s>abc\u00e9</s>d", "ids": [1, 10, 12, 13, 2, 6], "tokens": [
            {"id": 1, "text": "<s>", "special": true}, {"id": 10, "text": "abc"}, {"id": 12, "text": "<0xC3>"},
            {"id": 13, "text": "<0xA9>"}, {"id": 2, "text": "</s>", "special": true}, {"id": 6, "text": "d"}]})"));
        QCOMPARE(outcome.lines[1]["text"].get<std::string>(), std::string("<s>e a</s>"));
        QVERIFY(outcome.lines[1]["ids"] == Json({1, 11, 3, 2}));
        QCOMPARE(outcome.lines[2]["text"].get<std::string>(), std::string("de a"));
        QVERIFY(outcome.lines[2]["ids"] == Json({1, 6, 11, 3}));
        QCOMPARE(outcome.lines[2]["tokens"][2]["text"].get<std::string>(), std::string("e "));
        QCOMPARE(outcome.error(3), QString("line 4: \"prompt\" must be a string, found 7"));
        QCOMPARE(outcome.error(4), QString("line 5: \"prompt\" is missing, and \"messages\" too"));
        // Without the flag nothing is added.
        const EngineOutcome plain = render(model, input.left(input.indexOf('\n') + 1));
        QVERIFY(plain.lines.at(0) == (Json{{"text", "<s>abc\u00e9</s>d"}}));
    }

    /// Plain prompts need no template; a conversation costs its own line.
    void withoutTemplateTokensOfPlainTextAreShown() {
        const TokenizerFolder folder(miniTokenizer());
        const EngineOutcome outcome =
            render(QString::fromStdString(folder.path().string()),
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}\n{\"prompt\":\"a\"}\n", {"--tokens"});
        QCOMPARE(outcome.status, 1);
        QVERIFY2(outcome.error(0).contains("has no chat template"), qPrintable(outcome.error(0)));
        QVERIFY(outcome.lines.at(1)["ids"] == Json({1, 3}));
    }

    void aModelWithoutTemplateIsOneLine() {
        const QTemporaryDir empty;
        const EngineOutcome outcome = render(empty.path(), "{}\n");
        QCOMPARE(outcome.status, 1);
        QVERIFY(outcome.lines.empty());
        QVERIFY(outcome.standardError.contains("the model has no chat template"));
        QCOMPARE(outcome.standardError.count('\n'), 1);
    }
};

QTEST_GUILESS_MAIN(TestRenderCommand)
#include "tst_render_command.moc"
