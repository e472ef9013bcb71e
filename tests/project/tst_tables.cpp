#include "core/project/models.h"
#include "core/project/runs.h"
#include "core/project/sql.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;

class TestTables : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void promptsAreUniqueByContent();
    void promptsPageInOrder();
    void promptTextOfMessages();
    void completionsKeepEverything();
    void comparisonsKeepOrder();
    void annotatorKindsAreToldApart();
    void modelsAreUniqueByFolderAndHash();
    void runsKeepTheirColour();
    void failedAddLeavesNothing();
};

void TestTables::promptsAreUniqueByContent() {
    TemporaryProject project;
    Prompts prompts(*project);
    bool added = false;
    const QString id = prompts.add(R"([{"role": "user", "content": "hi"}])", Split::Train, "a", &added);
    QVERIFY(added);
    QCOMPARE(prompts.add(R"([{"role":"user","content":"hi"}])", Split::Test, "b", &added), id);
    QVERIFY(!added);
    QCOMPARE(prompts.find(id)->split, Split::Train);
    QVERIFY(prompts.add("\"hi\"", Split::Test, "b") != id);
    QCOMPARE(prompts.count(), 2);
    QCOMPARE(prompts.count(Split::Test), 1);
    QVERIFY(errorOf([&] { prompts.add("hi", Split::Train, ""); }).contains("not: hi"));
    QVERIFY(!prompts.find("nowhere"));
}

void TestTables::promptsPageInOrder() {
    TemporaryProject project;
    QStringList texts;
    for (int i = 0; i < 25; ++i) {
        texts << QStringLiteral("prompt %1").arg(i);
        project.addPrompt(texts.last(), i % 5 == 0 ? Split::Test : Split::Train);
    }
    Prompts prompts(*project);
    QStringList seen;
    QString after;
    for (QList<Prompt> page = prompts.page({}, after, 4); !page.isEmpty(); page = prompts.page({}, after, 4)) {
        for (const Prompt& prompt : page) {
            seen << prompt.text();
        }
        after = page.last().id;
    }
    QCOMPARE(seen, texts);
    QCOMPARE(prompts.page(Split::Test).size(), 5);
    QCOMPARE(prompts.page(Split::Test)[1].text(), "prompt 5");
}

void TestTables::promptTextOfMessages() {
    Prompt prompt;
    prompt.messages = R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Why?"}])";
    QCOMPARE(prompt.text(), "system: Be brief.\n\nuser: Why?");
    QCOMPARE(prompt.turns(), (QList<Prompt::Turn>{{"system", "Be brief."}, {"user", "Why?"}}));
    QVERIFY(prompt.passage().isConversation());
    QCOMPARE(prompt.passage().messages.dump(), prompt.messages.toStdString());
    prompt.messages = Prompt::plainMessages("Why?");
    QCOMPARE(prompt.turns(), (QList<Prompt::Turn>{{"", "Why?"}}));
    QCOMPARE(prompt.passage().text, std::string("Why?"));
}

void TestTables::completionsKeepEverything() {
    TemporaryProject project;
    Completions completions(*project);
    const QString prompt = project.addPrompt("p");
    const quint64 seed = 0xfedcba9876543210;
    const QString generation = completions.addGeneration({}, R"({"temperature":1.0})", seed);
    Completion completion{.promptId = prompt, .generationId = generation, .text = "answer"};
    completion.tokenIds = {0, 5, 151643};
    completion.logProbability = -12.5;
    completion.finishReason = "stop";
    const QString id = completions.add(completion);
    const QString again = completions.add(completion);
    QVERIFY(id != again);

    const Completion found = *completions.find(id);
    QCOMPARE(found.tokenIds, completion.tokenIds);
    QCOMPARE(found.logProbability.value(), -12.5);
    QCOMPARE(found.finishReason, "stop");
    QCOMPARE(found.origin, "model");
    QVERIFY(!found.demonstration && found.parentId.isEmpty());
    QCOMPARE(quint64(sql::scalar(*project, "SELECT seed FROM generations").toLongLong()), seed);

    Completion edited{.promptId = prompt, .text = "better", .origin = "human", .parentId = id, .demonstration = true};
    const QString child = completions.add(edited);
    QVERIFY(!completions.find(child)->logProbability && completions.find(child)->tokenIds.isEmpty());
    QCOMPARE(completions.find(child)->parentId, id);
    QVERIFY(completions.find(child)->demonstration);

    QCOMPARE(completions.count(), 3);
    QCOMPARE(completions.ofPrompt(prompt).size(), 3);
    QCOMPARE(completions.ofGeneration(generation).size(), 2);
    QList<QString> ids{id, child, "nowhere"};
    for (int i = 0; i < 1200; ++i) {
        ids << newId();
    }
    QCOMPARE(completions.byIds(ids).size(), 2);
}

