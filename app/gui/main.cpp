#include <QApplication>
#include <QCommandLineParser>
#include <cstdio>

#include "ui/pages/main_window.h"

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QApplication::setOrganizationName(QStringLiteral("prefbench"));
    QApplication::setApplicationName(QStringLiteral("prefbench"));
    QApplication::setApplicationDisplayName(QStringLiteral("Prefbench"));
    QApplication::setApplicationVersion(QStringLiteral(PREFBENCH_VERSION));
    QApplication::setDesktopFileName(QStringLiteral("prefbench"));

    QCommandLineParser parser;
    parser.setApplicationDescription(QCoreApplication::translate("main", "Learning from human preferences."));
    const QCommandLineOption help = parser.addHelpOption();
    const QCommandLineOption version = parser.addVersionOption();
    const QCommandLineOption demo(QStringLiteral("demo"),
                                  QCoreApplication::translate("main", "Open the starter project, made if need be."));
    parser.addOption(demo);
    parser.addPositionalArgument(QStringLiteral("PROJECT"),
                                 QCoreApplication::translate("main", "Project file to open (NAME.prefbench)."),
                                 QStringLiteral("[PROJECT]"));
    const bool parsed = parser.parse(QCoreApplication::arguments());
    if (parsed && parser.isSet(help)) {
        parser.showHelp(0);
    }
    if (parsed && parser.isSet(version)) {
        parser.showVersion();
    }
    const QStringList files = parser.positionalArguments();
    if (!parsed || files.size() > 1 || (!files.isEmpty() && parser.isSet(demo))) {
        const QString reason =
            parsed ? QCoreApplication::translate("main", "give one project, or --demo") : parser.errorText();
        std::fprintf(stderr, "prefbench: %s\n", qPrintable(reason));
        return 2;
    }

    prefbench::pages::MainWindow window;
    window.show();
    if (parser.isSet(demo)) {
        window.openStarter();
    } else if (!files.isEmpty()) {
        window.openProject(files.first());
    } else {
        window.openLast();
    }
    return QApplication::exec();
}
