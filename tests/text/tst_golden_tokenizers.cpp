#include <QFileInfo>
#include <QTest>
#include <vector>

#include "core/files/error.h"
#include "core/files/json.h"
#include "core/text/tokenizer.h"
#include "tests/support/golden_cases.h"

using prefbench::files::Json;
using namespace prefbench::text;

namespace {

using Ids = std::vector<TokenId>;

/// The folders whose tokenizers this version must do; others may be refused by name.
const QStringList required = {"gpt2", "gpt2-1500", "llama3", "llama2"};

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
        golden.check(found[key] == expected[key], QString::fromStdString(name + " " + key),
                     QString::fromStdString(shown(expected[key], found[key])));
    }
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

void runFolder(GoldenCases& golden, const std::shared_ptr<const Tokenizer>& tokenizer, const Json& cases) {
    int number = 0;
    for (const Json& expected : cases["cases"]) {
        checkCase(golden, *tokenizer, expected, "case " + std::to_string(number++));
    }
    number = 0;
    for (const Json& expected : cases["prefix_decode"]) {
        checkPrefixes(golden, tokenizer, expected, "prefix_decode " + std::to_string(number++));
    }
    golden.check(cases["vocab_size"] == tokenizer->vocabularySize(), "vocab_size");
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
        if (!QFileInfo::exists(path + "/tokenizer.json")) {
            golden.skip("cases_model.json", "no tokenizer.json, and tokenizer.model is not read");
        } else {
            const Json cases = prefbench::files::readJsonFile((path + "/cases.json").toStdString());
            std::shared_ptr<const Tokenizer> tokenizer;
            try {
                tokenizer = Tokenizer::load(path.toStdString());
            } catch (const prefbench::Error& error) {
                QVERIFY2(!required.contains(name), error.what());
                golden.skip("cases.json", error.what(), int(cases["cases"].size()));
            }
            if (tokenizer) {
                runFolder(golden, tokenizer, cases);
            }
        }
        QVERIFY(golden.finish());
    }
};

QTEST_APPLESS_MAIN(TestGoldenTokenizers)
#include "tst_golden_tokenizers.moc"