void TestTables::comparisonsKeepOrder() {
    TemporaryProject project;
    Comparisons comparisons(*project);
    const QString prompt = project.addPrompt("p");
    Comparison comparison{.promptId = prompt, .origin = "sampled"};
    for (int i = 0; i < 4; ++i) {
        comparison.completionIds.prepend(project.addCompletion(prompt, QString::number(i)));
    }
    const QString id = comparisons.add(comparison);
    QCOMPARE(comparisons.find(id)->completionIds, comparison.completionIds);
    QCOMPARE(comparisons.find(id)->purpose, "training");
    project.addComparisons(9);
    QCOMPARE(comparisons.count(), 10);
    QCOMPARE(comparisons.page({}, 3).size(), 3);
    QCOMPARE(comparisons.page(comparisons.page({}, 3).last().id, 100).size(), 7);
    QCOMPARE(comparisons.ofPrompt(prompt).size(), 1);
}

void TestTables::annotatorKindsAreToldApart() {
    TemporaryProject project;
    Annotators annotators(*project);
    const QString rule = annotators.ensure("starter", AnnotatorKind::Rule);
    QCOMPARE(annotators.ensure("starter", AnnotatorKind::Rule), rule);
    QVERIFY(annotators.ensure("Ann", AnnotatorKind::Human) != rule);
    const QString message = errorOf([&] { annotators.ensure("starter", AnnotatorKind::Human); });
    QVERIFY2(message.contains("\"starter\" is of kind rule, not human"), qPrintable(message));
    QVERIFY(annotators.find(rule)->kind == AnnotatorKind::Rule);
    QCOMPARE(annotators.all().size(), 2);
    QVERIFY(errorOf([&] { annotators.ensure("", AnnotatorKind::Human); }).contains("name"));
}

void TestTables::modelsAreUniqueByFolderAndHash() {
    TemporaryProject project;
    const QString source = QStringLiteral(PREFBENCH_GOLDEN_DEFAULT "/models/gpt2");
    const QString folder = project->dataFolder() + "/models/m";
    QVERIFY(QDir().mkpath(folder));
    for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
        QVERIFY(QFile::copy(source + '/' + name, folder + '/' + name));
    }
    Models models(*project);
    const QString id = models.ensure(folder, "SFT");
    QCOMPARE(models.ensure("test.data/models/m", "again"), id);
    QCOMPARE(models.find(id)->folder, "test.data/models/m");
    QCOMPARE(models.find(id)->name, "SFT");
    QCOMPARE(models.find(id)->weightsHash.size(), 64);

    QFile tokenizer(folder + "/tokenizer.json");
    QVERIFY(tokenizer.open(QIODevice::Append));
    tokenizer.write("\n");
    tokenizer.close();
    QVERIFY(models.ensure(folder, "retokenized") != id);
    QCOMPARE(models.all().size(), 2);
    QVERIFY(errorOf([&] { models.ensure("/nowhere/model", "x"); }).contains("/nowhere/model"));
}

void TestTables::runsKeepTheirColour() {
    TemporaryProject project;
    Runs runs(*project);
    for (const char* name : {"one", "two", "three"}) {
        Run run{.id = newId(), .name = name, .method = "dpo"};
        run.folder = project->dataFolder() + "/runs/" + run.id;
        runs.add(run);
    }
    const QList<Run> all = runs.all();
    QCOMPARE(all.size(), 3);
    QCOMPARE(all[2].colour, 2);
    QCOMPARE(all[0].state, "queued");
    QCOMPARE(all[0].folder, "test.data/runs/" + all[0].id);
    runs.updateProgress(all[1].id, "running", 5, 20);
    QCOMPARE(runs.find(all[1].id)->step, 5);
    QCOMPARE(runs.find(all[1].id)->totalSteps, 20);
    QCOMPARE(runs.find(all[1].id)->state, "running");
    QCOMPARE(runs.find(all[1].id)->colour, 1);
}

void TestTables::failedAddLeavesNothing() {
    TemporaryProject project;
    const QString one = project.addPrompt("one");
    const QString two = project.addPrompt("two");
    Comparison mixed{.promptId = one};
    mixed.completionIds = {project.addCompletion(one, "a"), project.addCompletion(two, "b")};
    QVERIFY(errorOf([&] { Comparisons(*project).add(mixed); }).contains("answer one prompt"));
    QCOMPARE(Comparisons(*project).count(), 0);
    mixed.completionIds = {mixed.completionIds[0]};
    QVERIFY(errorOf([&] { Comparisons(*project).add(mixed); }).contains("two or more"));
}

QTEST_GUILESS_MAIN(TestTables)
#include "tst_tables.moc"
