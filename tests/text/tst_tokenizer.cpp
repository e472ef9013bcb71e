#include <QTest>
#include <thread>

#include "tests/support/expect_error.h"
#include "tests/support/golden_cases.h"
#include "tests/text/mini_tokenizer.h"

using namespace prefbench::text;
using prefbench::files::Json;

namespace {

using Ids = std::vector<TokenId>;

Ids encode(const Json& tokenizer, const std::string& text, bool special = false) {
    return TokenizerFolder(tokenizer).load()->encode(text, special);
}

Json added(const char* content, const Json& settings) {
    Json token = {{"id", 99}, {"content", content}, {"special", false}, {"normalized", false}};
    token.update(settings);
    return token;
}

Ids encodeWith(const Json& addedToken, const std::string& text) {
    Json tokenizer = miniTokenizer();
    tokenizer["added_tokens"].push_back(addedToken);
    return encode(tokenizer, text);
}

}  // namespace

class TestTokenizer : public QObject {
    Q_OBJECT

  private slots:
    void mergesByRankThenPosition() {
        QCOMPARE(encode(miniTokenizer(), "abc"), Ids{10});
        QCOMPARE(encode(miniTokenizer(), "aab"), (Ids{3, 9}));
        QCOMPARE(encode(miniTokenizer(), "aaaaa"), (Ids{15, 3}));
        QCOMPARE(encode(miniTokenizer(), ""), Ids{});
    }

    void longWordsDoNotTakeQuadraticTime() {
        const Ids ids = encode(miniTokenizer(), std::string(1 << 20, 'a'));
        QCOMPARE(ids.size(), size_t(1 << 18));
        QVERIFY(std::all_of(ids.begin(), ids.end(), [](TokenId id) { return id == 15; }));
    }

    void bytesThenUnknownForStrangeCharacters() {
        QCOMPARE(encode(miniTokenizer(), "aé"), (Ids{3, 12, 13}));
        QCOMPARE(encode(miniTokenizer(), "aöüd"), (Ids{3, 0, 6}));
        Json apart = miniTokenizer();
        apart["model"]["fuse_unk"] = false;
        QCOMPARE(encode(apart, "aöüd"), (Ids{3, 0, 0, 6}));
        Json none = miniTokenizer();
        none["model"]["unk_token"] = nullptr;
        QCOMPARE(encode(none, "aöüd"), (Ids{3, 6}));
        QCOMPARE(encode(none, std::string("a\0d", 3)), (Ids{3, 6}));
    }

    void ignoreMergesTakesWholeWords() {
        Json tokenizer = miniTokenizer();
        tokenizer["model"]["merges"] = Json::array();
        QCOMPARE(encode(tokenizer, "abc"), (Ids{3, 4, 5}));
        tokenizer["model"]["ignore_merges"] = true;
        QCOMPARE(encode(tokenizer, "abc"), Ids{10});
    }

    void mergesAsStrings() {
        Json tokenizer = miniTokenizer();
        tokenizer["model"]["merges"] = {"a b", "ab c"};
        QCOMPARE(encode(tokenizer, "abc"), Ids{10});
    }

    void specialTokensOnRequestAndInText() {
        QCOMPARE(encode(miniTokenizer(), "a", true), (Ids{1, 3}));
        QCOMPARE(encode(miniTokenizer(), "", true), Ids{1});
        QCOMPARE(encode(miniTokenizer(), "a</s>b<s", true), (Ids{1, 3, 2, 4, 0}));
    }

    /// Expected ids are those of the `tokenizers` library 0.23.
    void addedTokensStripAndStandAlone() {
        QCOMPARE(encodeWith(added("[x]", Json::object()), "a [x] b"), (Ids{3, 8, 16, 8, 4}));
        QCOMPARE(encodeWith(added("[x]", {{"lstrip", true}}), "a  [x] b"), (Ids{3, 16, 8, 4}));
        QCOMPARE(encodeWith(added("[x]", {{"rstrip", true}}), "a [x]  b"), (Ids{3, 8, 16, 4}));
        QCOMPARE(encodeWith(added("[x]", {{"lstrip", true}, {"rstrip", true}}), "[x] [x]"), (Ids{16, 16}));
        QCOMPARE(encodeWith(added("c", {{"single_word", true}}), "c ac ca c"), (Ids{5, 8, 3, 5, 8, 5, 3, 8, 5}));
        QCOMPARE(encodeWith(added("abcd", Json::object()), "abcabcd"), (Ids{10, 16}));
    }

