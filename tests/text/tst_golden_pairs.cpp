#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>
#include <filesystem>

#include "core/files/durable_file.h"
#include "core/files/error.h"
#include "core/files/json_lines.h"
#include "core/text/conversation.h"
#include "tests/support/golden_cases.h"

using prefbench::files::Json;
using prefbench::files::OrderedJson;
using namespace prefbench::text;

namespace {

using Ids = std::vector<TokenId>;

std::vector<OrderedJson> readRows(const std::string& file) {
    std::vector<OrderedJson> rows;
    prefbench::files::readJsonLinesFile(
        file, [&](std::int64_t, OrderedJson row) { rows.push_back(std::move(row)); },
        [](const prefbench::files::BadLine& bad) { QFAIL(bad.reason.c_str()); });
    return rows;
}

Ids joined(Ids first, const Ids& second) {
    first.insert(first.end(), second.begin(), second.end());
    return first;
}

TokenizedCompletions pairOf(const Conversations& conversations, const OrderedJson& row) {
    if (row["prompt"].is_array()) {
        return conversations.tokenizeCompletions(row["prompt"], {row["chosen"], row["rejected"]});
    }
    const std::string prompt = row["prompt"], chosen = row["chosen"], rejected = row["rejected"];
    return tokenizeCompletions(conversations.tokenizer(), prompt, {chosen, rejected}, true);
}

TokenizedCompletion demonstrationOf(const Conversations& conversations, const OrderedJson& row) {
    const OrderedJson& answer = row.contains("completion") ? row["completion"] : row["chosen"];
    if (row["prompt"].is_array()) {
        return conversations.tokenizeCompletion(row["prompt"], answer);
    }
    const std::string prompt = row["prompt"], completion = answer;
    return tokenizeCompletion(conversations.tokenizer(), prompt, completion, true);
}

/// What TRL made of one row.
Json tokenized(const Conversations& conversations, const OrderedJson& row, bool isSft) {
    if (!isSft) {
        const TokenizedCompletions pair = pairOf(conversations, row);
        return {
            {"prompt_ids", pair.prompt}, {"chosen_ids", pair.completions[0]}, {"rejected_ids", pair.completions[1]}};
    }
    const TokenizedCompletion one = demonstrationOf(conversations, row);
    return {{"input_ids", joined(one.prompt, one.completion)},
            {"labels", joined(Ids(one.prompt.size(), -100), one.completion)}};
}

/// The model's template, or the one that the run was given.
Conversations conversationsOf(const QString& model, const Json& expected,
                              const std::shared_ptr<const Tokenizer>& tokenizer) {
    const Json given = expected.value("chat_template", Json());
    if (!given.is_string()) {
        return Conversations::load(model.toStdString(), tokenizer);
    }
    const QTemporaryDir folder;
    const std::filesystem::path path = folder.path().toStdString();
    std::filesystem::copy(model.toStdString() + "/tokenizer_config.json", path);
    prefbench::files::writeAtomically(path / "chat_template.jinja", given.get<std::string>());
    return Conversations::load(path, tokenizer);
}

/// TRL drops pairs whose prompt alone fills max_length, for nothing of the completion would be kept.
bool isDropped(const Json& row, const Json& expected) {
    const Json& settings = expected["effective_defaults"];
    return row.contains("prompt_ids") && settings["truncation_mode"] == "keep_start" &&
           settings["max_length"].is_number() && row["prompt_ids"].size() >= settings["max_length"].get<std::size_t>();
}

void runFolder(GoldenCases& golden, const QString& path, const Json& expected, const Conversations& conversations) {
    const bool isSft = expected["kind"] == "sft";
    std::vector<Json> found;
    for (const OrderedJson& row : readRows((path + "/data.jsonl").toStdString())) {
        Json ids = tokenized(conversations, row, isSft);
        if (!isDropped(ids, expected)) {
            found.push_back(std::move(ids));
        }
    }
    const Json& rows = expected["tokenised"];
    golden.check(found.size() == rows.size(), "rows kept",
                 QString("expected %1, found %2").arg(rows.size()).arg(found.size()));
    for (std::size_t i = 0; i < std::min(found.size(), rows.size()); ++i) {
        bool same = true;
        for (const auto& [key, ids] : found[i].items()) {
            same = same && (!rows[i].contains(key) || rows[i][key] == ids);
        }
        golden.check(same, QString("row %1").arg(i + 1), QString::fromStdString(found[i].dump()));
    }
}

}  // namespace

class TestGoldenPairs : public QObject {
    Q_OBJECT

  private slots:
    void folders_data() {
        QTest::addColumn<QString>("path");
        for (const QString& path : GoldenCases::folders("trajectories")) {
            QTest::newRow(qPrintable(QFileInfo(path).fileName())) << path;
        }
    }

    void folders() {
        QFETCH(QString, path);
        const QString name = QFileInfo(path).fileName();
        GoldenCases golden("trajectories/" + name);
        const Json expected = prefbench::files::readJsonFile((path + "/expected.json").toStdString());
        if (!expected.contains("effective_defaults")) {
            QSKIP("a run of the original loop, which tokenises prompt and answer apart");
        }
        golden.guard("tokenised", [&] {
            const QString model = path + "/" + QString::fromStdString(expected["model"].get<std::string>());
            runFolder(golden, path, expected, conversationsOf(model, expected, Tokenizer::load(model.toStdString())));
        });
        QVERIFY(golden.finish());
    }
};

QTEST_APPLESS_MAIN(TestGoldenPairs)
#include "tst_golden_pairs.moc"
