#include <fcntl.h>

#include <QFile>
#include <QProcess>
#include <QRegularExpression>
#include <QSqlQuery>
#include <QThread>
#include <algorithm>

#include "core/project/schema.h"
#include "core/project/settings.h"
#include "core/project/sql.h"
#include "tests/support/temporary_project.h"
#include "tests/support/unprivileged.h"

using namespace prefbench;
using namespace prefbench::project;

namespace {

QVariant pragma(Project& project, const char* name) {
    return sql::scalar(project, QStringLiteral("PRAGMA %1").arg(QLatin1String(name)));
}

}  // namespace

class TestProject : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void setsUpEveryConnection();
    void refusesToCreate();
    void refusesWhatIsNoProject();
    void reportsDamage();
    void newerVersionIsReadOnly();
    void readOnlyMode();
    void readOnlyFolderAndFile();
    void diskFullLosesNothing();
    void lockedByAnotherProcess();
    void transactionsNest();
    void pathsAreStoredRelative();
    void idsAreOrderedAndUnique();
    void textsComeBackExactly();
};

void TestProject::setsUpEveryConnection() {
    TemporaryProject project;
    const auto second = Project::open(project.path());
    const auto reader = Project::open(project.path(), Project::Mode::ReadOnly);
    for (Project* each : {&*project, second.get(), reader.get()}) {
        QCOMPARE(pragma(*each, "journal_mode").toString(), each == reader.get() ? "delete" : "truncate");
        QCOMPARE(pragma(*each, "synchronous").toInt(), 3);
        QCOMPARE(pragma(*each, "foreign_keys").toInt(), 1);
        QCOMPARE(pragma(*each, "busy_timeout").toInt(), 5000);
    }
    QCOMPARE(pragma(*project, "application_id").toInt(), applicationId);
    QCOMPARE(pragma(*project, "user_version").toInt(), newestVersion());
    QVERIFY(!QFile::exists(project.path() + ".creating-journal"));
    QVERIFY(!project->isReadOnly() && !project->isNewer() && project->readOnlyReason().isEmpty());
}

void TestProject::refusesToCreate() {
    TemporaryProject project;
    QVERIFY(errorOf([&] { Project::create(project.path()); }).contains("there is a file of that name already"));
    const QString nowhere = project.filePath("no/such/folder/p.prefbench");
    QVERIFY(errorOf([&] { Project::create(nowhere); }).contains("does not exist"));
    QVERIFY(!QFile::exists(nowhere));
}

void TestProject::refusesWhatIsNoProject() {
    QTemporaryDir folder;
    const auto refused = [](const QString& path) { return errorOf([&] { Project::open(path); }); };
    QVERIFY(refused(folder.filePath("missing")).contains("there is no such file"));
    QVERIFY(refused(folder.path()).contains("not a Prefbench project"));

    const QString text = folder.filePath("text");
    QFile file(text);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write("hello");
    file.close();
    QVERIFY(refused(text).contains("not a Prefbench project"));

    const QString foreign = folder.filePath("foreign.db");
    {
        QSqlDatabase database = QSqlDatabase::addDatabase("QSQLITE", "foreign");
        database.setDatabaseName(foreign);
        QVERIFY(database.open());
        QVERIFY(QSqlQuery(database).exec("CREATE TABLE judgements (x)"));
    }
    QSqlDatabase::removeDatabase("foreign");
    const QString message = refused(foreign);
    QVERIFY(message.contains("not a Prefbench project") && message.contains("foreign.db") && !message.contains('\n'));
}

void TestProject::reportsDamage() {
    TemporaryProject project;
    project.addComparisons(300);
    project.close();
    QFile file(project.path());
    const qint64 size = file.size();
    QVERIFY(file.open(QIODevice::ReadWrite));
    QVERIFY(file.seek(size / 2));
    file.write(QByteArray(int(size / 4), '\x5a'));
    file.close();
    QVERIFY2(errorOf([&] { Project::open(project.path()); }).contains("damaged"), "damage was not reported");
    QCOMPARE(QFile(project.path()).size(), size);
}

