#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>

#include "core/project/models.h"
#include "core/project/runs.h"
#include "tests/support/temporary_project.h"

using namespace prefbench::project;

namespace {

struct Result {
    int status = -1;
    QByteArray out, error;
};

Result cli(const QStringList& arguments) {
    QProcess process;
    process.start(QStringLiteral(PREFBENCH_BIN_DIR "/prefbench-cli"), arguments);
    if (!process.waitForFinished(60000)) {
        qFatal("prefbench-cli did not end");
    }
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1, process.readAllStandardOutput(),
            process.readAllStandardError()};
}

QByteArray contents(const QString& path) {
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("(unreadable)");
}

void write(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) {
        qFatal("cannot write %s", qPrintable(path));
    }
}

QJsonObject stats(const QString& project) {
    return QJsonDocument::fromJson(cli({"stats", project, "--json"}).out).object();
}

/// One line that says who speaks.
bool isOneLine(const QByteArray& error) {
    return error.startsWith("prefbench-cli: ") && error.endsWith('\n') && error.count('\n') == 1;
}

}  // namespace

class TestCliData : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void dataGoesInAndOut();
    void badLinesAreNamed();
    void rulesLabel();
    void modelOfARunIsExported();
    void failuresAreOneLine_data();
    void failuresAreOneLine();
    void aRunThatCannotBeLeavesNoTrace();
    void helpAndVersion();
};

void TestCliData::dataGoesInAndOut() {
    QTemporaryDir folder;
    const QString project = folder.filePath("new é.prefbench");
    QCOMPARE(cli({"new", project}).status, 0);
    const QByteArray rows =
        R"({"prompt":"p","chosen":"good","rejected":"bad"}
{"prompt":[{"role":"user","content":"hi"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]}
)";
    write(folder.filePath("in.jsonl"), rows);
    write(folder.filePath("prompts.txt"), "one\ntwo\n");
    const Result pairs = cli({"import", project, folder.filePath("in.jsonl")});
    QCOMPARE(pairs.status, 0);
    QCOMPARE(pairs.out, QByteArray("Added 2 prompts and 2 labelled pairs\n"));
    QCOMPARE(cli({"import", project, folder.filePath("prompts.txt"), "--split", "test"}).status, 0);
    QCOMPARE(cli({"import", project, folder.filePath("in.jsonl"), "--format", "trl-pairs"}).out,
             QByteArray("Added 0 prompts and 0 labelled pairs; 2 were there already\n"));

    const QJsonObject counted = stats(project);
    QCOMPARE(counted["prompts"]["train"].toInt(), 2);
    QCOMPARE(counted["prompts"]["test"].toInt(), 2);
    QCOMPARE(counted["completions"].toInt(), 4);
    QCOMPARE(counted["comparisons"].toInt(), 2);
    QCOMPARE(counted["judgements"]["decided"].toInt(), 2);
    QCOMPARE(counted["annotators"][0]["name"].toString(), "import");
    const Result words = cli({"stats", project});
    QVERIFY(words.out.contains("comparisons  2\n") && words.out.contains("import"));

    const QString out = folder.filePath("out.jsonl");
    QCOMPARE(cli({"export", project, out, "--format", "trl-pairs"}).status, 0);
    QCOMPARE(contents(out), rows);
}

void TestCliData::badLinesAreNamed() {
    TemporaryProject project;
    QByteArray rows = "{\"prompt\":\"p\"}\n";
    for (int i = 0; i < 30; ++i) {
        rows += "{\n";
    }
    write(project.filePath("in.jsonl"), rows);
    const QString report = project.filePath("report.json");
    const Result result = cli({"import", project.path(), project.filePath("in.jsonl"), "--report", report});
    QCOMPARE(result.status, 0);
    QVERIFY(result.error.startsWith("line 2: "));
    QVERIFY(result.error.contains("and 10 lines more"));
    QVERIFY(result.out.startsWith("Added 1 prompts; 30 lines left out"));
    const QJsonObject json = QJsonDocument::fromJson(contents(report)).object();
    QCOMPARE(json["problems"].toArray().size(), 30);
    QCOMPARE(json["problems"][29]["line"].toInt(), 31);
}

void TestCliData::rulesLabel() {
    TemporaryProject project;
    project.addComparison(project.addPrompt("p"), "short", "much longer");
    const Result result = cli({"label", project.path(), "--rule", "longer"});
    QCOMPARE(result.out, QByteArray("1 comparisons answered by rule longer as annotator rule\n"));
    cli({"label", project.path(), "--rule", "longer", "--annotator", "contrary", "--noise", "1", "--seed", "3"});
    const QList<LabelledPair> pairs = Judgements(*project).labelledPairs();
    QCOMPARE(pairs.size(), 2);
    for (const LabelledPair& pair : pairs) {
        QCOMPARE(pair.score, Annotators(*project).find(pair.annotatorId)->name == "rule" ? -2 : 2);
    }
    const QJsonObject counted = stats(project.path());
    QCOMPARE(counted["annotators"][0]["kind"].toString(), "rule");
    QCOMPARE(counted["annotators"][1]["answered"].toInt(), 1);
}

