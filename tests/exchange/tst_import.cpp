#include "core/exchange/import.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include "core/exchange/import_row.h"
#include "core/project/sql.h"
#include "core/project/utf8.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;
using namespace prefbench::exchange;

namespace {

QString write(TemporaryProject& project, const QString& name, const QByteArray& bytes) {
    QFile file(project.filePath(name));
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size()) {
        qFatal("cannot write %s", qPrintable(name));
    }
    return file.fileName();
}

QList<qint64> badLines(const ImportReport& report) {
    QList<qint64> lines;
    for (const ImportProblem& problem : report.problems) {
        lines << problem.line;
    }
    return lines;
}

QStringList promptTexts(Project& project) {
    QStringList texts;
    for (const Prompt& prompt : Prompts(project).page({}, {}, 1000000)) {
        texts << prompt.text();
    }
    return texts;
}

ImportRow pair(const char* json) {
    return pairRow(files::parseOrderedJson(json, "test"));
}

}  // namespace

class TestImport : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void promptsFromText();
    void promptsFromJsonLines();
    void pairsArriveLabelled();
    void badLinesCostThemselves();
    void manyBadLines();
    void sameFileTwiceAddsNothing();
    void textsKeepEveryCharacter();
    void formatIsDetected_data();
    void formatIsDetected();
    void conversationsKeepTheirForm();
    void implicitPromptsAreExtractedAsTrlDoes();
    void refusesWhatItCannotKeep_data();
    void refusesWhatItCannotKeep();
    void unusableFilesAreErrors();
    void failureToStoreLeavesNothing();
    void reportIsJson();
};

void TestImport::promptsFromText() {
    TemporaryProject project;
    const QString file = write(project, "p.txt",
                               "\xEF\xBB\xBF"
                               "First\r\n\n  \nSecond é\nbroken \xff\nFirst\nlast\nhalf a character \xc3");
    const ImportReport report = importFile(*project, file, "auto", Split::Test);
    QCOMPARE(report.format, "prompts-text");
    QCOMPARE(promptTexts(*project), QStringList({"First", QStringLiteral("Second é"), "last"}));
    QCOMPARE(report.prompts, 3);
    QCOMPARE(report.duplicates, 1);
    QCOMPARE(badLines(report), QList<qint64>({5, 8}));
    QVERIFY(report.problems.first().reason.contains("UTF-8"));
    QCOMPARE(Prompts(*project).count(Split::Test), 3);
    QCOMPARE(Prompts(*project).page({}).first().source, "p.txt");
}

void TestImport::promptsFromJsonLines() {
    TemporaryProject project;
    const QString file = write(project, "p.jsonl",
                               "{\"prompt\": \"plain\", \"split\": \"test\"}\n"
                               "{\"prompt\": [{\"role\":\"user\",\"content\":\"hi\"}], \"id\": 7}\n"
                               "{\"prompt\": \"x\", \"split\": \"dev\"}\n"
                               "{\"prompt\": \"\"}\n{\"prompt\": 5}\n{\"text\": \"x\"}\n[1]\n");
    const ImportReport report = importFile(*project, file);
    QCOMPARE(report.format, "prompts-jsonl");
    QCOMPARE(report.prompts, 2);
    QCOMPARE(badLines(report), QList<qint64>({3, 4, 5, 6, 7}));
    QVERIFY(report.problems[0].reason.contains("\"dev\""));
    QVERIFY(report.problems[3].reason.contains("\"prompt\" is missing"));
    QCOMPARE(Prompts(*project).count(Split::Test), 1);
    QCOMPARE(promptTexts(*project), QStringList({"plain", "user: hi"}));
}

void TestImport::pairsArriveLabelled() {
    TemporaryProject project;
    const QString file = write(project, "d.jsonl", R"({"prompt":"p","chosen":"good","rejected":"bad"})");
    const ImportReport report = importFile(*project, file);
    QCOMPARE(report.format, "trl-pairs");
    QCOMPARE(report.comparisons, 1);
    const LabelledPair pair = Judgements(*project).labelledPairs().first();
    QCOMPARE(pair.score, 2);
    const Completion first = *Completions(*project).find(pair.firstId);
    QCOMPARE(first.text, "good");
    QCOMPARE(first.origin, "import");
    QCOMPARE(Completions(*project).find(pair.secondId)->text, "bad");
    QCOMPARE(Annotators(*project).find(pair.annotatorId)->name, "import");
    QCOMPARE(Comparisons(*project).find(pair.comparisonId)->origin, "import");
}

