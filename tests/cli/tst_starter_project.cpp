#include "core/workbench/starter_project.h"

#include "core/project/models.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;

class TestStarterProject : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void isReadyToSample();
    void isMadeOnce();
    void failureLeavesNothing();
};

void TestStarterProject::isReadyToSample() {
    QTemporaryDir folder;
    const auto project = workbench::createStarterProject(folder.filePath("s.prefbench"));
    Prompts prompts(*project);
    QVERIFY(prompts.count(Split::Train) >= 300);
    QVERIFY(prompts.count(Split::Test) >= 30);
    const Model model = Models(*project).all().first();
    QCOMPARE(model.name, "Starter");
    QCOMPARE(model.folder, "s.data/models/starter");
    // A copy: the project goes where its file and folder go.
    QVERIFY(QFile::exists(project->absolutePath(model.folder) + "/model.safetensors"));
    QVERIFY(QFile::exists(project->absolutePath(model.folder) + "/tokenizer.json"));
}

void TestStarterProject::isMadeOnce() {
    QTemporaryDir folder;
    const QString below = folder.filePath("new/folder");
    const QString path = workbench::ensureStarterProject(below);
    const auto id = [&path] { return Models(*Project::open(path)).all().first().id; };
    const QString first = id();
    QCOMPARE(workbench::ensureStarterProject(below), path);
    QCOMPARE(id(), first);
}

void TestStarterProject::failureLeavesNothing() {
    QTemporaryDir folder;
    // The model's place is taken.
    QVERIFY(QDir().mkpath(folder.filePath("s.data/models/starter/full")));
    const QString message = errorOf([&] { workbench::createStarterProject(folder.filePath("s.prefbench")); });
    QVERIFY2(message.contains("new or an empty folder"), qPrintable(message));
    QVERIFY(!QFile::exists(folder.filePath("s.prefbench")));
    QVERIFY(QFile::exists(folder.filePath("s.data/models/starter/full")));
}

QTEST_GUILESS_MAIN(TestStarterProject)
#include "tst_starter_project.moc"
