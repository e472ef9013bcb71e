#include <QFloat16>
#include <QProcess>
#include <QTest>
#include <cmath>
#include <filesystem>
#include <map>

#include "core/contract/messages.h"
#include "core/files/json.h"
#include "tests/support/chat_model.h"
#include "tests/support/engine_process.h"

using namespace prefbench;
using files::Json;
using Ids = std::vector<std::int64_t>;

namespace {

const QString model = QStringLiteral(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2");
EngineOutcome run(const QStringList& arguments, const std::vector<files::OrderedJson>& input) {
    return runEngine(arguments, jsonLines(input));
}

Json expected() {
    return files::readJsonFile(std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT) / "models/gpt2/expected.json");
}

/// A `serve` that is spoken to line by line.
class Conversation {
  public:
    explicit Conversation(const QString& folder = model) {
        process_.start(engineProgram(), {"serve", "--model", folder, "--threads", "1"});
    }
    void say(const files::OrderedJson& line) { process_.write(QByteArray::fromStdString(files::toLine(line) + "\n")); }
    void end() { process_.closeWriteChannel(); }
    /// The next line; null when none comes.
    Json hear() {
        while (!process_.canReadLine()) {
            if (!process_.waitForReadyRead(60000)) {
                return {};
            }
        }
        return Json::parse(process_.readLine().toStdString());
    }
    /// Lines up to and with the end of request `id`.
    std::vector<Json> hearUntilEnd(std::int64_t id) {
        std::vector<Json> lines;
        while (true) {
            lines.push_back(hear());
            const Json& line = lines.back();
            if (line.is_null() ||
                (line.value("id", -1) == id && (line["event"] == "done" || line["event"] == "error"))) {
                return lines;
            }
        }
    }
    QProcess& process() { return process_; }

  private:
    QProcess process_;
};

}  // namespace