    void normalizedAddedTokensAreFoundAfterNormalization() {
        Json tokenizer = miniTokenizer();
        tokenizer["normalizer"] = {{"type", "Replace"}, {"pattern", {{"String", "d"}}}, {"content", "e"}};
        tokenizer["added_tokens"].push_back(added("[d]", {{"normalized", true}}));
        QCOMPARE(encode(tokenizer, "[e]d"), (Ids{16, 7}));
        tokenizer["added_tokens"].back()["normalized"] = false;
        QCOMPARE(encode(tokenizer, "[d]d"), (Ids{16, 7}));
        QCOMPARE(encode(tokenizer, "[e]d"), (Ids{0, 7, 0, 7}));
    }

    void vocabularyAndSpellings() {
        Json json = miniTokenizer();
        json["added_tokens"].push_back(added("[x]", Json::object()));
        const TokenizerFolder folder(json);
        const auto tokenizer = folder.load();
        QCOMPARE(tokenizer->vocabularySize(), std::int64_t(17));
        QCOMPARE(tokenizer->token(16), std::string("[x]"));
        QCOMPARE(tokenizer->token(12), std::string("<0xC3>"));
        for (const TokenId id : {TokenId(17), TokenId(-1), TokenId(1) << 40}) {
            EXPECT_ERROR(tokenizer->token(id), "token id " + std::to_string(id) + " is not in the vocabulary of 17");
        }
    }

    void decodes() {
        const auto tokenizer = TokenizerFolder(miniTokenizer()).load();
        const auto decode = [&](const Ids& ids, bool skip) { return tokenizer->decode(ids, skip); };
        QCOMPARE(decode({}, true), std::string());
        QCOMPARE(decode({1, 10, 12, 13, 2}, false), std::string("<s>abcé</s>"));
        QCOMPARE(decode({1, 10, 12, 13, 2}, true), std::string("abcé"));
        QCOMPARE(decode({12, 3}, true), std::string("\uFFFDa"));
        QCOMPARE(decode({12, 13, 13}, true), std::string("\uFFFD\uFFFD\uFFFD"));
        QCOMPARE(decode({3, 999, -5, 4}, true), std::string("ab"));
    }

    void streamsGiveOutOnlyWhatIsSettled() {
        StreamDecoder stream(TokenizerFolder(miniTokenizer()).load());
        QCOMPARE(stream.push(1), std::string());
        QCOMPARE(stream.push(10), std::string("abc"));
        QCOMPARE(stream.push(12), std::string());
        // One more byte may still turn the whole run into U+FFFD.
        QCOMPARE(stream.push(13), std::string());
        QCOMPARE(stream.push(999), std::string());
        QCOMPARE(stream.push(3), std::string("éa"));
        QCOMPARE(stream.push(12), std::string());
        QCOMPARE(stream.finish(), std::string("\uFFFD"));
    }

