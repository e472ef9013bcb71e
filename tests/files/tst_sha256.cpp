#include <QCryptographicHash>
#include <QTemporaryDir>
#include <QTest>

#include "core/files/durable_file.h"
#include "core/files/sha256.h"
#include "tests/support/expect_error.h"

using namespace prefbench::files;

class TestSha256 : public QObject {
    Q_OBJECT

  private slots:
    void agreesWithQtAtEveryPaddingLength() {
        for (int length = 0; length < 260; ++length) {
            QByteArray bytes;
            for (int i = 0; i < length; ++i) {
                bytes += static_cast<char>(i * 37 + length);
            }
            const QByteArray expected = QCryptographicHash::hash(bytes, QCryptographicHash::Sha256).toHex();
            QCOMPARE(QByteArray::fromStdString(sha256Hex({bytes.data(), size_t(bytes.size())})), expected);
        }
    }

    void piecesGiveTheSameAsTheWhole() {
        const std::string bytes(1000, 'x');
        for (size_t piece : {1, 3, 63, 64, 65, 999}) {
            Sha256 hash;
            for (size_t i = 0; i < bytes.size(); i += piece) {
                hash.update(std::string_view(bytes).substr(i, piece));
            }
            QCOMPARE(hash.hex(), sha256Hex(bytes));
        }
    }

    void hashesFiles() {
        QTemporaryDir dir;
        const std::filesystem::path file = dir.filePath("big").toStdString();
        const std::string bytes((1 << 20) + 17, 'q');
        writeAtomically(file, bytes);
        QCOMPARE(sha256File(file), sha256Hex(bytes));
        EXPECT_ERROR(sha256File(dir.filePath("none").toStdString()), "No such file");
        EXPECT_ERROR(sha256File(dir.path().toStdString()), "directory");
    }
};

QTEST_APPLESS_MAIN(TestSha256)
#include "tst_sha256.moc"
