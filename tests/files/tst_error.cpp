#include <QTest>

#include "core/files/error.h"

using prefbench::Error;

/// An Error is one line whatever the names in it hold.
class TestError : public QObject {
    Q_OBJECT

  private slots:
    void controlCharactersBecomeSpaces() {
        QCOMPARE(Error("tensor \"a\nb\x1b[31m\r\x7f\": é\t").what(), "tensor \"a b [31m  \": é ");
    }

    void halfCharactersAreMarked() {
        QCOMPARE(Error("\xC3, \xE2\x96 and é").what(), "\uFFFD, \uFFFD and é");
        QCOMPARE(Error("cut \xF0\x9F\x98").what(), "cut \uFFFD");
    }

    void theMiddleOfALongMessageIsLeftOut() {
        QCOMPARE(std::string(Error(std::string(2000, 'a')).what()).size(), std::size_t(2000));
        std::string name;
        for (int i = 0; i < 5000; ++i) {
            name += "é";
        }
        for (const std::string before : {"file: ", "file:  "}) {
            const QByteArray message = Error(before + name + ": too long").what();
            QVERIFY(message.size() <= 2010);
            QVERIFY(message.startsWith("file: "));
            QVERIFY(message.contains(" … "));
            QVERIFY(message.endsWith(": too long"));
            QCOMPARE(QString::fromUtf8(message).toUtf8(), message);
            QVERIFY(!QString::fromUtf8(message).contains(QChar::ReplacementCharacter));
        }
    }
};

QTEST_APPLESS_MAIN(TestError)
#include "tst_error.moc"
