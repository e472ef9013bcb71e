#include <unistd.h>

#include <QFile>
#include <QFileInfo>
#include <QProcess>
#include <QRandomGenerator>
#include <QSet>

#include "core/project/sql.h"
#include "tests/support/temporary_project.h"

using namespace prefbench;
using namespace prefbench::project;

namespace {

/// What one life of the labelling program told before it was killed.
struct Life {
    QStringList saved;
    QString uncommitted;
};

void take(const QByteArray& line, Life& life) {
    const QString id = QString::fromLatin1(line.mid(line.indexOf(' ') + 1).trimmed());
    if (line.startsWith("saved ") && line.endsWith('\n')) {
        life.saved << id;
    } else if (line.startsWith("uncommitted ")) {
        life.uncommitted = id;
    }
}

/// Runs the program and kills it with SIGKILL: `microseconds` after its first answer, or, with `half` above 0, between
/// BEGIN and COMMIT of that answer.
Life liveAndDie(const QString& project, int half, int microseconds) {
    QProcess process;
    process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    process.start(QStringLiteral(PREFBENCH_LABEL_PROGRAM),
                  half > 0 ? QStringList{project, QString::number(half)} : QStringList{project});
    Life life;
    while (life.uncommitted.isEmpty() && (half > 0 || life.saved.isEmpty())) {
        if (!process.canReadLine() && !process.waitForReadyRead(60000)) {
            qFatal("the labelling program said nothing");
        }
        take(process.readLine(), life);
    }
    if (half == 0) {
        ::usleep(useconds_t(microseconds));
    }
    process.kill();
    process.waitForFinished();
    while (!process.atEnd()) {
        take(process.readLine(), life);
    }
    return life;
}

QSet<QString> storedIds(Project& project) {
    QSet<QString> ids;
    sql::run(project, "SELECT id FROM judgements", {},
             [&ids](const QSqlQuery& row) { ids.insert(row.value(0).toString()); });
    return ids;
}

}  // namespace

class TestCrashLabels : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void killedAtAnyMoment();
    void killedWhileTheProjectIsMade();
};

void TestCrashLabels::killedAtAnyMoment() {
    TemporaryProject project;
    project.addComparisons(3000);
    project.close();
    const QString path = project.path();
    const auto random = QRandomGenerator::system();
    QSet<QString> saved, uncommitted;
    int rolledBack = 0;
    for (int life = 0; life < 30; ++life) {
        const bool inside = life % 3 == 0;
        const Life told = liveAndDie(path, inside ? random->bounded(1, 15) : 0, random->bounded(30000));
        saved += QSet<QString>(told.saved.begin(), told.saved.end());
        if (inside) {
            QVERIFY(!told.uncommitted.isEmpty());
            uncommitted.insert(told.uncommitted);
            rolledBack += QFileInfo(path + "-journal").size() > 0;
        }

        // Reading is enough to see it whole; the half-written answer is taken back.
        const auto reopened = Project::open(path, life % 2 ? Project::Mode::ReadOnly : Project::Mode::ReadWrite);
        QCOMPARE(sql::scalar(*reopened, "PRAGMA integrity_check").toString(), "ok");
        QVERIFY(!sql::scalar(*reopened, "PRAGMA foreign_key_check").isValid());
        const QSet<QString> stored = storedIds(*reopened);
        QVERIFY2(stored.contains(saved), qPrintable(QStringLiteral("a saved answer is lost in life %1").arg(life)));
        QVERIFY2(!stored.intersects(uncommitted), qPrintable(QStringLiteral("half an answer in life %1").arg(life)));
    }
    QVERIFY(saved.size() >= 30);
    QVERIFY2(rolledBack > 0, "no kill left anything to roll back");

    // Every answer that stands is whole and current exactly once.
    project.reopen();
    const qint64 twice = sql::scalar(*project,
                                     "SELECT count(*) FROM (SELECT 1 FROM judgements j WHERE kind = 'label' AND NOT "
                                     "EXISTS (SELECT 1 FROM judgements s WHERE s.supersedes = j.id) GROUP BY "
                                     "comparison_id, annotator_id HAVING count(*) > 1)")
                             .toLongLong();
    QCOMPARE(twice, 0);
    const qint64 standing = sql::scalar(*project,
                                        "SELECT count(*) FROM judgements j WHERE outcome <> 'withdrawn' AND NOT EXISTS "
                                        "(SELECT 1 FROM judgements s WHERE s.supersedes = j.id)")
                                .toLongLong();
    QCOMPARE(sql::scalar(*project, "SELECT count(*) FROM current_judgements").toLongLong(), standing);
}

void TestCrashLabels::killedWhileTheProjectIsMade() {
    // What a crash during `create` leaves behind does not stand in the way, and is no half-made project.
    QTemporaryDir folder;
    const QString path = folder.filePath("new.prefbench");
    QFile torn(path + ".creating");
    QVERIFY(torn.open(QIODevice::WriteOnly));
    torn.write(QByteArray(5000, 'x'));
    torn.close();
    QVERIFY(!QFile::exists(path));
    QVERIFY(Project::create(path));
    QVERIFY(!torn.exists());
}

QTEST_GUILESS_MAIN(TestCrashLabels)
#include "tst_crash_labels.moc"
