#include <QTest>

#include "tests/text/mini_tokenizer.h"

using namespace prefbench::text;
using prefbench::files::Json;

namespace {

using Ids = std::vector<TokenId>;

std::shared_ptr<const Tokenizer> mini() {
    return TokenizerFolder(miniTokenizer(), Json{{"eos_token", "</s>"}}).load();
}

}  // namespace

class TestTokenizedPairs : public QObject {
    Q_OBJECT

  private slots:
    void completionsFollowThePrompt() {
        const TokenizedCompletions pair = tokenizeCompletions(*mini(), "d", {"ab", "c"}, true);
        QCOMPARE(pair.prompt, (Ids{1, 6}));
        QCOMPARE(pair.completions, (std::vector<Ids>{{9, 2}, {5, 2}}));
    }

    /// "e" and " " merge: the end of the prompt belongs to all completions then.
    void aMergeOverTheBoundaryShortensThePromptOfAll() {
        const TokenizedCompletions ranking = tokenizeCompletions(*mini(), "de", {"c", " a", "b"}, false);
        QCOMPARE(ranking.prompt, (Ids{1, 6}));
        QCOMPARE(ranking.completions, (std::vector<Ids>{{7, 5}, {11, 3}, {7, 4}}));
        const TokenizedCompletion one = tokenizeCompletion(*mini(), "de", " a", false);
        QCOMPARE(one.prompt, (Ids{1, 6}));
        QCOMPARE(one.completion, (Ids{11, 3}));
    }

    void eosIsNotDoubled() {
        QCOMPARE(tokenizeCompletion(*mini(), "a", "c</s>", true).completion, (Ids{5, 2}));
        QCOMPARE(tokenizeCompletion(*mini(), "a", "c</s> ", true).completion, (Ids{5, 2, 8, 2}));
        QCOMPARE(tokenizeCompletion(*mini(), "a", "", true).completion, Ids{2});
        QCOMPARE(tokenizeCompletion(*mini(), "a", "", false).completion, Ids{});
    }

    void noEosWhereTheTokenizerKnowsNone() {
        const auto tokenizer = TokenizerFolder(miniTokenizer()).load();
        QCOMPARE(tokenizeCompletion(*tokenizer, "a", "c", true).completion, Ids{5});
    }

    void anEosThatNoTextStandsForIsAddedAsAnId() {
        Json json = miniTokenizer();
        json["added_tokens"] = Json::array();
        const auto tokenizer = TokenizerFolder(json, Json{{"eos_token", "</s>"}}).load();
        QCOMPARE(tokenizeCompletion(*tokenizer, "a", "c", true).completion, (Ids{5, 2}));
    }

    void emptyPrompt() {
        const TokenizedCompletions pair = tokenizeCompletions(*mini(), "", {"a", "b"}, true);
        QCOMPARE(pair.prompt, Ids{1});
        QCOMPARE(pair.completions[0], (Ids{3, 2}));
    }
};

QTEST_APPLESS_MAIN(TestTokenizedPairs)
#include "tst_tokenized_pairs.moc"
