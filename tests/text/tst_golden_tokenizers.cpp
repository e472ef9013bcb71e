#include <QFileInfo>
#include <QTest>
#include <vector>

#include "core/files/json.h"
#include "core/text/tokenizer.h"
#include "core/text/utf8.h"
#include "tests/support/golden_cases.h"

using prefbench::files::Json;
using namespace prefbench::text;

namespace {

using Ids = std::vector<TokenId>;

std::string shown(const Json& expected, const Json& found) {
    return "expected " + expected.dump() + ", found " + found.dump();
}

void checkCase(GoldenCases& golden, const Tokenizer& tokenizer, const Json& expected, const std::string& name) {
    const Ids ids = tokenizer.encode(expected["text"].get<std::string>(), expected["add_special_tokens"].get<bool>());
    std::vector<std::string> tokens;
    for (const TokenId id : ids) {
        tokens.push_back(tokenizer.token(id));
    }
    const Json found = {{"ids", ids},
                        {"tokens", tokens},
                        {"decoded", tokenizer.decode(ids, false)},
                        {"decoded_skip_special", tokenizer.decode(ids, true)}};
    for (const char* key : {"ids", "tokens", "decoded", "decoded_skip_special"}) {
        // SentencePiece itself does not skip special tokens.
        if (expected.contains(key)) {
            golden.check(found[key] == expected[key], QString::fromStdString(name + " " + key),
                         QString::fromStdString(shown(expected[key], found[key])));
        }
    }
}

/// What a stream gives out is whole characters, and together what decode() gives.
void checkStream(GoldenCases& golden, const std::shared_ptr<const Tokenizer>& tokenizer, const Json& expected,
                 const std::string& name) {
    const Ids ids = expected["ids"].get<Ids>();
    StreamDecoder stream(tokenizer, false);
    std::string streamed;
    bool whole = true;
    for (const TokenId id : ids) {
        const std::string text = stream.push(id);
        whole = whole && validUtf8Length(text) == text.size();
        streamed += text;
    }
    streamed += stream.finish();
    golden.check(whole, QString::fromStdString(name + " stream of whole characters"));
    golden.check(expected["decoded"] == streamed, QString::fromStdString(name + " streamed"),
                 QString::fromStdString(shown(expected["decoded"], streamed)));
}

/// decode() of every prefix, and a stream whose texts never take anything back.
void checkPrefixes(GoldenCases& golden, const std::shared_ptr<const Tokenizer>& tokenizer, const Json& expected,
                   const std::string& name) {
    const Ids ids = expected["ids"].get<Ids>();
    const Json& prefixes = expected["decoded_prefixes"];
    StreamDecoder stream(tokenizer);
    std::string streamed;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const std::string decoded = tokenizer->decode(std::span(ids).first(i + 1), true);
        golden.check(prefixes[i] == decoded, QString::fromStdString(name + " prefix " + std::to_string(i + 1)),
                     QString::fromStdString(shown(prefixes[i], decoded)));
        streamed += stream.push(ids[i]);
        for (std::size_t later = i; later < ids.size(); ++later) {
            const std::string text = prefixes[later].get<std::string>();
            golden.check(text.starts_with(streamed), QString::fromStdString(name + " stream"),
                         QString::fromStdString(shown(text, streamed)));
        }
    }
    streamed += stream.finish();
    golden.check(streamed == tokenizer->decode(ids, true), QString::fromStdString(name + " end of stream"));
}

void runCases(GoldenCases& golden, const std::shared_ptr<const Tokenizer>& tokenizer, const QString& file) {
    const Json cases = prefbench::files::readJsonFile(file.toStdString());
    const std::string prefix = QFileInfo(file).fileName().toStdString() + " ";
    int number = 0;
    for (const Json& expected : cases["cases"]) {
        const std::string name = prefix + "case " + std::to_string(number++);
        checkCase(golden, *tokenizer, expected, name);
        checkStream(golden, tokenizer, expected, name);
    }
    number = 0;
    for (const Json& expected : cases.value("prefix_decode", Json::array())) {
        checkPrefixes(golden, tokenizer, expected, prefix + "prefix_decode " + std::to_string(number++));
    }
    golden.check(cases["vocab_size"] == tokenizer->vocabularySize(), QString::fromStdString(prefix + "vocab_size"));
}

}  // namespace

class TestGoldenTokenizers : public QObject {
    Q_OBJECT

  private slots:
    void folders_data() {
        QTest::addColumn<QString>("path");
        for (const QString& path : GoldenCases::folders("tokenizers")) {
            QTest::newRow(qPrintable(QFileInfo(path).fileName())) << path;
        }
    }

    void folders() {
        QFETCH(QString, path);
        const QString name = QFileInfo(path).fileName();
        GoldenCases golden("tokenizers/" + name);
        const std::pair<const char*, const char*> kinds[] = {{"cases.json", "tokenizer.json"},
                                                             {"cases_model.json", "tokenizer.model"}};
        for (const auto& [cases, file] : kinds) {
            const QString casesFile = path + "/" + cases;
            if (QFileInfo::exists(casesFile)) {
                const std::string tokenizer = (path + "/" + file).toStdString();
                runCases(golden, Tokenizer::loadFile(tokenizer), casesFile);
            }
        }
        QVERIFY(golden.finish());
    }
};

QTEST_APPLESS_MAIN(TestGoldenTokenizers)
#include "tst_golden_tokenizers.moc"
