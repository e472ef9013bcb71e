#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include "core/files/durable_file.h"
#include "core/files/json.h"

using prefbench::files::Json;

namespace {

struct Outcome {
    int status = -1;
    std::vector<Json> lines;
    QByteArray standardError;
};

Outcome render(const QString& model, const QByteArray& input) {
    QProcess process;
    process.start(QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-engine"), {"render", "--model", model});
    process.write(input);
    process.closeWriteChannel();
    Outcome outcome;
    if (!process.waitForFinished(60000) || process.exitStatus() != QProcess::NormalExit) {
        return outcome;
    }
    outcome.status = process.exitCode();
    outcome.standardError = process.readAllStandardError();
    for (const QByteArray& line : process.readAllStandardOutput().split('\n')) {
        if (!line.isEmpty()) {
            outcome.lines.push_back(Json::parse(line.toStdString(), nullptr, false));
        }
    }
    return outcome;
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
        const Outcome outcome =
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
        const auto error = [&](std::size_t i) { return QString::fromStdString(outcome.lines[i].value("error", "")); };
        QVERIFY(error(2).startsWith("line 3: "));
        QVERIFY(error(2).endsWith("chat_template, line 2: no critics"));
        QVERIFY(error(3).startsWith("line 4: not valid JSON"));
        QCOMPARE(error(4), QString("line 5: \"messages\" is missing"));
        QVERIFY(error(5).endsWith("messages must be a list, found \"a\""));
        QCOMPARE(outcome.lines[6]["text"].get<std::string>(), std::string("<s>last;"));
    }

    void aModelWithoutTemplateIsOneLine() {
        const QTemporaryDir empty;
        const Outcome outcome = render(empty.path(), "{}\n");
        QCOMPARE(outcome.status, 1);
        QVERIFY(outcome.lines.empty());
        QVERIFY(outcome.standardError.contains("the model has no chat template"));
        QCOMPARE(outcome.standardError.count('\n'), 1);
    }
};

QTEST_GUILESS_MAIN(TestRenderCommand)
#include "tst_render_command.moc"