void TestImport::badLinesCostThemselves() {
    TemporaryProject project;
    QByteArray bytes;
    bytes += R"({"prompt":"1","chosen":"a","rejected":"b"})"
             "\n";
    bytes += R"({"prompt":"2","chosen":"a")"
             "\n";  // 2 torn
    bytes += R"({"prompt":"3","chosen":"a","rejected":"a"})"
             "\n";  // 3 the same
    bytes += R"({"prompt":"4","prompt":"5","chosen":"a","rejected":"b"})"
             "\n";  // 4 duplicate key
    bytes += R"({"prompt":"6","chosen":"\ud800","rejected":"b"})"
             "\n";                                                           // 5 half a character
    bytes += "{\"prompt\":\"7\",\"chosen\":\"\xc3\",\"rejected\":\"b\"}\n";  // 6 not UTF-8
    bytes += R"({"prompt":"8","chosen":"a","rejected":"b"} extra)"
             "\n";  // 7 something after
    bytes += "\n";
    bytes += R"({"prompt":"9","chosen":null,"rejected":"b"})"
             "\n";                                     // 9 no text
    bytes += QByteArray("[").repeated(100000) + "\n";  // 10 too deep
    bytes += R"({"prompt":"10","chosen":NaN,"rejected":"b"})"
             "\n";                                              // 11 no JSON
    bytes += R"({"prompt":"11","chosen":"a","rejected":"b"})";  // 12, without its end
    const ImportReport report = importFile(*project, write(project, "d.jsonl", bytes));
    QCOMPARE(badLines(report), QList<qint64>({2, 3, 4, 5, 6, 7, 9, 10, 11}));
    QCOMPARE(report.comparisons, 2);
    QCOMPARE(promptTexts(*project), QStringList({"1", "11"}));
    for (const ImportProblem& problem : report.problems) {
        QVERIFY2(!problem.reason.isEmpty() && !problem.reason.contains('\n'), qPrintable(problem.reason));
    }
}

void TestImport::manyBadLines() {
    TemporaryProject project;
    QByteArray bytes;
    for (int i = 1; i <= 3000; ++i) {
        bytes += i % 3 ? "{\"prompt\":\n" : R"({"prompt":")" + QByteArray::number(i) + "\"}\n";
    }
    const ImportReport report = importFile(*project, write(project, "p.jsonl", bytes));
    QCOMPARE(report.prompts, 1000);
    QCOMPARE(report.problems.size(), 2000);
    QCOMPARE(report.problems.last().line, 2999);
    QVERIFY(report.summary().startsWith("Added 1000 prompts; 2000 lines left out (line 1: "));
}

void TestImport::sameFileTwiceAddsNothing() {
    TemporaryProject project;
    const QString pairs = write(project, "d.jsonl",
                                "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}\n"
                                "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"c\"}\n"
                                "{\"prompt\":\"p\",\"chosen\":\"b\",\"rejected\":\"a\"}\n"
                                "{\"prompt\":\"p\",\"chosen\":\"a\",\"rejected\":\"b\"}\n"
                                "{\"prompt\":\"q\",\"chosen\":\"a\",\"rejected\":\"b\"}\n");
    const ImportReport first = importFile(*project, pairs);
    QCOMPARE(first.prompts, 2);
    QCOMPARE(first.comparisons, 4);
    QCOMPARE(first.duplicates, 1);
    QCOMPARE(Completions(*project).count(), 5);
    const ImportReport second = importFile(*project, pairs);
    QCOMPARE(second.prompts + second.comparisons + second.judgements, 0);
    QCOMPARE(second.duplicates, 5);
    QCOMPARE(Completions(*project).count(), 5);
    QCOMPARE(Judgements(*project).labelledPairs().size(), 4);
    QVERIFY(second.summary().contains("5 were there already"));

    const QString prompts = write(project, "p.txt", "p\nr\n");
    QCOMPARE(importFile(*project, prompts).prompts, 1);
    QCOMPARE(importFile(*project, prompts).prompts, 0);
}

