#include <unistd.h>

#include <QApplication>
#include <QFileInfo>
#include <QHash>
#include <QProcess>
#include <QRandomGenerator>
#include <QSettings>
#include <QTest>
#include <csignal>
#include <numeric>

#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/project/runs.h"
#include "core/project/sql.h"
#include "tests/workbench/scratch_project.h"
#include "ui/pages/label_page.h"
#include "ui/pages/main_window.h"
#include "ui/pages/train_page.h"

using namespace prefbench;

namespace {

constexpr int kLives = 21;
constexpr int kComparisons = 3000;
constexpr int kSteps = 400;
constexpr int kPatience = 300'000;  // ms: for a machine that is busy with other things

/// Comparison → answer as it stands ("-2", "skip", …); without the ones taken back.
using Answers = QHash<QString, QString>;

enum class Death { AtASync, AfterAnAnswer, AnyMoment };

/// What one life of the window showed.
struct Life {
    Answers standing;    ///< what the window had shown as saved, lives before included
    QString comparison;  ///< of the key pressed last and not shown as saved; empty: none, or an undo
    QString answer;
    bool undoing = false;
    int shown = 0;  ///< answers and undos shown as saved
    bool training = false;
};

void take(const QByteArray& line, Life& life) {
    const QStringList words = QString::fromLatin1(line.trimmed()).split(u' ');
    if (!line.endsWith('\n')) {
        return;
    }
    if (words[0] == QLatin1String("training")) {
        life.training = true;
    } else if (words[0] == QLatin1String("pressed")) {
        life.comparison = words[1];
        life.answer = words[2];
    } else if (words[0] == QLatin1String("undoing")) {
        life.undoing = true;
    } else if (words[0] == QLatin1String("saved")) {
        life.standing.insert(life.comparison, life.answer);
        life.comparison.clear();
        ++life.shown;
    } else if (words[0] == QLatin1String("undone")) {
        life.standing.remove(words[1]);
        life.undoing = false;
        ++life.shown;
    }
}

/// Opens the window and kills it: at a sync between BEGIN and COMMIT, some time after its first answer, or at any
/// moment, opening included.
Life liveAndDie(const QString& project, bool train, Death death, const Answers& before) {
    const auto random = QRandomGenerator::system();
    QStringList arguments{project};
    if (train) {
        arguments << QStringLiteral("train");
    }
    if (death == Death::AtASync) {
        arguments << QStringLiteral("syncs") << QString::number(random->bounded(1, 60));
    }
    Life life;
    life.standing = before;
    QProcess process;
    process.setProcessChannelMode(QProcess::ForwardedErrorChannel);
    process.start(QStringLiteral(PREFBENCH_WINDOW_PROGRAM), arguments);
    process.waitForStarted();
    if (death == Death::AtASync) {
        // Ends itself.
        if (!process.waitForFinished(kPatience)) {
            qFatal("the window was not killed at a sync");
        }
    } else {
        while (death == Death::AfterAnAnswer && life.shown == 0) {
            if (!process.canReadLine() && !process.waitForReadyRead(kPatience)) {
                qFatal("the window showed no answer as saved");
            }
            take(process.readLine(), life);
        }
        ::usleep(useconds_t(random->bounded(death == Death::AnyMoment ? 1'500'000 : 200'000)));
        process.kill();
        process.waitForFinished();
    }
    if (process.exitStatus() != QProcess::CrashExit || process.exitCode() != SIGKILL) {
        qFatal("the window ended by itself");
    }
    while (!process.atEnd()) {
        take(process.readLine(), life);
    }
    return life;
}

Answers stored(project::Project& project) {
    Answers answers;
    project::sql::run(project,
                      QStringLiteral("SELECT k.comparison_id, j.outcome, j.screen FROM current_judgements k JOIN "
                                     "judgements j ON j.id = k.judgement_id JOIN annotators a ON a.id = k.annotator_id "
                                     "WHERE a.name = 'Ada' AND k.attribute_id = '' AND k.kind = 'label'"),
                      {}, [&answers](const QSqlQuery& row) {
                          const QString outcome = row.value(1).toString();
                          answers.insert(row.value(0).toString(),
                                         outcome == QLatin1String("score") ? row.value(2).toString() : outcome);
                      });
    return answers;
}

/// Empty when `found` is what the life told, or that with the one key applied that was pressed last.
QString disagreement(const Life& life, const Answers& found) {
    if (found == life.standing) {
        return {};
    }
    if (!life.comparison.isEmpty()) {
        Answers withIt = life.standing;
        withIt.insert(life.comparison, life.answer);
        return found == withIt ? QString() : QStringLiteral("other answers than those shown as saved");
    }
    // An undo takes one answer back, which one the window had not said yet.
    Answers missing = life.standing;
    for (auto answer = found.cbegin(); answer != found.cend(); ++answer) {
        if (missing.take(answer.key()) != answer.value()) {
            return QStringLiteral("an answer that was not given: %1").arg(answer.key());
        }
    }
    return life.undoing && missing.size() == 1
               ? QString()
               : QStringLiteral("%1 answers shown as saved are lost").arg(missing.size());
}

qint64 judgements(project::Project& project) {
    return project::sql::scalar(project, QStringLiteral("SELECT count(*) FROM judgements")).toLongLong();
}

qint64 answeredTwice(project::Project& project) {
    return project::sql::scalar(project,
                                QStringLiteral("SELECT count(*) FROM (SELECT 1 FROM judgements j WHERE NOT EXISTS "
                                               "(SELECT 1 FROM judgements s WHERE s.supersedes = j.id) GROUP BY "
                                               "comparison_id, annotator_id HAVING count(*) > 1)"))
        .toLongLong();
}

std::vector<std::int64_t> trainSteps(const contract::RunDirectory& run) {
    contract::MetricsReader reader(run.metrics());
    reader.read();
    std::vector<std::int64_t> steps;
    for (const contract::MetricRecord& record : reader.records()) {
        if (record.split == "train") {
            steps.push_back(record.step);
        }
    }
    return steps;
}

}  // namespace

/// The window killed with −9 again and again: what it showed as saved is there, and the run it started goes on.
class TestCrashWindow : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void initTestCase();
    void killedAtAnyMoment();

  private:
    void check(const Life& life, int number, qint64 before);
    void finishesUndisturbed();
    void isShownByTheLastWindow();

    ScratchProject scratch_;
    QString path_, runFolder_;
    Answers answers_;
};

void TestCrashWindow::initTestCase() {
    path_ = scratch_.path();
    project::Transaction transaction(*scratch_);
    for (int i = 0; i < kComparisons; ++i) {
        const QString prompt = scratch_.addPrompt(QStringLiteral("Prompt number %1 says").arg(i));
        const QString comparison =
            scratch_.addComparison(prompt, QStringLiteral(" that it is good"), QStringLiteral(" so bad, so bad"));
        if (i < 24) {
            scratch_.label(comparison, i % 5 == 0 ? -1 : 1);
        }
    }
    transaction.commit();
}

void TestCrashWindow::check(const Life& life, int number, qint64 before) {
    const QByteArray which = "life " + QByteArray::number(number) + ": ";
    QCOMPARE(project::sql::scalar(*scratch_, "PRAGMA quick_check").toString(), "ok");
    const Answers found = stored(*scratch_);
    const QString problem = disagreement(life, found);
    QVERIFY2(problem.isEmpty(), which + qPrintable(problem));
    const qint64 rows = judgements(*scratch_) - before;
    QVERIFY2(rows == life.shown || rows == life.shown + 1,
             which + QByteArray::number(rows) + " rows, " + QByteArray::number(life.shown) + " shown as saved");
    QCOMPARE(answeredTwice(*scratch_), 0);
    answers_ = found;
}

void TestCrashWindow::killedAtAnyMoment() {
    int shown = 0, halfWritten = 0;
    for (int number = 0; number < kLives; ++number) {
        const qint64 before = judgements(*scratch_);
        const auto death = static_cast<Death>(number % 3);
        const Life life = liveAndDie(path_, number == 0, death, answers_);
        halfWritten += QFileInfo(path_ + "-journal").size() > 0;
        QVERIFY(number > 0 || life.training);
        shown += life.shown;
        check(life, number, before);
        if (QTest::currentTestFailed()) {
            return;
        }
    }
    qInfo("%d answers and undos shown as saved; %d of %d kills left a transaction half written", shown, halfWritten,
          kLives);
    QVERIFY(shown > kLives);
    QVERIFY2(halfWritten > 0, "no kill left anything to roll back");
    finishesUndisturbed();
    if (!QTest::currentTestFailed()) {
        isShownByTheLastWindow();
    }
}

void TestCrashWindow::finishesUndisturbed() {
    QCOMPARE(project::Runs(*scratch_).all().size(), 1);
    runFolder_ = (*scratch_).absolutePath(project::Runs(*scratch_).all().first().folder);
    const contract::RunDirectory run{runFolder_.toStdString()};
    QTRY_COMPARE_WITH_TIMEOUT(contract::readStatus(run).state, contract::RunState::Finished, kPatience);
    std::vector<std::int64_t> everyStep(kSteps);
    std::iota(everyStep.begin(), everyStep.end(), 1);
    QVERIFY(trainSteps(run) == everyStep);
}

void TestCrashWindow::isShownByTheLastWindow() {
    QCoreApplication::setOrganizationName(QStringLiteral("prefbench-test"));
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, scratch_.folder());
    pages::MainWindow window;
    window.show();
    window.openProject(path_);
    QTRY_VERIFY_WITH_TIMEOUT(window.workbench().isOpen(), kPatience);
    auto* train = qobject_cast<pages::TrainPage*>(window.page(QStringLiteral("train")));
    QTRY_COMPARE_WITH_TIMEOUT(train->runs()->rowCount(), 1, kPatience);
    QCOMPARE(train->runs()->rows().first().status.state, contract::RunState::Finished);
    QCOMPARE(train->runs()->rows().first().status.step, kSteps);
}

QTEST_MAIN(TestCrashWindow)
#include "tst_crash_window.moc"
