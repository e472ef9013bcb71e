#include <QDirIterator>
#include <QFile>
#include <QHash>
#include <QProcess>
#include <QRegularExpression>
#include <QSet>
#include <QTest>

/// The wall between the two halves and the one-way arrows of README's architecture section, held against sources and
/// programs.
class TestStructure : public QObject {
    Q_OBJECT
  private Q_SLOTS:
    void programsLinkTheirHalfOnly_data();
    void programsLinkTheirHalfOnly();
    void includesFollowTheArrows();
};

namespace {

QString librariesOf(const QString& program) {
    QProcess ldd;
    ldd.start("ldd", {program});
    if (!ldd.waitForFinished() || ldd.exitCode() != 0) {
        return {};
    }
    return QString::fromLocal8Bit(ldd.readAllStandardOutput());
}

/// Folder → folders whose headers it may include besides its own.
const QHash<QString, QSet<QString>>& arrows() {
    static const QSet<QString> dataHalf = {"core/files",     "core/contract", "core/project", "core/statistics",
                                           "core/labelling", "core/exchange", "core/jobs",    "core/workbench"};
    static const QHash<QString, QSet<QString>> map = {
        {"core/files", {}},
        {"core/contract", {"core/files"}},
        {"core/statistics", {}},
        {"core/project", {"core/files", "core/contract"}},
        {"core/labelling", {"core/files", "core/project", "core/statistics"}},
        {"core/exchange", {"core/files", "core/contract", "core/project"}},
        {"core/jobs", {"core/files", "core/contract"}},
        {"core/workbench", {"core/files", "core/contract", "core/project", "core/exchange", "core/jobs"}},
        {"core/text", {"core/files"}},
        {"core/model", {"core/files"}},
        {"core/sampling", {"core/files", "core/contract", "core/text", "core/model"}},
        {"core/training", {"core/files", "core/contract", "core/text", "core/model", "core/sampling"}},
        {"app/engine", {"core/files", "core/contract", "core/text", "core/model", "core/sampling", "core/training"}},
        {"ui/methods", {"core/files", "core/contract"}},
        {"ui/charts", {"core/files", "core/contract", "ui/methods", "ui/widgets"}},
        {"ui/widgets", {}},
        {"ui/models", dataHalf | QSet<QString>{"ui/charts", "ui/widgets"}},
        {"ui/pages", dataHalf | QSet<QString>{"ui/methods", "ui/charts", "ui/widgets", "ui/models"}},
        {"app/cli", dataHalf | QSet<QString>{"ui/charts"}},
        {"app/gui", dataHalf | QSet<QString>{"ui/charts", "ui/widgets", "ui/models", "ui/pages"}},
    };
    return map;
}

/// "core/files" for "core/files/json.h"
QString folderOf(const QString& path) {
    return path.section('/', 0, 1);
}

}  // namespace

void TestStructure::programsLinkTheirHalfOnly_data() {
    QTest::addColumn<QString>("program");
    QTest::addColumn<QString>("forbidden");
    QTest::newRow("window") << "prefbench"
                            << "libtorch|libc10";
    QTest::newRow("command line") << "prefbench-cli"
                                  << "libtorch|libc10";
    QTest::newRow("engine") << "prefbench-engine"
                            << "libQt|sqlite";
}

void TestStructure::programsLinkTheirHalfOnly() {
    QFETCH(QString, program);
    QFETCH(QString, forbidden);
    const QString libraries = librariesOf(QStringLiteral(PREFBENCH_BIN_DIR "/") + program);
    QVERIFY2(libraries.contains("libstdc++"), qPrintable("ldd told nothing of " + program));
    const QRegularExpressionMatch match = QRegularExpression(forbidden).match(libraries);
    QVERIFY2(!match.hasMatch(), qPrintable(program + " links " + match.captured()));
}

void TestStructure::includesFollowTheArrows() {
    static const QRegularExpression include(QStringLiteral("^#include \"((?:core|ui|app)/[^\"]+)\""),
                                            QRegularExpression::MultilineOption);
    const QDir root(QStringLiteral(PREFBENCH_SOURCE_DIR));
    int files = 0;
    for (const char* top : {"core", "ui", "app"}) {
        QDirIterator entries(root.filePath(top), {"*.h", "*.cpp"}, QDir::Files, QDirIterator::Subdirectories);
        while (entries.hasNext()) {
            QFile file(entries.next());
            QVERIFY(file.open(QIODevice::ReadOnly));
            const QString path = root.relativeFilePath(file.fileName());
            const QString folder = folderOf(path);
            QVERIFY2(arrows().contains(folder), qPrintable(path + ": a folder that has no arrows stated"));
            ++files;
            auto includes = include.globalMatch(QString::fromUtf8(file.readAll()));
            while (includes.hasNext()) {
                const QString header = includes.next().captured(1);
                const QString target = folderOf(header);
                QVERIFY2(target == folder || arrows()[folder].contains(target),
                         qPrintable(path + " includes " + header));
            }
        }
    }
    QVERIFY(files > 50);
}

QTEST_GUILESS_MAIN(TestStructure)
#include "tst_structure.moc"
