#include <QDir>
#include <QFile>
#include <array>

#include "core/project/models.h"
#include "core/project/runs.h"
#include "core/project/schema.h"
#include "core/project/settings.h"
#include "core/project/sql.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;

namespace {

/// Every table, index and trigger as SQL.
QStringList schemaOf(Project& project) {
    QStringList statements;
    sql::run(project, QStringLiteral("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type, name"), {},
             [&statements](const QSqlQuery& row) { statements << row.value(0).toString(); });
    return statements;
}

QString fixture(int version) {
    return QStringLiteral(PREFBENCH_FIXTURES "/version-%1.prefbench").arg(version);
}

/// A small project with something in every family of tables: how a version's fixture is made when it lands.
void writeFixture(const QString& path) {
    const auto project = Project::create(path);
    Transaction transaction(*project);
    Prompts prompts(*project);
    Completions completions(*project);
    Judgements judgements(*project);
    const QString ann = Annotators(*project).ensure("Ann", AnnotatorKind::Human);
    const QString rule = Annotators(*project).ensure("rule", AnnotatorKind::Rule);
    const QString generation = completions.addGeneration({}, R"({"temperature":1.0,"samples":2})", 7);
    for (int i = 0; i < 4; ++i) {
        const QByteArray messages = i % 2 ? QByteArray(R"([{"role":"user","content":"Question?"}])")
                                          : Prompt::plainMessages(QStringLiteral("Prompt é %1").arg(i));
        const QString prompt = prompts.add(messages, i == 2 ? Split::Test : Split::Train, "fixture");
        Comparison comparison{.promptId = prompt, .origin = "sampled"};
        for (const char* text : {"first", "second"}) {
            Completion completion{.promptId = prompt, .generationId = generation, .text = text};
            completion.tokenIds = {1, 2, 3};
            completion.logProbability = -1.5;
            completion.finishReason = "stop";
            comparison.completionIds << completions.add(completion);
        }
        const QString id = Comparisons(*project).add(comparison);
        judgements.append({.comparisonId = id, .annotatorId = ann, .screen = 3 - i, .rationale = "because"});
        judgements.append({.comparisonId = id, .annotatorId = rule, .outcome = Outcome(i)});
    }
    Runs(*project).add({.id = newId(), .name = "dpo 1", .method = "dpo", .folder = "version-1.data/runs/1"});
    Settings(*project).set("greeting", "hello");
    transaction.commit();
}

}  // namespace

class TestMigrations : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void everyVersionHasAFixture();
    void fixturesMigrate_data();
    void fixturesMigrate();
    void failedStepLeavesTheVersionBefore();
    void stepsRunOnceAndInOrder();
};

void TestMigrations::initTestCase() {
    const QString path = qEnvironmentVariable("PREFBENCH_WRITE_FIXTURE");
    if (!path.isEmpty()) {
        writeFixture(path);
    }
}

void TestMigrations::everyVersionHasAFixture() {
    int expected = 0;
    for (const Migration& step : migrations()) {
        QCOMPARE(step.version, ++expected);
        QVERIFY2(QFile::exists(fixture(step.version)), qPrintable(fixture(step.version)));
    }
}

void TestMigrations::fixturesMigrate_data() {
    QTest::addColumn<int>("version");
    for (const Migration& step : migrations()) {
        QTest::addRow("version %d", step.version) << step.version;
    }
}

void TestMigrations::fixturesMigrate() {
    QFETCH(int, version);
    QTemporaryDir folder;
    const QString path = folder.filePath("old.prefbench");
    QVERIFY(QFile::copy(fixture(version), path));
    QVERIFY(QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner));
    const auto project = Project::open(path);
    QCOMPARE(schemaVersion(*project), newestVersion());
    TemporaryProject fresh;
    QCOMPARE(schemaOf(*project), schemaOf(*fresh));
    QCOMPARE(sql::scalar(*project, "PRAGMA foreign_key_check"), QVariant());
    QCOMPARE(sql::scalar(*project, "PRAGMA integrity_check").toString(), "ok");

    // What people had put in is all there.
    QCOMPARE(Prompts(*project).count(), 3);  // two of the four are equal
    QCOMPARE(Prompts(*project).page(Split::Test).first().text(), QStringLiteral("Prompt é 2"));
    QCOMPARE(Completions(*project).count(), 8);
    QCOMPARE(Comparisons(*project).count(), 4);
    const Judgements::Counts counts = Judgements(*project).counts();
    QCOMPARE(counts.decided, 3);
    QCOMPARE(counts.ties, 2);
    QCOMPARE(counts.bothBad, 1);
    QCOMPARE(counts.skipped, 1);
    QCOMPARE(Judgements(*project).labelledPairs().size(), 5);
    QCOMPARE(Annotators(*project).all().size(), 2);
    QCOMPARE(Runs(*project).all().first().name, "dpo 1");
    QCOMPARE(Settings(*project).value("greeting"), "hello");
    QVERIFY(!Settings(*project).value("project_id").isEmpty());
}

void TestMigrations::failedStepLeavesTheVersionBefore() {
    TemporaryProject project;
    project.addPrompt("kept");
    const QStringList before = schemaOf(*project);
    const int version = newestVersion();
    static constexpr std::array<const char*, 3> broken{"CREATE TABLE half (x)", "DELETE FROM prompts",
                                                       "CREATE TABLE half (x)"};
    const std::array<Migration, 1> steps{Migration{version + 1, broken}};
    QVERIFY(errorOf([&] { migrate(*project, steps); }).contains("half"));
    QCOMPARE(schemaVersion(*project), version);
    QCOMPARE(schemaOf(*project), before);
    QCOMPARE(Prompts(*project).count(), 1);
}

void TestMigrations::stepsRunOnceAndInOrder() {
    TemporaryProject project;
    const int version = newestVersion();
    static constexpr std::array<const char*, 1> one{"CREATE TABLE one (x)"};
    static constexpr std::array<const char*, 1> two{"ALTER TABLE one ADD COLUMN y"};
    const std::array<Migration, 2> steps{Migration{version + 1, one}, Migration{version + 2, two}};
    migrate(*project, steps);
    QCOMPARE(schemaVersion(*project), version + 2);
    migrate(*project, steps);
    sql::run(*project, "INSERT INTO one (x, y) VALUES (1, 2)");
}

QTEST_GUILESS_MAIN(TestMigrations)
#include "tst_migrations.moc"
