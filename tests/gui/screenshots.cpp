// prefbench-screenshots PROJECT FOLDER: the pages of a project as PNG files, drawn by the window itself. No display is
// needed (QT_QPA_PLATFORM=offscreen); QT_SCALE_FACTOR sets the scale. tests/gui/screenshots.sh makes a project for it.

#include <QApplication>
#include <QCommandLineParser>
#include <QDir>
#include <QElapsedTimer>
#include <QSettings>
#include <QTemporaryDir>
#include <QTimer>
#include <cstdio>

#include "ui/pages/label_page.h"
#include "ui/pages/main_window.h"
#include "ui/pages/train/new_run_panel.h"
#include "ui/pages/train/run_form.h"
#include "ui/pages/train/setting_field.h"
#include "ui/pages/train_page.h"
#include "ui/widgets/disclosure.h"

using prefbench::pages::LabelPage;
using prefbench::pages::MainWindow;
using prefbench::pages::TrainPage;

namespace {

/// Handles events until `done` or for `milliseconds`; returns `done`.
template <class Done>
bool waitFor(Done done, int milliseconds = 15'000) {
    QElapsedTimer timer;
    timer.start();
    while (!done() && timer.elapsed() < milliseconds) {
        QApplication::processEvents(QEventLoop::AllEvents, 20);
    }
    return done();
}

void settle(int milliseconds) {
    waitFor([] { return false; }, milliseconds);
}

QPalette darkPalette() {
    QPalette palette;
    const QColor text(0xe4, 0xe4, 0xe4), window(0x2a, 0x2b, 0x2e), base(0x1f, 0x20, 0x22), disabled(0x80, 0x80, 0x80);
    palette.setColor(QPalette::Window, window);
    palette.setColor(QPalette::Base, base);
    palette.setColor(QPalette::AlternateBase, window);
    palette.setColor(QPalette::Button, QColor(0x38, 0x39, 0x3d));
    palette.setColor(QPalette::ToolTipBase, base);
    palette.setColor(QPalette::Highlight, QColor(0x2f, 0x6f, 0xb5));
    palette.setColor(QPalette::HighlightedText, Qt::white);
    for (const QPalette::ColorRole role :
         {QPalette::WindowText, QPalette::Text, QPalette::ButtonText, QPalette::ToolTipText}) {
        palette.setColor(role, text);
        palette.setColor(QPalette::Disabled, role, disabled);
    }
    palette.setColor(QPalette::PlaceholderText, QColor(0x9a, 0x9a, 0x9a));
    return palette;
}

/// The panel of a new run, with what is to be chosen in it: KEY=VALUE, "method=…" and "more=open" among them.
bool prepareNewRun(MainWindow& window, const QStringList& choices) {
    window.showPage(QStringLiteral("train"));
    settle(1000);
    auto* train = static_cast<TrainPage*>(window.page(QStringLiteral("train")));
    train->newRun();
    prefbench::pages::RunForm* form = train->newRunPanel()->form();
    for (const QString& choice : choices) {
        const QString key = choice.section(u'=', 0, 0), value = choice.section(u'=', 1);
        if (key == QLatin1String("method")) {
            form->setMethod(value);
        } else if (key == QLatin1String("more")) {
            form->more()->setOpen(true);
        } else if (form->field(key)) {
            form->field(key)->setText(value);
        } else {
            std::fprintf(stderr, "prefbench-screenshots: a new run has no setting %s\n", qPrintable(key));
            return false;
        }
    }
    settle(1500);
    return true;
}

bool prepare(MainWindow& window, const QString& page, const QStringList& choices) {
    if (page == QLatin1String("new-run")) {
        return prepareNewRun(window, choices);
    }
    window.showPage(page);
    if (page == QLatin1String("label")) {
        auto* label = static_cast<LabelPage*>(window.page(page));
        return waitFor([label] { return label->state() == LabelPage::State::Asking; });
    }
    settle(2500);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QApplication::setOrganizationName(QStringLiteral("prefbench"));
    QApplication::setApplicationName(QStringLiteral("prefbench"));
    QApplication::setApplicationDisplayName(QStringLiteral("Prefbench"));
    QCommandLineParser parser;
    parser.addHelpOption();
    parser.addOptions(
        {{QStringLiteral("dark"), QStringLiteral("Dark colours.")},
         {QStringLiteral("size"), QStringLiteral("Window size."), QStringLiteral("WxH"), QStringLiteral("1280x800")},
         {QStringLiteral("set"), QStringLiteral("A setting of the person's, as KEY=VALUE."), QStringLiteral("SETTING")},
         {QStringLiteral("pages"), QStringLiteral("Pages, by name."), QStringLiteral("NAMES"),
          QStringLiteral("label,train")},
         {QStringLiteral("choose"), QStringLiteral("A choice on page new-run, as KEY=VALUE."),
          QStringLiteral("CHOICE")}});
    parser.addPositionalArgument(QStringLiteral("PROJECT"), QStringLiteral("Project file."));
    parser.addPositionalArgument(QStringLiteral("FOLDER"), QStringLiteral("Where NAME.png go."));
    parser.process(application);
    if (parser.positionalArguments().size() != 2) {
        parser.showHelp(2);
    }
    if (parser.isSet(QStringLiteral("dark"))) {
        QApplication::setPalette(darkPalette());
    }
    const QTemporaryDir settingsFolder;
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, settingsFolder.path());
    const QString project = QFileInfo(parser.positionalArguments().at(0)).absoluteFilePath();
    for (const QString& setting : parser.values(QStringLiteral("set"))) {
        QSettings().setValue(setting.section(u'=', 0, 0), setting.section(u'=', 1));
    }
    QSettings().setValue(QStringLiteral("annotator/") + QString(project).replace(u'/', u'|'), QStringLiteral("Ada"));

    MainWindow window;
    const QStringList size = parser.value(QStringLiteral("size")).split(u'x');
    window.resize(size.value(0).toInt(), size.value(1).toInt());
    window.show();
    bool failed = false;
    QObject::connect(&window.workbench(), &prefbench::pages::Workbench::openFailed, &window,
                     [&](const QString&, const QString& message) {
                         std::fprintf(stderr, "prefbench-screenshots: %s\n", qPrintable(message));
                         failed = true;
                     });
    window.openProject(project);
    if (!waitFor([&] { return failed || window.workbench().isOpen(); }) || failed) {
        return 1;
    }
    const QDir folder(parser.positionalArguments().at(1));
    folder.mkpath(QStringLiteral("."));
    for (const QString& page : parser.value(QStringLiteral("pages")).split(u',')) {
        const QString file = folder.filePath(page + QStringLiteral(".png"));
        const bool known = page == QLatin1String("new-run") || window.page(page);
        if (!known || !prepare(window, page, parser.values(QStringLiteral("choose")))) {
            std::fprintf(stderr, "prefbench-screenshots: page %s has nothing to show\n", qPrintable(page));
            return 1;
        }
        settle(500);
        if (!window.grab().save(file)) {
            std::fprintf(stderr, "prefbench-screenshots: %s cannot be written\n", qPrintable(file));
            return 1;
        }
        std::printf("%s\n", qPrintable(file));
    }
    return 0;
}
