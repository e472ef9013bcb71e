#include "core/exchange/export.h"

#include "core/exchange/import.h"
#include "core/files/model_folder.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;
using namespace prefbench::exchange;

namespace {

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

}  // namespace

class TestExport : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void importThenExportGivesTheSameRows();
    void pagesAreJoinedInOrder();
    void currentDecidedLabelsOnly();
    void nothingToExport();
    void failureKeepsTheOldFile();
    void modelIsCopiedWhole();
    void shardedModelIsCopiedWhole();
    void adapterIsCopiedAndNamesItsBase();
    void modelNeedsAFreeFolder();
};

void TestExport::importThenExportGivesTheSameRows() {
    const QByteArray rows =
        R"({"prompt":"p","chosen":"good","rejected":"bad"}
{"prompt":"p","chosen":"good","rejected":"worse"}
{"prompt":"","chosen":" 😀 \u0000 é","rejected":""}
{"prompt":[{"role":"system","content":"s"},{"role":"user","content":"u","name":"x"}],"chosen":[{"role":"assistant","content":"a"}],"rejected":[{"role":"assistant","content":"line\nline"}]}
)";
    TemporaryProject project;
    write(project.filePath("in.jsonl"), rows);
    QCOMPARE(importFile(*project, project.filePath("in.jsonl")).comparisons, 4);
    const ExportReport report = exportPairs(*project, project.filePath("out.jsonl"));
    QCOMPARE(report.rows, 4);
    QCOMPARE(contents(project.filePath("out.jsonl")), rows);
    QCOMPARE(report.summary(), "Exported 4 pairs");
}

void TestExport::pagesAreJoinedInOrder() {
    QByteArray rows;
    for (int i = 0; i < 2345; ++i) {
        const QByteArray number = QByteArray::number(i);
        rows += R"({"prompt":"p)" + number + R"(","chosen":"c","rejected":"r)" + number + "\"}\n";
    }
    TemporaryProject project;
    write(project.filePath("in.jsonl"), rows);
    importFile(*project, project.filePath("in.jsonl"));
    exportPairs(*project, project.filePath("out.jsonl"));
    QCOMPARE(contents(project.filePath("out.jsonl")), rows);
}

void TestExport::currentDecidedLabelsOnly() {
    TemporaryProject project;
    const QString annotator = project.annotator();
    const QString prompt = project.addPrompt("p");
    const QString better = project.addComparison(prompt, "first", "second");
    const QString tie = project.addComparison(prompt, "x", "y");
    const QString skipped = project.addComparison(prompt, "s", "t");
    Judgements judgements(*project);
    judgements.append({.comparisonId = better, .annotatorId = annotator, .screen = 3});
    judgements.append({.comparisonId = better, .annotatorId = annotator, .screen = 1, .firstOnLeft = false});
    judgements.append({.comparisonId = tie, .annotatorId = annotator, .screen = 0});
    judgements.append({.comparisonId = skipped, .annotatorId = annotator, .outcome = Outcome::Skip});
    const ExportReport report = exportPairs(*project, project.filePath("out.jsonl"), "trl-pairs");
    QCOMPARE(contents(project.filePath("out.jsonl")),
             QByteArray("{\"prompt\":\"p\",\"chosen\":\"second\",\"rejected\":\"first\"}\n"));
    QCOMPARE(report.ties, 1);
    QCOMPARE(report.summary(), "Exported 1 pairs; 1 ties left out");
    // A reader is enough.
    const auto reader = Project::open(project.path(), Project::Mode::ReadOnly);
    QCOMPARE(exportPairs(*reader, project.filePath("again.jsonl")).rows, 1);
}

void TestExport::nothingToExport() {
    TemporaryProject project;
    const QString out = project.filePath("out.jsonl");
    QVERIFY(errorOf([&] { exportPairs(*project, out); }).contains("no labelled pairs to export yet"));
    const QString comparison = project.addComparisons(1).first();
    Judgements(*project).append({.comparisonId = comparison, .annotatorId = project.annotator()});
    QVERIFY(errorOf([&] { exportPairs(*project, out); }).contains("all 1 labels are ties"));
    QVERIFY(!QFile::exists(out));
    QVERIFY(errorOf([&] { exportPairs(*project, out, "csv"); }).contains("trl-pairs"));
}

