#include <QTest>

#include "core/text/conversation.h"
#include "core/text/shown_tokens.h"
#include "tests/support/chat_model.h"
#include "tests/support/expect_error.h"
#include "tests/text/mini_tokenizer.h"

using namespace prefbench::text;
using prefbench::files::Json;
using prefbench::files::OrderedJson;

namespace {

using Ids = std::vector<TokenId>;

OrderedJson message(const char* role, const char* content) {
    return {{"role", role}, {"content", content}};
}

/// The mini tokenizer with a template; it would add <s> to plain text.
Conversations mini(const std::string& source) {
    const auto tokenizer = TokenizerFolder(miniTokenizer(), Json{{"eos_token", "</s>"}}).load();
    return {tokenizer, ChatTemplate(source, {{"eos_token", "</s>"}})};
}

const std::string kEachEnds =
    "{% for m in messages %}{{ m.content }}</s>{% endfor %}{% if add_generation_prompt %}d{% endif %}";

std::vector<std::string> texts(const std::vector<ShownToken>& tokens) {
    std::vector<std::string> texts;
    for (const ShownToken& token : tokens) {
        texts.push_back(token.text);
    }
    return texts;
}

}  // namespace

class TestConversation : public QObject {
    Q_OBJECT

  private slots:
    void onlyTheTemplateWritesSpecialTokens() {
        const Conversations chat = mini(kEachEnds);
        const OrderedJson messages = {message("user", "ab"), message("assistant", "c"), message("user", "a")};
        QCOMPARE(chat.promptText(messages), std::string("ab</s>c</s>a</s>d"));
        QCOMPARE(chat.promptIds(messages), (Ids{9, 2, 5, 2, 3, 2, 6}));
    }

    /// Neither an EOS nor a <s> is added; where the template writes "d" before an answer, it is no part of the prompt
    /// that both answers share, for the whole text has none.
    void theCompletionStartsWhereTheTextsDiverge() {
        const TokenizedCompletions pair = mini(kEachEnds).tokenizeCompletions(
            OrderedJson::array({message("user", "ab")}),
            {OrderedJson::array({message("assistant", "c")}), OrderedJson::array({message("assistant", "da")})});
        QCOMPARE(pair.prompt, (Ids{9, 2}));
        QCOMPARE(pair.completions, (std::vector<Ids>{{5, 2}, {6, 3, 2}}));
    }

    void answersMayHaveSeveralMessages() {
        const TokenizedCompletion one = mini(kEachEnds).tokenizeCompletion(
            OrderedJson::array({message("user", "d")}),
            OrderedJson::array({message("assistant", "a"), message("tool", "b"), message("assistant", "c")}));
        QCOMPARE(one.prompt, (Ids{6, 2}));
        QCOMPARE(one.completion, (Ids{3, 2, 4, 2, 5, 2}));
    }

    /// As in TRL's trainers, which always ask for a new answer.
    void anAssistantsMessageAtTheEndIsNotContinued() {
        QCOMPARE(mini(kEachEnds).promptText({message("user", "a"), message("assistant", "b")}),
                 std::string("a</s>b</s>d"));
    }

    void aFolderWithoutTemplateFailsWhenAsked() {
        const TokenizerFolder folder(miniTokenizer());
        const Conversations none = Conversations::load(folder.path(), folder.load());
        QCOMPARE(none.tokenizer().encode("a", false), Ids{3});
        const std::string reason = errorOf([&] { none.promptIds(OrderedJson::array({message("user", "a")})); });
        QVERIFY2(reason.find(folder.path().string() + ": the model has no chat template") == 0, reason.c_str());
        QVERIFY(reason.find('\n') == std::string::npos);
    }

    void whatTheTemplateRaisesIsSaid() {
        const Conversations chat = mini("{{ raise_exception('roles must alternate') }}");
        const std::string reason = errorOf([&] { chat.promptIds(OrderedJson::array({message("user", "a")})); });
        QVERIFY2(reason.ends_with("roles must alternate"), reason.c_str());
    }

    void tokensAreShownAsTheirText() {
        const auto tokenizer = TokenizerFolder(miniTokenizer()).load();
        const Ids ids = tokenizer->encode("<s>e abc\xC3\xA9</s>", false);
        const std::vector<ShownToken> tokens = shownTokens(*tokenizer, ids);
        QCOMPARE(texts(tokens), (std::vector<std::string>{"<s>", "e ", "abc", "<0xC3>", "<0xA9>", "</s>"}));
        QVERIFY(tokens[0].special && !tokens[1].special && tokens[5].special);
        QCOMPARE(tokens[2].id, TokenId(10));
    }

    /// The texts of the tokens put together are the text, but where a character is cut: there its bytes are named.
    void goldenTokenizersShowTheirText_data() {
        QTest::addColumn<QString>("model");
        QTest::addColumn<bool>("addsSpace");
        QTest::newRow("byte level") << "qwen2" << false;
        QTest::newRow("metaspace") << "llama" << true;
    }
    void goldenTokenizersShowTheirText() {
        QFETCH(QString, model);
        QFETCH(bool, addsSpace);
        const auto tokenizer = Tokenizer::load(PREFBENCH_GOLDEN_DEFAULT "/models/" + model.toStdString());
        const std::string text = "The film was  good,\n\tand the cast too. 12";
        std::string shown;
        for (const ShownToken& token : shownTokens(*tokenizer, tokenizer->encode(text, false))) {
            shown += token.text;
        }
        QCOMPARE(shown, (addsSpace ? " " : "") + text);
        const std::string smile = "\xF0\x9F\x98\x80";
        shown.clear();
        for (const ShownToken& token : shownTokens(*tokenizer, tokenizer->encode(smile, false))) {
            shown += token.text;
        }
        QVERIFY2(shown.find("<0x9F>") != std::string::npos && shown.find("\xEF\xBF\xBD") == std::string::npos,
                 shown.c_str());
    }
};

QTEST_APPLESS_MAIN(TestConversation)
#include "tst_conversation.moc"