    void byteLevelStreamsNeverSplitACharacter() {
        Json json = miniTokenizer();
        json["pre_tokenizer"] = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}};
        json["decoder"] = {{"type", "ByteLevel"}};
        json["model"]["vocab"]["Ã"] = 16;
        json["model"]["vocab"]["©"] = 17;
        StreamDecoder stream(TokenizerFolder(json).load(), false);
        QCOMPARE(stream.push(16), std::string());
        QCOMPARE(stream.push(17), std::string("é"));
        QCOMPARE(stream.push(16), std::string());
        QCOMPARE(stream.push(3), std::string("\uFFFDa"));
        QCOMPARE(stream.push(2), std::string("</s>"));
        QCOMPARE(stream.push(16), std::string());
        QCOMPARE(stream.finish(), std::string("\uFFFD"));
    }

    void endTokensFromTheConfig() {
        const Json plain = {{"bos_token", "<s>"}, {"eos_token", {{"content", "</s>"}, {"lstrip", false}}}};
        const auto tokenizer = TokenizerFolder(miniTokenizer(), plain).load();
        QCOMPARE(tokenizer->bosId(), std::optional<TokenId>(1));
        QCOMPARE(tokenizer->eosId(), std::optional<TokenId>(2));
        const auto none =
            TokenizerFolder(miniTokenizer(), Json{{"bos_token", nullptr}, {"eos_token", "[gone]"}}).load();
        QVERIFY(!none->bosId() && !none->eosId());
        QVERIFY(!TokenizerFolder(miniTokenizer()).load()->eosId());
        EXPECT_ERROR(TokenizerFolder(miniTokenizer(), Json{{"eos_token", 2}}).load(), "eos_token must be a string");
        EXPECT_ERROR(TokenizerFolder(miniTokenizer(), Json::array()).load(),
                     "tokenizer_config.json: expected an object");
    }

    /// Expected ids are those of the `tokenizers` library 0.23.
    void unigramTakesTheMostProbablePieces() {
        Json json = miniTokenizer();
        json["added_tokens"] = Json::array();
        json["model"] = {{"type", "Unigram"}, {"unk_id", 0}};
        json["model"]["vocab"] = Json::parse(
            R"([["<unk>",0.0],["a",0.0],["b",0.0],["c",0.0],["d",0.0],["cd",1.0],["ab",2.0],["abc",5.0],["abcd",10.0]])");
        QCOMPARE(encode(json, "abcdacdxx"), (Ids{8, 1, 5, 0}));
        json["model"]["unk_id"] = nullptr;
        QCOMPARE(encode(json, "abcd"), Ids{8});
        EXPECT_ERROR(encode(json, "ax"), "unk_id is null");
        json["model"]["unk_id"] = 9;
        EXPECT_ERROR(encode(json, "a"), "unk_id 9 is not in the vocabulary of 9");
        json["model"]["vocab"][1] = {"a", "0"};
        EXPECT_ERROR(encode(json, "a"), "expected a piece and its score");
    }

    void wordLevelTakesWholeWords() {
        Json json = miniTokenizer();
        json["pre_tokenizer"] = {{"type", "Whitespace"}};
        json["model"]["type"] = "WordLevel";
        QCOMPARE(encode(json, "abc  a zz."), (Ids{10, 3, 0, 0}));
        json["model"]["unk_token"] = "[none]";
        EXPECT_ERROR(encode(json, "zz"), "unk_token \"[none]\"");
    }

    void metaspaceKeepsSpaces() {
        Json json = miniTokenizer();
        json["model"]["vocab"]["_"] = 16;
        json["model"]["vocab"]["_a"] = 17;
        json["model"]["merges"].push_back({"_", "a"});
        json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}};
        json["decoder"] = json["pre_tokenizer"];
        QCOMPARE(encode(json, "a a  b"), (Ids{17, 17, 16, 16, 4}));
        QCOMPARE(encode(json, "</s>a"), (Ids{2, 3}));
        QCOMPARE(TokenizerFolder(json).load()->decode(Ids{17, 17, 16, 4}, false), std::string("a a b"));
        json["pre_tokenizer"]["prepend_scheme"] = "always";
        QCOMPARE(encode(json, "</s>a"), (Ids{2, 17}));
        json["pre_tokenizer"]["prepend_scheme"] = "never";
        QCOMPARE(encode(json, "a"), Ids{3});
        json["pre_tokenizer"]["prepend_scheme"] = "last";
        EXPECT_ERROR(encode(json, "a"), "prepend_scheme \"last\" is not supported");
    }

    void normalizers() {
        const auto after = [](const Json& normalizer, const std::string& text) {
            Json json = miniTokenizer();
            json["normalizer"] = normalizer;
            return encode(json, text);
        };
        QCOMPARE(after({{"type", "NFKC"}}, "\uFF41\uFF42"), Ids{9});
        QCOMPARE(after({{"type", "NFC"}}, "ae\u0301"), (Ids{3, 12, 13}));
        QCOMPARE(after({{"type", "Lowercase"}}, "AB"), Ids{9});
        QCOMPARE(after({{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}}, "  a "), (Ids{3, 8}));
    }

    /// Nothing that a damaged map says may lead outside its bytes.
    void damagedCharacterMaps_data() {
        QTest::addColumn<QByteArray>("charsmap");
        QTest::addColumn<QString>("part");
        QTest::newRow("no base 64") << QByteArray("?") << "is not base 64";
        QTest::newRow("empty") << QByteArray("") << "shorter than its header";
        QTest::newRow("size") << QByteArray("\xff\xff\xff\x7f????", 8).toBase64() << "does not fit";
        QTest::newRow("outside") << QByteArray("\x04\0\0\0\xff\xff\xff\x7f\0", 9).toBase64() << "leads outside";
        QTest::newRow("no end") << QByteArray("\x04\0\0\0\0\0\0\0x", 9).toBase64() << "zero byte";
    }
    void damagedCharacterMaps() {
        QFETCH(QByteArray, charsmap);
        QFETCH(QString, part);
        Json json = miniTokenizer();
        json["normalizer"] = {{"type", "Precompiled"}, {"precompiled_charsmap", charsmap.toStdString()}};
        EXPECT_ERROR(TokenizerFolder(json).load(), part.toStdString());
    }

    /// The library trusts its file: whatever a damaged one holds is an Error or a tokenizer, never a crash.
    void damagedSentencePieceModels() {
        const std::filesystem::path golden =
            GoldenCases::root().filePath("tokenizers/sp-unigram-nmt-nfkc/tokenizer.model").toStdString();
        const std::string whole = prefbench::files::readFile(golden);
        QTemporaryDir dir;
        const std::filesystem::path file = std::filesystem::path(dir.path().toStdString()) / "tokenizer.model";
        const auto load = [&](const std::string& bytes) {
            prefbench::files::writeAtomically(file, bytes);
            return Tokenizer::load(file.parent_path());
        };
        QVERIFY(!load(whole)->encode("a b", true).empty());
        EXPECT_ERROR(load(""), "0 are of type unknown");
        EXPECT_ERROR(load(whole.substr(0, 100)), "is cut off");
        const std::string longPiece = "\n\x83\x80\x08\n\xff\xff\x07" + std::string(131071, 'x');
        EXPECT_ERROR(load(longPiece), "131071 bytes long, at most 4096");
        std::uint32_t state = 1;
        for (int i = 0; i < 200; ++i) {
            std::string damaged = whole;
            for (int changes = 0; changes < 20; ++changes) {
                state = state * 1664525 + 1013904223;
                damaged[(state >> 4) % damaged.size()] = static_cast<char>(state >> 24);
            }
            const std::string message = errorOf([&] { load(damaged)->encode("a \uFF21 \u00BD e\u0301", true); });
            QVERIFY2(message.empty() || message.starts_with(file.string()), message.c_str());
        }
    }

    /// Forty steps that each double a text would fill any memory.
    void textsDoNotGrowWithoutBound() {
        const auto forty = [](const char* key, const Json& step) {
            return Json{{"type", "Sequence"}, {key, std::vector<Json>(40, step)}};
        };
        const Json twice = {{"type", "Replace"}, {"pattern", {{"String", "a"}}}, {"content", "aa"}};
        Json normalizer = miniTokenizer();
        normalizer["normalizer"] = forty("normalizers", twice);
        EXPECT_ERROR(encode(normalizer, "a"), "more than 64 times as long");
        normalizer["added_tokens"].push_back(added("a", {{"normalized", true}}));
        EXPECT_ERROR(TokenizerFolder(normalizer).load(), "more than 64 times as long");
        Json preTokenizer = miniTokenizer();
        preTokenizer["pre_tokenizer"] = forty("pretokenizers", {{"type", "ByteLevel"}, {"add_prefix_space", false}});
        EXPECT_ERROR(encode(preTokenizer, "é"), "more than 64 times as long");
        Json decoder = miniTokenizer();
        decoder["decoder"] = forty("decoders", twice);
        EXPECT_ERROR(TokenizerFolder(decoder).load()->decode(Ids{3}, false), "longer than 65536 bytes");
        Json template_ = miniTokenizer();
        template_["post_processor"]["special_tokens"]["<s>"]["ids"] = std::vector<int>(1001, 1);
        EXPECT_ERROR(TokenizerFolder(template_).load(), "more than 1000 special tokens");
        Json steps = miniTokenizer();
        steps["normalizer"] = {{"type", "Sequence"}, {"normalizers", std::vector<Json>(200, {{"type", "NFC"}})}};
        EXPECT_ERROR(TokenizerFolder(steps).load(), "made of 201 steps, at most 200");
    }

    void longTokensAndPiecesAreRefused() {
        Json json = miniTokenizer();
        json["added_tokens"].push_back(added(std::string(4097, 'a').c_str(), Json::object()));
        EXPECT_ERROR(TokenizerFolder(json).load(), "4097 bytes long, at most 4096");
        Json unigram = miniTokenizer();
        const Json pieces = Json::array({Json::array({"<unk>", 0}), Json::array({std::string(4097, 'a'), -1})});
        unigram["model"] = {{"type", "Unigram"}, {"unk_id", 0}, {"vocab", pieces}};
        EXPECT_ERROR(TokenizerFolder(unigram).load(), "a piece of 4097 bytes, at most 4096");
    }

    void aLetterWithManyMarksDoesNotTakeQuadraticTime() {
        std::string text = "e";
        for (int i = 0; i < 100000; ++i) {
            text += "\u0301\u0323";
        }
        for (const char* form : {"NFC", "NFD", "NFKC", "NFKD"}) {
            Json json = miniTokenizer();
            json["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", form}}, {{"type", "Lowercase"}}}}};
            QVERIFY(!encode(json, text).empty());
        }
    }

    void regularExpressionsOfAFileAreBounded() {
        Json json = miniTokenizer();
        const Json split = {
            {"type", "Split"}, {"pattern", {{"Regex", std::string(1500, 'a')}}}, {"behavior", "Removed"}};
        json["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", {split, split, split}}};
        EXPECT_ERROR(TokenizerFolder(json).load(), "regular expressions of 4500 bytes, at most 4096");
    }

    /// Each of the tokens takes the white space around it, which is all there is.
    void strippingDoesNotTakeQuadraticTime() {
        for (const char* flag : {"lstrip", "rstrip"}) {
            QVERIFY(!encodeWith(added(" ", {{flag, true}}), std::string(1 << 18, ' ')).empty());
        }
    }

    void invalidTextIsAnError() { EXPECT_ERROR(encode(miniTokenizer(), "ab\xff"), "not valid UTF-8 at byte 3"); }

    void severalThreadsGetTheSame() {
        const auto tokenizer = TokenizerFolder(miniTokenizer()).load();
        std::vector<std::string> texts;
        for (int i = 0; i < 2000; ++i) {
            std::string text;
            for (int bits = i; bits > 0; bits /= 4) {
                text += "abce"[bits % 4];
            }
            texts.push_back(text);
        }
        std::vector<std::vector<Ids>> results(4, std::vector<Ids>(texts.size()));
        std::vector<std::thread> threads;
        for (auto& result : results) {
            threads.emplace_back([&] {
                for (std::size_t i = 0; i < texts.size(); ++i) {
                    result[i] = tokenizer->encode(texts[i], false);
                }
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        for (std::size_t i = 0; i < texts.size(); ++i) {
            QCOMPARE(tokenizer->decode(results[0][i], false), texts[i]);
            QVERIFY(results[1][i] == results[0][i] && results[2][i] == results[0][i] && results[3][i] == results[0][i]);
        }
    }

    void refusesByName_data() {
        QTest::addColumn<QByteArray>("patch");
        QTest::addColumn<QString>("part");
        const auto row = [](const char* name, const char* patch, const char* part) {
            QTest::newRow(name) << QByteArray(patch) << part;
        };
        row("version", R"({"version":"2.0"})", "version \"2.0\"");
        row("model type", R"({"model":{"type":"WordPiece"}})", "model: \"WordPiece\" is not supported");
        row("no model", R"({"model":null})", "model");
        row("normalizer", R"({"normalizer":{"type":"Nmt"}})", "normalizer: \"Nmt\" is not supported");
        row("in a sequence", R"({"normalizer":{"type":"Sequence","normalizers":[{"type":"StripAccents"}]}})",
            "StripAccents");
        row("pre-tokenizer", R"({"pre_tokenizer":{"type":"BertPreTokenizer"}})", "pre_tokenizer: \"BertPreTokenizer\"");
        row("post-processor", R"({"post_processor":{"type":"BertProcessing"}})", "post_processor: \"BertProcessing\"");
        row("decoder", R"({"decoder":{"type":"WordPiece"}})", "decoder: \"WordPiece\"");
        row("no type", R"({"decoder":{"type":null}})", "decoder: type is missing");
        row("dropout", R"({"model":{"dropout":0.1}})", "dropout is not supported");
        row("suffix", R"({"model":{"end_of_word_suffix":"</w>"}})", "end_of_word_suffix is not supported");
        row("merge outside", R"({"model":{"merges":[["a","zz"]]}})", "merges names \"zz\"");
        row("merged outside", R"({"model":{"merges":[["a","c"]]}})", "merges names \"ac\"");
        row("merge of three", R"({"model":{"merges":["a b c"]}})", "expected two tokens");
        row("same id", R"({"model":{"vocab":{"zz":3}}})", "have the same id 3");
        row("negative id", R"({"model":{"vocab":{"zz":-3}}})", "whole number");
        row("unknown token", R"({"model":{"unk_token":"[?]"}})", "unk_token \"[?]\"");
        row("flag", R"({"model":{"byte_fallback":"yes"}})", "byte_fallback must be true or false");
        row("template", R"({"post_processor":{"single":[{"SpecialToken":{"id":"[no]"}}]}})", "[no] is missing");
        row("template's id", R"({"post_processor":{"special_tokens":{"<s>":{"ids":[2147483648]}}}})", "below 2^31");
        row("added tokens", R"({"added_tokens":{}})", "added_tokens: expected an array");
    }
    void refusesByName() {
        QFETCH(QByteArray, patch);
        QFETCH(QString, part);
        Json json = miniTokenizer();
        json.merge_patch(prefbench::files::parseJson(patch.toStdString(), "patch"));
        const TokenizerFolder folder(json);
        EXPECT_ERROR(folder.load(), part.toStdString());
        EXPECT_ERROR(folder.load(), (folder.path() / "tokenizer.json").string() + ": ");
    }

    void metaspaceFirstNeedsToKnowWhereTheTextBegins() {
        Json json = miniTokenizer();
        json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"prepend_scheme", "first"}};
        const Json strip = {{"type", "Strip"}, {"strip_left", true}, {"strip_right", false}};
        json["normalizer"] = strip;
        TokenizerFolder(json).load();
        // NFKC makes several characters of one, so that the second may still begin the text after the first was taken.
        json["normalizer"] = {{"type", "Sequence"}, {"normalizers", {{{"type", "NFKC"}}, strip}}};
        EXPECT_ERROR(TokenizerFolder(json).load(), "prepend_scheme \"first\" is not supported after a normalizer");
        json["pre_tokenizer"]["prepend_scheme"] = "always";
        TokenizerFolder(json).load();
    }

    void missingAndBrokenFiles() {
        QTemporaryDir dir;
        const std::filesystem::path folder = dir.path().toStdString();
        EXPECT_ERROR(Tokenizer::load(folder), "tokenizer.json is missing, and tokenizer.model too");
        prefbench::files::writeAtomically(folder / "tokenizer.json", "{\"model\":{\"type\":\"BPE\"");
        EXPECT_ERROR(Tokenizer::load(folder), "tokenizer.json: not valid JSON");
        prefbench::files::writeAtomically(folder / "tokenizer.json", "[]");
        EXPECT_ERROR(Tokenizer::loadFile(folder / "tokenizer.json"), "model is missing");
    }
};

QTEST_APPLESS_MAIN(TestTokenizer)
#include "tst_tokenizer.moc"