void TestExport::failureKeepsTheOldFile() {
    TemporaryProject project;
    write(project.filePath("out.jsonl"), "old");
    QVERIFY(errorOf([&] { exportPairs(*project, project.filePath("out.jsonl")); }).contains("no labelled pairs"));
    QCOMPARE(contents(project.filePath("out.jsonl")), QByteArray("old"));
    const QString nowhere = project.filePath("no/folder/out.jsonl");
    const QString message = errorOf([&] { exportPairs(*project, nowhere); });
    QVERIFY2(message.contains(nowhere) && message.contains("cannot be written"), qPrintable(message));
}

void TestExport::modelIsCopiedWhole() {
    QTemporaryDir folder;
    const QString source = folder.filePath("run/model"), target = folder.filePath("out/model");
    QVERIFY(QDir().mkpath(source));
    const QDir golden(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2");
    const QStringList names{"config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
                            "special_tokens_map.json"};
    for (const QString& name : names) {
        QVERIFY(QFile::copy(golden.filePath(name), source + '/' + name));
    }
    write(source + "/optimizer.safetensors", "state");  // a checkpoint's, nobody else's
    write(source + "/trainer.json", "{}");
    exportModel(source, target + '/');
    QStringList copied = QDir(target).entryList(QDir::Files);
    QStringList expected = names;
    expected.sort();
    copied.sort();
    QCOMPARE(copied, expected);
    for (const QString& name : names) {
        QCOMPARE(contents(target + '/' + name), contents(source + '/' + name));
    }
    QCOMPARE(QDir(folder.filePath("out")).entryList(QDir::AllEntries | QDir::Hidden | QDir::NoDotAndDotDot),
             QStringList{"model"});
}

void TestExport::shardedModelIsCopiedWhole() {
    QTemporaryDir folder;
    const QString target = folder.filePath("model");
    exportModel(PREFBENCH_GOLDEN_DEFAULT "/models/llama-sharded", target);
    QVERIFY(QFile::exists(target + "/model.safetensors.index.json"));
    QCOMPARE(files::openModelFolder(target.toStdString()).weightFiles.size(), 3u);
}

/// An adapter's base may be named relative to where the adapter was.
void TestExport::adapterIsCopiedAndNamesItsBase() {
    QTemporaryDir folder;
    const QString source = PREFBENCH_GOLDEN_DEFAULT "/trajectories/dpo-llama-lora/adapter_final";
    const QString target = folder.filePath("adapter");
    exportModel(source, target);
    QCOMPARE(contents(target + "/adapter_model.safetensors"), contents(source + "/adapter_model.safetensors"));
    const files::ModelFolder copy = files::openModelFolder(target.toStdString());
    QVERIFY(copy.folder == std::filesystem::path(PREFBENCH_GOLDEN_DEFAULT "/models/llama"));
    QVERIFY(!QFile::exists(target + "/model.safetensors"));
}

void TestExport::modelNeedsAFreeFolder() {
    QTemporaryDir folder;
    const QString source = PREFBENCH_GOLDEN_DEFAULT "/models/gpt2-bare";
    const QString full = folder.filePath("full");
    QVERIFY(QDir().mkpath(full));
    exportModel(source, full);
    QVERIFY(errorOf([&] { exportModel(source, full); }).contains("new or an empty folder"));
    QVERIFY(errorOf([&] { exportModel(folder.filePath("none"), folder.filePath("x")); }).contains("none"));
    write(folder.filePath("file"), "x");
    QVERIFY(errorOf([&] { exportModel(source, folder.filePath("file/below")); }).contains("cannot be created"));
}

QTEST_GUILESS_MAIN(TestExport)
#include "tst_export.moc"