void TestProject::newerVersionIsReadOnly() {
    TemporaryProject project;
    project.addPrompt("kept");
    sql::run(*project, QStringLiteral("PRAGMA user_version = %1").arg(newestVersion() + 1));
    project.reopen();
    QVERIFY(project->isNewer() && project->isReadOnly());
    QVERIFY(project->readOnlyReason().contains("newer version"));
    QCOMPARE(Prompts(*project).count(), 1);
    QVERIFY(errorOf([&] { project.addPrompt("new"); }).contains("newer version"));
    QCOMPARE(pragma(*project, "user_version").toInt(), newestVersion() + 1);
}

void TestProject::readOnlyMode() {
    TemporaryProject project;
    const auto reader = Project::open(project.path(), Project::Mode::ReadOnly);
    QVERIFY(reader->isReadOnly() && !reader->isNewer());
    QVERIFY(errorOf([&] { Settings(*reader).set("a", "b"); }).contains("reading only"));
}

void TestProject::readOnlyFolderAndFile() {
    TemporaryProject project;
    project.close();
    const QString folder = QFileInfo(project.path()).path();
    const auto read = QFile::ReadOwner | QFile::ReadGroup | QFile::ReadOther;
    const auto enter = read | QFile::ExeOwner | QFile::ExeGroup | QFile::ExeOther;
    QVERIFY(QFile::setPermissions(folder, enter));
    {
        Unprivileged unprivileged;
        const QString message = errorOf([&] { Project::open(project.path()); });
        QVERIFY2(message.contains("its folder is read-only") && message.contains(project.path()), qPrintable(message));
        QVERIFY(errorOf([&] { Project::create(folder + "/other.prefbench"); }).contains("its folder is read-only"));
        QVERIFY(Project::open(project.path(), Project::Mode::ReadOnly)->isReadOnly());
    }
    QVERIFY(QFile::setPermissions(folder, enter | QFile::WriteOwner | QFile::WriteGroup | QFile::WriteOther));
    QVERIFY(QFile::setPermissions(project.path(), read));
    {
        Unprivileged unprivileged;
        QVERIFY(errorOf([&] { Project::open(project.path()); }).contains("the file is read-only"));
    }
}

void TestProject::diskFullLosesNothing() {
    TemporaryProject project;
    const QStringList comparisons = project.addComparisons(5);
    const QString annotator = project.annotator();
    Judgements judgements(*project);
    const QString saved = judgements.append({.comparisonId = comparisons[0], .annotatorId = annotator, .screen = 2});

    // A limit on pages makes SQLite answer as it does on a full disk: SQLITE_FULL.
    const int pages = pragma(*project, "page_count").toInt();
    sql::run(*project, QStringLiteral("PRAGMA max_page_count = %1").arg(pages));
    Judgement large{.comparisonId = comparisons[1], .annotatorId = annotator, .screen = 1};
    large.rationale = QString(100000, 'x');
    const QString message = errorOf([&] { judgements.append(large); });
    QVERIFY2(message.contains("disk is full") && message.contains(project.path()), qPrintable(message));
    QVERIFY(!message.contains('\n'));

    sql::run(*project, QStringLiteral("PRAGMA max_page_count = 1000000"));
    QVERIFY(judgements.find(saved));
    QVERIFY(!judgements.current(comparisons[1], annotator));
    judgements.append(large);
    QCOMPARE(judgements.current(comparisons[1], annotator)->rationale.size(), 100000);
    QCOMPARE(pragma(*project, "quick_check").toString(), "ok");
}

void TestProject::lockedByAnotherProcess() {
    TemporaryProject project;
    QProcess other;
    other.start("sqlite3", {project.path()});
    if (!other.waitForStarted()) {
        QSKIP("the sqlite3 program is not installed");
    }
    other.write("BEGIN IMMEDIATE; SELECT 'held';\n");
    while (other.canReadLine() || other.waitForReadyRead(10000)) {
        if (other.readLine().contains("held")) {
            break;
        }
    }
    const QString message = errorOf([&] { Settings(*project).set("a", "b"); });
    QVERIFY2(message.contains("locked") && message.contains(project.path()), qPrintable(message));
    QVERIFY2(message.contains("another process") || message.contains(QString::number(other.processId())),
             qPrintable(message));
    other.write("ROLLBACK;\n.quit\n");
    QVERIFY(other.waitForFinished());
    Settings(*project).set("a", "b");
    QCOMPARE(Settings(*project).value("a"), "b");
}