/// The engine's commands as another program calls them.
class TestEngineCommands : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void scoreMatchesTransformers() {
        const Json golden = expected();
        std::vector<files::OrderedJson> input;
        for (const Json& pair : golden["pairs"]) {
            input.push_back({{"prompt_ids", pair["prompt_ids"]}, {"completion_ids", pair["completion_ids"]}});
        }
        const EngineOutcome finished = run({"score", "--model", model, "--threads", "1"}, input);
        QCOMPARE(finished.status, 0);
        QCOMPARE(finished.lines.size(), input.size());
        for (std::size_t i = 0; i < input.size(); ++i) {
            const auto tokens = golden["pairs"][i]["completion_logps_f64"].get<std::vector<double>>();
            const auto found = finished.lines[i]["token_logprobs"].get<std::vector<double>>();
            QCOMPARE(found.size(), tokens.size());
            for (std::size_t t = 0; t < tokens.size(); ++t) {
                QVERIFY(std::abs(found[t] - tokens[t]) < 1e-4);
            }
            const double sum = golden["pairs"][i]["sum_f64"].get<double>();
            QVERIFY(std::abs(finished.lines[i]["logprob"].get<double>() - sum) < 1e-3);
        }
    }

    /// A text is scored as it stands; the end token counts only where it is asked for.
    void scoreOfTexts() {
        const EngineOutcome finished = run({"score", "--model", model, "--threads", "1", "--dtype", "float64"},
                                           {{{"id", "x"}, {"prompt", "The film"}, {"completion", " is good"}},
                                            {{"prompt", "The film"}, {"completion", " is good"}, {"append_eos", true}},
                                            {{"prompt", "The film"}, {"completion", ""}},
                                            {{"prompt", "The film"}},
                                            {{"prompt_ids", {1}}, {"completion_ids", {520}}}});
        QCOMPARE(finished.status, 1);
        QCOMPARE(finished.lines.size(), std::size_t(5));
        const Json &plain = finished.lines[0], &ended = finished.lines[1];
        QCOMPARE(plain["id"].get<std::string>(), std::string("x"));
        QCOMPARE(ended["token_logprobs"].size(), plain["token_logprobs"].size() + 1);
        QVERIFY(ended["logprob"].get<double>() < plain["logprob"].get<double>());
        QCOMPARE(finished.lines[2]["logprob"].get<double>(), 0.0);
        QVERIFY(finished.lines[3]["error"].get<std::string>().find("line 4: \"completion\"") == 0);
        QVERIFY(finished.lines[4]["error"].get<std::string>().find("520") != std::string::npos);
    }

    void greedyMatchesTransformers() {
        const Json golden = expected();
        std::vector<files::OrderedJson> input;
        for (const Json& one : golden["greedy"]) {
            input.push_back({{"id", input.size()}, {"prompt_ids", one["prompt_ids"]}});
        }
        const EngineOutcome finished = run(
            {"generate", "--model", model, "--threads", "1", "--temperature", "0", "--max-new-tokens", "24"}, input);
        QCOMPARE(finished.status, 0);
        QCOMPARE(finished.lines.size(), input.size());
        for (std::size_t i = 0; i < input.size(); ++i) {
            // The golden ids go on after an end token.
            Ids ids = golden["greedy"][i]["with_cache_f32"].get<Ids>();
            ids.erase(std::find(ids.begin(), ids.end(), 519), ids.end());
            QCOMPARE(finished.lines[i]["id"].get<std::size_t>(), i);
            QCOMPARE(finished.lines[i]["ids"].get<Ids>(), ids);
            QVERIFY(!finished.lines[i].contains("sample"));
        }
    }

    void generateAnswersInOrderAndOutlivesBadLines() {
        const EngineOutcome finished = run(
            {"generate", "--model", model, "--threads", "1", "--samples", "3", "--max-new-tokens", "6", "--seed", "4"},
            {{{"id", 1}, {"prompt", "The film"}}, {{"id", 2}}, {{"id", 3}, {"prompt", "A"}}});
        QCOMPARE(finished.status, 1);
        QCOMPARE(finished.lines.size(), std::size_t(7));
        for (std::size_t i = 0; i < 3; ++i) {
            QCOMPARE(finished.lines[i]["id"].get<int>(), 1);
            QCOMPARE(finished.lines[i]["sample"].get<std::size_t>(), i);
            QCOMPARE(finished.lines[i + 4]["id"].get<int>(), 3);
        }
        QVERIFY(finished.lines[3]["error"].get<std::string>().find("line 2") == 0);
        const EngineOutcome again = run(
            {"generate", "--model", model, "--threads", "1", "--samples", "2", "--max-new-tokens", "6", "--seed", "4"},
            {{{"prompt", "A"}}});
        QCOMPARE(again.lines[1]["ids"], finished.lines[5]["ids"]);
    }

    /// A conversation is answered as the text that its template makes of it, without further special tokens.
    void generateTakesConversations() {
        const ChatModel chat;
        const QStringList call = {"generate", "--model", chat.folder(),      "--threads", "1",
                                  "--seed",   "3",       "--max-new-tokens", "5"};
        const files::OrderedJson messages = {{{"role", "system"}, {"content", "Be brief."}},
                                             {{"role", "user"}, {"content", "Hi"}}};
        const EngineOutcome rendered =
            runEngine({"render", "--tokens", "--model", chat.folder()},
                      jsonLines({{{"messages", messages}, {"add_generation_prompt", true}}}));
        const EngineOutcome finished = run(call, {{{"messages", messages}},
                                                  {{"prompt_ids", rendered.lines.at(0)["ids"]}},
                                                  {{"messages", files::OrderedJson::array()}},
                                                  {{"messages", "Hi"}},
                                                  {{"messages", messages}, {"prompt", "Hi"}},
                                                  {{"messages", messages}, {"tools", {"look"}}}});
        QCOMPARE(finished.status, 1);
        QCOMPARE(finished.lines.size(), std::size_t(6));
        QCOMPARE(finished.lines[0]["ids"], finished.lines[1]["ids"]);
        QVERIFY2(finished.error(2).contains("messages must not be empty"), qPrintable(finished.error(2)));
        QCOMPARE(finished.error(3), QString("line 4: \"messages\" must be a list, found \"Hi\""));
        QVERIFY2(finished.error(4).startsWith("line 5: both"), qPrintable(finished.error(4)));
        QVERIFY2(finished.error(5).contains("\"tools\" is not supported"), qPrintable(finished.error(5)));

        const EngineOutcome without = run({"generate", "--model", model, "--max-new-tokens", "2"},
                                          {{{"messages", messages}}, {{"prompt", "Hi"}}});
        QVERIFY2(without.error(0).contains(model + ": the model has no chat template"), qPrintable(without.error(0)));
        QCOMPARE(without.standardError.count('\n'), 1);
        QVERIFY(without.lines.at(1).contains("completion"));
    }

    /// TRL's rule: what follows the prompt in the text of the whole conversation.
    void scoreTakesConversations() {
        const ChatModel chat;
        const files::OrderedJson messages = {{{"role", "user"}, {"content", "Hi"}}};
        const files::OrderedJson line = {{"messages", messages}, {"completion", "Yes."}};
        files::OrderedJson whole = messages, withEos = line;
        whole.push_back({{"role", "assistant"}, {"content", "Yes."}});
        withEos["append_eos"] = true;
        const EngineOutcome rendered =
            runEngine({"render", "--tokens", "--model", chat.folder()},
                      jsonLines({{{"messages", messages}, {"add_generation_prompt", true}}, {{"messages", whole}}}));
        const Ids prompt = rendered.lines.at(0)["ids"], all = rendered.lines.at(1)["ids"];
        QVERIFY(std::equal(prompt.begin(), prompt.end(), all.begin()));
        const Ids completion(all.begin() + std::ptrdiff_t(prompt.size()), all.end());
        const EngineOutcome finished = run({"score", "--model", chat.folder(), "--threads", "1"},
                                           {line, {{"prompt_ids", prompt}, {"completion_ids", completion}}, withEos});
        QCOMPARE(finished.lines[0], finished.lines[1]);
        QCOMPARE(finished.lines[0]["token_logprobs"].size(), completion.size());
        QVERIFY2(finished.error(2).contains("append_eos"), qPrintable(finished.error(2)));
    }

    void serveTakesConversations() {
        const ChatModel chat;
        Conversation engine(chat.folder());
        engine.hear();
        const files::OrderedJson messages = {{{"role", "user"}, {"content", "Hi"}}};
        engine.say({{"id", 1}, {"op", "render"}, {"messages", messages}});
        std::vector<Json> answers = engine.hearUntilEnd(1);
        QCOMPARE(answers.size(), std::size_t(2));
        QCOMPARE(answers[0]["text"].get<std::string>(),
                 std::string("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"));
        QVERIFY(answers[0]["tokens"][0] == (Json{{"id", 553}, {"text", "<|im_start|>"}, {"special", true}}));
        std::string text;
        for (const Json& token : answers[0]["tokens"]) {
            text += token["text"].get<std::string>();
        }
        QCOMPARE(text, answers[0]["text"].get<std::string>());

        engine.say({{"id", 2}, {"op", "render"}, {"prompt", "Hi"}});
        answers = engine.hearUntilEnd(2);
        QCOMPARE(answers[0]["text"].get<std::string>(), std::string("Hi"));
        contract::GenerateRequest request{3, contract::Passage::ofMessages(messages), {}};
        request.settings.maxNewTokens = 2;
        engine.say(toJson(request));
        QCOMPARE(engine.hearUntilEnd(3).back()["event"].get<std::string>(), std::string("done"));
        engine.say({{"id", 4}, {"op", "score"}, {"messages", messages}, {"completion", "Yes."}});
        QVERIFY(engine.hearUntilEnd(4).front()["logprob"].get<double>() < 0);
        engine.say({{"id", 5}, {"op", "render"}});
        QVERIFY(engine.hear()["message"].get<std::string>().find("\"prompt\" is missing") != std::string::npos);
    }

    void wrongCallsAreToldFromFailedWork() {
        QCOMPARE(run({"generate", "--model", model, "--top-p", "0"}, {}).status, 2);
        QCOMPARE(run({"generate"}, {}).status, 2);
        const EngineOutcome missing = run({"generate", "--model", "/no/such/folder"}, {});
        QCOMPARE(missing.status, 1);
        QVERIFY(missing.standardError.contains("/no/such/folder"));
        QCOMPARE(missing.standardError.count('\n'), 1);
        const EngineOutcome device = run({"score", "--model", model, "--device", "tpu"}, {});
        QCOMPARE(device.status, 1);
        QVERIFY(device.standardError.contains("tpu"));
    }

    /// int8 is how tokens are drawn, not how they are scored.
    void int8IsOfDrawing() {
        const QStringList options{"--model", model, "--threads", "1", "--dtype", "int8"};
        const EngineOutcome drawn =
            run(QStringList{"generate", "--max-new-tokens", "4"} + options, {{{"prompt", "The film"}}});
        QCOMPARE(drawn.status, 0);
        QVERIFY(drawn.lines.at(0)["logprob"].get<double>() < 0);
        const EngineOutcome scored = run(QStringList{"score"} + options, {});
        QCOMPARE(scored.status, 1);
        QVERIFY(scored.standardError.contains("int8"));
    }

    /// Several requests at once, tokens before their result; what is drawn equals `generate`'s.
    void serveStreams() {
        Conversation engine;
        const Json ready = engine.hear();
        QCOMPARE(ready["event"].get<std::string>(), std::string("ready"));
        QCOMPARE(ready["vocabulary"].get<int>(), 520);
        contract::GenerateRequest request;
        request.settings.maxNewTokens = 6;
        request.settings.samples = 2;
        request.settings.seed = 4;
        for (const std::int64_t id : {11, 12}) {
            request.id = id;
            request.prompt = id == 11 ? "The film" : "A";
            engine.say(toJson(request));
        }
        engine.end();
        std::map<std::pair<std::int64_t, std::int64_t>, std::string> streamed;
        std::map<std::int64_t, std::vector<Json>> results;
        for (int done = 0; done < 2;) {
            const Json line = engine.hear();
            QVERIFY(!line.is_null());
            const contract::EngineEvent event = contract::eventFromJson(line);
            done += event.kind == contract::EngineEvent::Kind::Done;
            if (event.kind == contract::EngineEvent::Kind::Token) {
                streamed[{event.id, event.sample}] += event.text;
            } else if (event.kind == contract::EngineEvent::Kind::Result) {
                QCOMPARE((streamed[{event.id, event.sample}]), event.text);
                results[event.id].push_back(line);
            }
        }
        QCOMPARE(results[11].size(), std::size_t(2));
        QCOMPARE(results[12].size(), std::size_t(2));
        QVERIFY(engine.process().waitForFinished(10000));  // since its input has ended
        QCOMPARE(engine.process().exitCode(), 0);
        const EngineOutcome alone = run(
            {"generate", "--model", model, "--threads", "1", "--samples", "2", "--max-new-tokens", "6", "--seed", "4"},
            {{{"prompt", "A"}}});
        for (const Json& result : results[12]) {
            QCOMPARE(alone.lines[result["sample"].get<std::size_t>()]["ids"], result["ids"]);
        }
    }

    void serveCancels() {
        Conversation engine;
        engine.hear();
        engine.say({{"id", 1}, {"op", "generate"}, {"prompt", "The film"}, {"samples", 4000}, {"max_new_tokens", 100}});
        QCOMPARE(engine.hear()["event"].get<std::string>(), std::string("token"));
        engine.say({{"id", 2}, {"op", "cancel"}, {"target", 1}});
        int cancelled = 0, results = 0;
        for (const Json& line : engine.hearUntilEnd(1)) {
            QVERIFY(!line.is_null());
            results += line["event"] == "result";
            cancelled += line.value("finish_reason", "") == "cancelled";
        }
        QCOMPARE(results, 4000);
        QVERIFY(cancelled > 3000);
        engine.say({{"id", 3}, {"op", "score"}, {"prompt", "A"}, {"completion", " film"}});
        const std::vector<Json> score = engine.hearUntilEnd(3);
        QVERIFY(score.size() >= 2);
        QVERIFY(score[score.size() - 2]["logprob"].get<double>() < 0);
        engine.end();
        QVERIFY(engine.process().waitForFinished(10000));
    }

    void serveOutlivesBadRequests() {
        Conversation engine;
        engine.hear();
        engine.process().write("no json\n");
        QCOMPARE(engine.hear()["event"].get<std::string>(), std::string("error"));
        for (const Json& bad : {Json{{"id", 5}, {"op", "fly"}}, Json{{"id", 5}, {"op", "generate"}},
                                Json{{"id", 5}, {"op", "generate"}, {"prompt", "a"}, {"top_p", 2}},
                                Json{{"id", 5}, {"op", "score"}, {"prompt", "a"}}}) {
            engine.say(bad);
            const Json answer = engine.hear();
            QCOMPARE(answer["event"].get<std::string>(), std::string("error"));
            QCOMPARE(answer["id"].get<int>(), 5);
            QVERIFY(!answer["message"].get<std::string>().empty());
        }
        engine.say({{"id", 6}, {"op", "generate"}, {"prompt", "a"}, {"max_new_tokens", 1}});
        QCOMPARE(engine.hearUntilEnd(6).back()["event"].get<std::string>(), std::string("done"));
    }

    void serveSaysWhyItCannotStart() {
        const EngineOutcome finished = run({"serve", "--model", "/no/such/folder"}, {});
        QCOMPARE(finished.status, 1);
        QCOMPARE(finished.lines.size(), std::size_t(1));
        QCOMPARE(finished.lines[0]["event"].get<std::string>(), std::string("error"));
        QVERIFY(finished.lines[0]["message"].get<std::string>().find("/no/such/folder") != std::string::npos);
    }
};

QTEST_GUILESS_MAIN(TestEngineCommands)
#include "tst_engine_commands.moc"
