#include <sys/stat.h>

#include <QDir>
#include <QTemporaryDir>
#include <QTest>

#include "core/files/durable_file.h"
#include "tests/support/expect_error.h"
#include "tests/support/file_size_limit.h"

using namespace prefbench::files;

class TestDurableFile : public QObject {
    Q_OBJECT

    QTemporaryDir dir_;
    std::filesystem::path path(const char* name) { return dir_.filePath(name).toStdString(); }

  private slots:
    void writesAndReadsBack() {
        const std::string bytes = std::string("a\0b\n", 4) + std::string(100000, 'x');
        for (auto write : {writeDurably, writeAtomically}) {
            write(path("f"), bytes);
            QCOMPARE(readFile(path("f")), bytes);
            write(path("f"), "");
            QCOMPARE(readFile(path("f")), std::string());
        }
        QCOMPARE(QDir(dir_.path()).entryList(QDir::Files | QDir::Hidden), QStringList{"f"});
        QVERIFY(holds(readFile("/proc/self/status"), "Name:"));
    }

    void aFailedWriteLeavesTheOldContentAndNoLitter() {
        QTemporaryDir folder;
        const std::filesystem::path file = folder.filePath("status.json").toStdString();
        writeDurably(file, "old");
        {
            FileSizeLimit limit(1000);
            EXPECT_ERROR(writeDurably(file, std::string(5000, 'n')), "status.json: cannot be written (File too large)");
            EXPECT_ERROR(writeAtomically(file, std::string(5000, 'n')), "File too large");
        }
        QCOMPARE(readFile(file), std::string("old"));
        QCOMPARE(QDir(folder.path()).entryList(QDir::Files | QDir::Hidden), QStringList{"status.json"});
    }

    void errorsNameFileAndReason() {
        EXPECT_ERROR(writeDurably(path("no/such/folder/f"), "x"), "no/such/folder/f: cannot be written (No such file");
        EXPECT_ERROR(readFile(path("none")), "none: cannot be read (No such file");
        EXPECT_ERROR(readFile(path(".")), "Is a directory");
        EXPECT_ERROR(syncPath(path("none")), "No such file");
        EXPECT_ERROR(freeBytes(path("none/none")), "No such file");
        QDir(dir_.path()).mkdir("folder");
        EXPECT_ERROR(writeAtomically(path("folder"), "x"), "cannot be replaced");
    }

    void keepsPermissionsAndLinks() {
        writeDurably(path("secret"), "1");
        QVERIFY(::chmod(path("secret").c_str(), 0600) == 0);
        std::filesystem::create_symlink("secret", path("link"));
        writeDurably(path("link"), "2");
        struct stat status {};
        QVERIFY(::lstat(path("link").c_str(), &status) == 0 && S_ISLNK(status.st_mode));
        QCOMPARE(readFile(path("secret")), std::string("2"));
        QVERIFY(::stat(path("secret").c_str(), &status) == 0);
        QCOMPARE(int(status.st_mode & 0777), 0600);
    }

    void freeSpaceIsKnown() {
        QVERIFY(freeBytes(dir_.path().toStdString()) > 0);
        syncPath(dir_.path().toStdString());
    }

    void appendsWholeLines() {
        {
            LineAppender lines(path("metrics.jsonl"));
            lines.append("one");
            lines.append("");
            lines.sync();
        }
        LineAppender(path("metrics.jsonl")).append("two");
        QCOMPARE(readFile(path("metrics.jsonl")), std::string("one\n\ntwo\n"));
        EXPECT_ERROR(LineAppender(path("metrics.jsonl")).append("a\nb"), "line end");
    }

    void endsATornLine() {
        writeAtomically(path("torn"), "{\"step\":1}\n{\"st");
        LineAppender(path("torn")).append("{\"step\":2}");
        QCOMPARE(readFile(path("torn")), std::string("{\"step\":1}\n{\"st\n{\"step\":2}\n"));
    }

    void aFullDiskIsAnErrorAndTheNextLineStandsAlone() {
        LineAppender full("/dev/full");
        EXPECT_ERROR(full.append("x"), "/dev/full: cannot be written (No space left");
        LineAppender lines(path("short"));
        {
            FileSizeLimit limit(4);
            EXPECT_ERROR(lines.append("abcdefgh"), "in part");
        }
        lines.append("next");
        QCOMPARE(readFile(path("short")), std::string("abcd\nnext\n"));
    }

    void appendingNeedsAFolder() { EXPECT_ERROR(LineAppender(path("no/folder")), "no/folder: cannot be opened"); }
};

QTEST_APPLESS_MAIN(TestDurableFile)
#include "tst_durable_file.moc"