void TestImport::textsKeepEveryCharacter() {
    TemporaryProject project;
    const QByteArray row = R"({"prompt":"\ufeffmark","chosen":"nul\u0000inside","rejected":"😀 \uffff עברית\n"})";
    importFile(*project, write(project, "d.jsonl", "\xEF\xBB\xBF" + row + "\r\n"));
    QCOMPARE(promptTexts(*project).first(), QChar(0xfeff) + QString("mark"));
    const LabelledPair pair = Judgements(*project).labelledPairs().first();
    QCOMPARE(Completions(*project).find(pair.firstId)->text, QString("nul") + QChar(0) + "inside");
    QCOMPARE(Completions(*project).find(pair.secondId)->text,
             QStringLiteral("😀 ") + QChar(0xffff) + QStringLiteral(" עברית\n"));
}

void TestImport::formatIsDetected_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QString>("format");
    const QByteArray pair = R"({"prompt":"p","chosen":"a","rejected":"b"})", prompt = R"({"prompt":"p"})";
    QTest::newRow("pairs") << "a.jsonl" << pair << "trl-pairs";
    QTest::newRow("pairs without a suffix") << "a" << pair << "trl-pairs";
    QTest::newRow("pairs after bad lines") << "a.json"
                                           << "{\n\n[1]\n" + pair << "trl-pairs";
    QTest::newRow("prompts") << "a.jsonl" << prompt << "prompts-jsonl";
    QTest::newRow("text") << "a.txt" << prompt << "prompts-text";
    QTest::newRow("text without a suffix") << "a" << QByteArray("Tell me {why}\n12\n") << "prompts-text";
}

void TestImport::formatIsDetected() {
    QFETCH(QString, name);
    QFETCH(QByteArray, bytes);
    QFETCH(QString, format);
    TemporaryProject project;
    QCOMPARE(importFile(*project, write(project, name, bytes)).format, format);
}

void TestImport::conversationsKeepTheirForm() {
    const ImportRow row = pair(R"({"prompt":[{"role":"system","content":"s"},{"role":"user","content":"u"}],
        "chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}]})");
    QCOMPARE(row.messages, QByteArray(R"([{"role":"system","content":"s"},{"role":"user","content":"u"}])"));
    QCOMPARE(row.answers->chosen, "a");
    QCOMPARE(row.answers->rejected, "b");
}

void TestImport::implicitPromptsAreExtractedAsTrlDoes() {
    // TRL's documentation: the space before the answer stays with the answer.
    const ImportRow text = pair(R"({"chosen":"The sky is blue.","rejected":"The sky is green."})");
    QCOMPARE(text.messages, QByteArray("\"The sky is\""));
    QCOMPARE(text.answers->chosen, " blue.");
    QCOMPARE(text.answers->rejected, " green.");

    // Where one is the other's beginning, its last character is the answer.
    const ImportRow prefix = pair(R"({"chosen":"abc","rejected":"abcdef"})");
    QCOMPARE(prefix.messages, QByteArray("\"ab\""));
    QCOMPARE(prefix.answers->chosen, "c");
    QCOMPARE(prefix.answers->rejected, "cdef");

    // Never inside a character: U+1F600 and U+1F601 share their first UTF-16 unit.
    const ImportRow smile = pair(R"({"chosen":"a😀","rejected":"a😁"})");
    QCOMPARE(smile.messages, QByteArray("\"a\""));
    QCOMPARE(smile.answers->chosen, QStringLiteral("😀"));

    // A character like any other, where it does not begin a file.
    const ImportRow mark = pair(R"({"chosen":"a\ufeffx","rejected":"ab"})");
    QCOMPARE(mark.messages, QByteArray("\"a\""));
    QCOMPARE(mark.answers->chosen, QString(QChar(0xFEFF)) + "x");

    const char* conversation =
        R"({"prompt":"u","chosen":[{"role":"user","content":"u"},{"role":"assistant","content":"a"}],
        "rejected":[{"role":"user","content":"u"},{"role":"assistant","content":"b"}]})";
    const ImportRow messages = pair(conversation);
    QCOMPARE(messages.messages, QByteArray(R"([{"role":"user","content":"u"}])"));
    QCOMPARE(messages.answers->chosen, "a");
}