void TestCliData::modelOfARunIsExported() {
    TemporaryProject project;
    const QString out = project.filePath("out");
    const Result none = cli({"export", project.path(), out, "--format", "model"});
    QCOMPARE(none.status, 1);
    QVERIFY2(isOneLine(none.error) && none.error.contains("no run has finished"), none.error.constData());

    const QString run = project->dataFolder() + "/runs/1", model = run + "/model";
    QVERIFY(QDir().mkpath(model));
    const QDir golden(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2");
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
        QVERIFY(QFile::copy(golden.filePath(name), model + '/' + name));
    }
    Runs(*project).add({.id = newId(), .name = "dpo 1", .method = "dpo", .folder = run});
    QCOMPARE(cli({"export", project.path(), out, "--format", "model", "--run", "dpo 1"}).status, 0);
    QCOMPARE(contents(out + "/model.safetensors"), contents(model + "/model.safetensors"));
    QVERIFY(cli({"export", project.path(), out + "2", "--format", "model", "--run", "x"}).error.contains("\"x\""));
    QCOMPARE(cli({"export", project.path(), out + "2", "--format", "model"}).status, 0);
}

void TestCliData::failuresAreOneLine_data() {
    QTest::addColumn<QStringList>("arguments");
    QTest::addColumn<int>("status");
    QTest::addColumn<QByteArray>("words");
    const auto row = [](const char* name, const QStringList& arguments, int status, const char* words) {
        QTest::newRow(name) << arguments << status << QByteArray(words);
    };
    row("no command", {}, 2, "subcommand");
    row("unknown command", {"frobnicate"}, 2, "there is no command \"frobnicate\"");
    row("argument missing", {"import", "p"}, 2, "FILE");
    row("unknown option", {"stats", "p", "--colour"}, 2, "--colour");
    row("unknown format", {"import", "p", "f", "--format", "csv"}, 2, "csv");
    row("unknown rule", {"label", "p", "--rule", "nice"}, 2, "nice");
    row("impossible noise", {"label", "p", "--rule", "longer", "--noise", "2"}, 2, "noise");
    row("project missing", {"stats", "/nowhere/p.prefbench"}, 1, "/nowhere/p.prefbench: there is no such file");
    row("not a project", {"stats", PREFBENCH_SOURCE_DIR "/LICENSE"}, 1, "LICENSE: not a Prefbench project");
    row("folder missing", {"new", "/nowhere/p.prefbench"}, 1, "does not exist");
    row("exists", {"new", PREFBENCH_SOURCE_DIR "/LICENSE"}, 1, "a file of that name already");
}

void TestCliData::failuresAreOneLine() {
    QFETCH(QStringList, arguments);
    QFETCH(int, status);
    QFETCH(QByteArray, words);
    const Result result = cli(arguments);
    QCOMPARE(result.status, status);
    QVERIFY2(isOneLine(result.error) && result.error.contains(words), result.error.constData());
    QVERIFY(result.out.isEmpty());
}

void TestCliData::aRunThatCannotBeLeavesNoTrace() {
    TemporaryProject project;
    const QStringList train = {"train", project.path(), "--model", PREFBENCH_GOLDEN_DEFAULT "/models/gpt2"};
    for (const auto& [call, words] :
         {std::pair(QStringList{"--method", "dppo"}, "method = \"dppo\": must be one of dpo, "),
          std::pair(QStringList{"--set", "beta=-1"}, "beta = -1.0: must be above 0"),
          std::pair(QStringList{"--set", "betta=1"}, "unknown setting \"betta\"")}) {
        const Result result = cli(train + call);
        QCOMPARE(result.status, 1);
        QVERIFY2(isOneLine(result.error) && result.error.contains(words), result.error.constData());
        QVERIFY(Models(*project).all().isEmpty());
        QVERIFY(Runs(*project).all().isEmpty());
    }
}

void TestCliData::helpAndVersion() {
    const Result version = cli({"--version"});
    QCOMPARE(version.status, 0);
    QVERIFY(version.out.startsWith("prefbench-cli 0."));
    const Result help = cli({"--help"});
    QCOMPARE(help.status, 0);
    for (const char* command : {"new", "import", "label", "stats", "export"}) {
        QVERIFY2(help.out.contains(command), command);
        QCOMPARE(cli({command, "--help"}).status, 0);
    }
}

QTEST_GUILESS_MAIN(TestCliData)
#include "tst_cli_data.moc"