void TestProject::transactionsNest() {
    TemporaryProject project;
    Settings settings(*project);
    {
        Transaction outer(*project);
        settings.set("rolled", "back");  // a transaction of its own, joined
    }
    QCOMPARE(settings.value("rolled", "none"), "none");
    {
        Transaction outer(*project);
        settings.set("kept", "yes");
        outer.commit();
    }
    QCOMPARE(settings.value("kept"), "yes");
    {
        Transaction outer(*project);
        settings.set("spoilt", "yes");
        { Transaction inner(*project); }
        QVERIFY(errorOf([&] { outer.commit(); }).contains("nothing was changed"));
    }
    QCOMPARE(settings.value("spoilt", "none"), "none");
    settings.set("after", "works");
    QCOMPARE(settings.value("after"), "works");
}

void TestProject::pathsAreStoredRelative() {
    TemporaryProject project;
    const QString data = project->dataFolder();
    QVERIFY(data.endsWith("/test.data") && QFileInfo(data).isDir());
    QCOMPARE(project->storedPath(data + "/runs/a"), "test.data/runs/a");
    QCOMPARE(project->storedPath("test.data/runs/a"), "test.data/runs/a");
    QCOMPARE(project->absolutePath("test.data/runs/a"), data + "/runs/a");
    QCOMPARE(project->storedPath("/usr/share/model"), "/usr/share/model");
    QCOMPARE(project->absolutePath("/usr/share/model"), "/usr/share/model");
}

void TestProject::idsAreOrderedAndUnique() {
    QStringList ids;
    for (int i = 0; i < 20000; ++i) {
        ids << newId();
    }
    QVERIFY(std::is_sorted(ids.begin(), ids.end()));
    QVERIFY(std::adjacent_find(ids.begin(), ids.end()) == ids.end());
    static const QRegularExpression form("^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$");
    QVERIFY2(form.match(ids.first()).hasMatch(), qPrintable(ids.first()));
    const qint64 milliseconds = ids.first().remove('-').left(12).toLongLong(nullptr, 16);
    QVERIFY(std::abs(milliseconds - QDateTime::currentMSecsSinceEpoch()) < 60000);

    QStringList others;
    std::unique_ptr<QThread> thread(QThread::create([&others] {
        for (int i = 0; i < 5000; ++i) {
            others << newId();
        }
    }));
    thread->start();
    for (int i = 0; i < 5000; ++i) {
        ids << newId();
    }
    thread->wait();
    const QSet<QString> all = QSet<QString>(ids.begin(), ids.end()) + QSet<QString>(others.begin(), others.end());
    QCOMPARE(all.size(), 30000);
}

void TestProject::textsComeBackExactly() {
    // U+0000, a leading byte-order mark either way round, non-characters, beyond the BMP, combining and right-to-left.
    const QStringList texts{QString(),
                            QStringLiteral("plain"),
                            QStringLiteral("nul\0inside").replace("\\0", QChar(0)),
                            QString(QChar(0)),
                            QString(QChar(0xfeff)) + "after a mark",
                            QString(QChar(0xfffe)) + "swapped",
                            QString(QChar(0xffff)),
                            QStringLiteral("😀 é שלום 中\r\n\t"),
                            QString("a") + QChar(0) + "b"};
    TemporaryProject project;
    const QString prompt = project.addPrompt("p");
    for (const QString& text : texts) {
        const QString id = project.addCompletion(prompt, text);
        QCOMPARE(Completions(*project).find(id)->text, text);
        Settings(*project).set("text", text);
        QCOMPARE(Settings(*project).value("text", "x"), text);
        const QString promptId = project.addPrompt(text);
        QCOMPARE(Prompts(*project).find(promptId)->text(), text);
        QCOMPARE(project.addPrompt(text), promptId);
    }
}

QTEST_GUILESS_MAIN(TestProject)
#include "tst_project.moc"
