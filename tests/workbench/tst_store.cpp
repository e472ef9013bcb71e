#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>
#include <QThread>
#include <atomic>

#include "core/project/prompts.h"
#include "core/workbench/store.h"

using namespace prefbench;
using workbench::Store;

class TestStore : public QObject {
    Q_OBJECT

    QTemporaryDir folder_;
    int files_ = 0;

    QString newPath() { return folder_.filePath(QStringLiteral("p%1.prefbench").arg(++files_)); }

  private Q_SLOTS:
    void opensAndSaysWhyNot() {
        Store store;
        QSignalSpy opened(&store, &Store::opened);
        QSignalSpy failed(&store, &Store::openFailed);
        store.open(newPath());
        QTRY_VERIFY_WITH_TIMEOUT(!failed.isEmpty(), 60000);
        QVERIFY(failed.first().first().toString().contains(QStringLiteral("p1.prefbench")));
        store.open(newPath(), true);
        QTRY_VERIFY_WITH_TIMEOUT(!opened.isEmpty(), 60000);
        QCOMPARE(opened.first().at(1).toBool(), false);
    }

    void jobsRunInOrderOnAnotherThread() {
        Store store;
        store.open(newPath(), true);
        QList<int> order;
        bool elsewhere = true;
        for (int i = 0; i < 50; ++i) {
            store.run(
                [i, &elsewhere, here = QThread::currentThread()](project::Project&) {
                    elsewhere = elsewhere && QThread::currentThread() != here;
                    return i;
                },
                this,
                [&order, here = QThread::currentThread()](int value) {
                    QCOMPARE(QThread::currentThread(), here);
                    order << value;
                });
        }
        QTRY_COMPARE(order.size(), 50);
        QVERIFY(std::is_sorted(order.begin(), order.end()));
        QVERIFY(elsewhere);
    }

    void nobodyHearsOfAJobWhoseContextIsGone() {
        Store store;
        store.open(newPath(), true);
        std::atomic<int> ran = 0;
        int heard = 0;
        {
            QObject context;
            for (int i = 0; i < 100; ++i) {
                store.run([&ran](project::Project&) { return ++ran; }, &context, [&heard](int) { ++heard; });
            }
        }
        QTRY_COMPARE(ran.load(), 100);
        QCoreApplication::processEvents();
        QCOMPARE(heard, 0);
    }

    void errorsGoToTheHandlerElseToTheSignal() {
        Store store;
        store.open(newPath(), true);
        QSignalSpy failed(&store, &Store::failed);
        QString own;
        const auto fails = [](project::Project&) -> int { throw Error("the disk is full"); };
        store.run(
            fails, this, [](int) { QFAIL("a failed job has no value"); },
            [&own](const QString& message) { own = message; });
        QTRY_COMPARE(own, QStringLiteral("the disk is full"));
        QCOMPARE(failed.size(), 0);
        store.run(fails, this, [](int) { QFAIL("a failed job has no value"); });
        QTRY_COMPARE(failed.size(), 1);
        QCOMPARE(failed.first().first().toString(), QStringLiteral("the disk is full"));
    }

    void withoutAProjectJobsFail() {
        Store store;
        QString message;
        store.run([](project::Project&) {}, this, [] { QFAIL("there is no project"); },
                  [&message](const QString& text) { message = text; });
        QTRY_VERIFY(!message.isEmpty());
    }

    void theDestructorFinishesWhatWasGiven() {
        const QString path = newPath();
        {
            Store store;
            store.open(path, true);
            for (int i = 0; i < 30; ++i) {
                store.run(
                    [i](project::Project& project) {
                        project::Prompts(project).add(project::Prompt::plainMessages(QString::number(i)),
                                                      project::Split::Train, QStringLiteral("test"));
                    },
                    this, [] {});
            }
        }
        QCOMPARE(project::Prompts(*project::Project::open(path)).count(), 30);
    }
};

QTEST_GUILESS_MAIN(TestStore)
#include "tst_store.moc"