void TestImport::refusesWhatItCannotKeep_data() {
    QTest::addColumn<QByteArray>("json");
    QTest::addColumn<QString>("reason");
    const auto row = [](const char* name, const char* json, const char* reason) {
        QTest::newRow(name) << QByteArray(json) << QString(reason);
    };
    row("not an object", "[1]", "not a JSON object but array");
    row("no rejected", R"({"prompt":"p","chosen":"a"})", "\"rejected\" is missing");
    row("number", R"({"prompt":"p","chosen":1,"rejected":"b"})", "\"chosen\" must be text");
    row("mixed", R"({"chosen":"a","rejected":[{"role":"assistant","content":"b"}]})", "both be text");
    row("nothing in common", R"({"chosen":"a","rejected":"b"})", "no common beginning");
    row("empty", R"({"chosen":"","rejected":"b"})", "no common beginning");
    row("no content", R"({"prompt":"p","chosen":[{"role":"assistant"}],"rejected":[]})", "\"chosen\": a message is");
    row("tools",
        R"({"prompt":[{"role":"user","content":"u"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"b"}],"tools":[{"name":"f"}]})",
        "\"tools\" is not supported");
    row("no messages", R"({"prompt":[],"chosen":"a","rejected":"b"})", "\"prompt\" has no messages");
    row("two turns",
        R"({"prompt":[{"role":"user","content":"u"}],"rejected":[{"role":"assistant","content":"b"}],
            "chosen":[{"role":"assistant","content":"a"},{"role":"user","content":"b"}]})",
        "\"chosen\" must be one assistant message");
    row("picture", R"({"prompt":[{"role":"user","content":[{"type":"image"}]}],"chosen":"a","rejected":"b"})",
        "\"prompt\": a message is");
}

void TestImport::refusesWhatItCannotKeep() {
    QFETCH(QByteArray, json);
    QFETCH(QString, reason);
    const QString message = errorOf([&] { pair(json.constData()); });
    QVERIFY2(message.contains(reason), qPrintable(message));
}

void TestImport::unusableFilesAreErrors() {
    TemporaryProject project;
    const auto error = [&](const QString& file, const QString& format = "auto") {
        return errorOf([&] { importFile(*project, file, format); });
    };
    QVERIFY(error(project.filePath("missing.txt")).contains("missing.txt: there is no such file"));
    QVERIFY(error(project.filePath(".")).contains("cannot be read as a file"));
    QVERIFY(error(write(project, "empty.jsonl", "")).contains("nothing in it"));
    QVERIFY(error(write(project, "blank.txt", "\n \n")).contains("nothing in it"));
    const QString bad = error(write(project, "bad.jsonl", "{\n{\n"));
    QVERIFY2(bad.contains("bad.jsonl: no line could be used") && bad.contains("line 1"), qPrintable(bad));
    QVERIFY(error(write(project, "x.txt", "x"), "csv").contains("prompts-text, prompts-jsonl, trl-pairs"));
    QCOMPARE(Prompts(*project).count(), 0);
}

void TestImport::failureToStoreLeavesNothing() {
    TemporaryProject project;
    QByteArray bytes;
    for (int i = 0; i < 2000; ++i) {
        bytes += R"({"prompt":")" + QByteArray::number(i) + QByteArray(500, 'x') + "\"}\n";
    }
    const QString file = write(project, "p.jsonl", bytes);
    const int pages = sql::scalar(*project, "PRAGMA page_count").toInt();
    sql::run(*project, QStringLiteral("PRAGMA max_page_count = %1").arg(pages + 20));
    const QString message = errorOf([&] { importFile(*project, file); });
    QVERIFY2(message.contains("disk is full"), qPrintable(message));
    QCOMPARE(Prompts(*project).count(), 0);
    sql::run(*project, QStringLiteral("PRAGMA max_page_count = 1000000"));
    QCOMPARE(importFile(*project, file).prompts, 2000);
}

void TestImport::reportIsJson() {
    TemporaryProject project;
    const ImportReport report = importFile(*project, write(project, "p.jsonl", "{\"prompt\":\"é\"}\nx\n"));
    const QJsonObject json = QJsonDocument::fromJson(report.toJson()).object();
    QCOMPARE(json["format"].toString(), "prompts-jsonl");
    QCOMPARE(json["prompts"].toInt(), 1);
    QCOMPARE(json["problems"].toArray().size(), 1);
    QCOMPARE(json["problems"][0]["line"].toInt(), 2);
    QVERIFY(!json["problems"][0]["reason"].toString().isEmpty());
}

QTEST_GUILESS_MAIN(TestImport)
#include "tst_import.moc"
