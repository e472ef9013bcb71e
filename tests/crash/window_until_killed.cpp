// The real window on a project, used as a person would until it is killed: answers on the Label page by key events,
// now and then an undo. Prints, as soon as the window shows it,
//     training              a run was started on the Train page (asked for by "train")
//     pressed ID SCREEN     a key is about to be pressed on comparison ID; SCREEN as stored, or "both_bad", "skip"
//     undoing               the undo key is about to be pressed
//     saved                 the status bar says that what was pressed is saved
//     undone ID             the same for undo; ID is asked again
//
//     window_until_killed PROJECT [train] [syncs N]
//
// With "syncs N" it kills itself at the Nth call with which SQLite forces the project or its journal to the disk after
// the first saved answer. All of them come between BEGIN and the return of COMMIT.

#include <dlfcn.h>
#include <unistd.h>

#include <QApplication>
#include <QFileInfo>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QRandomGenerator>
#include <QSettings>
#include <QStatusBar>
#include <QTest>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "ui/pages/label_page.h"
#include "ui/pages/main_window.h"
#include "ui/pages/model_picker.h"
#include "ui/pages/train/new_run_panel.h"
#include "ui/pages/train/run_form.h"
#include "ui/pages/train/setting_field.h"
#include "ui/pages/train_page.h"

using namespace prefbench;
using pages::LabelPage;
using pages::MainWindow;

namespace {

constexpr int kPatienceMilliseconds = 60'000;
std::atomic<int> syncsLeft = 0;  ///< 0: not armed

void countSync(int descriptor) {
    char link[64], name[4096];
    std::snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    const ssize_t length = ::readlink(link, name, sizeof name - 1);
    name[length > 0 ? length : 0] = 0;
    // The project or its journal, not a settings file nor a run.
    if (std::strstr(name, ".prefbench") && syncsLeft > 0 && --syncsLeft == 0) {
        ::raise(SIGKILL);
    }
}

int realSync(const char* name, int descriptor) {
    return reinterpret_cast<int (*)(int)>(::dlsym(RTLD_NEXT, name))(descriptor);
}

}  // namespace

// The program exports these, so SQLite's calls come here.
extern "C" int fsync(int descriptor) {
    countSync(descriptor);
    return realSync("fsync", descriptor);
}
extern "C" int fdatasync(int descriptor) {
    countSync(descriptor);
    return realSync("fdatasync", descriptor);
}

namespace {

void say(const QString& line) {
    std::printf("%s\n", qPrintable(line));
    std::fflush(stdout);
}

template <class Condition>
void waitFor(const char* what, Condition condition) {
    if (!QTest::qWaitFor(condition, kPatienceMilliseconds)) {
        std::fprintf(stderr, "window_until_killed: waited in vain for %s\n", what);
        std::exit(3);
    }
}

bool showsSaved(const MainWindow& window) {
    for (const QLabel* label : window.statusBar()->findChildren<QLabel*>()) {
        if (label->text() == QLatin1String("Saved")) {
            return true;
        }
    }
    return false;
}

void startTraining(MainWindow& window) {
    QTest::keyClick(&window, Qt::Key_4, Qt::ControlModifier);
    auto* page = qobject_cast<pages::TrainPage*>(window.currentPage());
    waitFor("the Train page", [&] { return page && page->isVisible(); });
    page->newRun();
    pages::NewRunPanel* panel = page->newRunPanel();
    waitFor("a model", [&] { return !panel->modelFolder().isEmpty(); });
    for (const auto& [name, value] :
         {std::pair("max_steps", "400"), std::pair("batch_size", "4"), std::pair("threads", "1"),
          std::pair("eval_steps", "100"), std::pair("save_steps", "100")}) {
        panel->form()->field(QLatin1String(name))->setText(QLatin1String(value));
    }
    QPushButton* start = nullptr;
    for (QPushButton* button : panel->findChildren<QPushButton*>()) {
        start = button->text().contains(QLatin1String("Start training")) ? button : start;
    }
    waitFor("a run that can start", [&] { return start->isEnabled(); });
    QTest::mouseClick(start, Qt::LeftButton);
    waitFor("the run", [&] {
        return !page->runs()->rows().isEmpty() &&
               page->runs()->rows().first().status.state == contract::RunState::Running;
    });
    say(QStringLiteral("training"));
}

void goToLabelling(MainWindow& window, LabelPage* page) {
    QTest::keyClick(&window, Qt::Key_3, Qt::ControlModifier);
    waitFor("the Label page", [&] {
        return page->isVisible() &&
               (page->state() == LabelPage::State::Asking || page->state() == LabelPage::State::NeedsName);
    });
    if (page->state() == LabelPage::State::NeedsName) {
        auto* name = page->findChild<QLineEdit*>(QStringLiteral("annotatorName"));
        name->setText(QStringLiteral("Ada"));
        QTest::keyClick(name, Qt::Key_Return);
    }
    waitFor("a question", [&] { return page->state() == LabelPage::State::Asking; });
    waitFor("the focus", [&] { return page->hasFocus(); });
}

/// Presses `key` and returns when the window says that what it did is saved.
void press(MainWindow& window, Qt::Key key) {
    bool saved = false;
    QObject context;
    QObject::connect(&window.workbench(), &pages::Workbench::savingChanged, &context,
                     [&](bool saving) { saved = saved || (!saving && showsSaved(window)); });
    QTest::keyClick(QApplication::focusWidget(), key);
    waitFor("the word \"Saved\"", [&] { return saved; });
}

[[noreturn]] void answerOn(MainWindow& window, const LabelPage* page, int syncs) {
    struct Choice {
        Qt::Key key;
        const char* stored;
    };
    static constexpr Choice choices[] = {{Qt::Key_1, "3"},  {Qt::Key_2, "2"},    {Qt::Key_3, "1"},
                                         {Qt::Key_4, "0"},  {Qt::Key_5, "-1"},   {Qt::Key_Right, "-2"},
                                         {Qt::Key_7, "-3"}, {Qt::Key_S, "skip"}, {Qt::Key_B, "both_bad"}};
    auto* random = QRandomGenerator::global();
    for (int answers = 0;;) {
        if (answers > 0 && random->bounded(6) == 0) {
            say(QStringLiteral("undoing"));
            press(window, Qt::Key_U);
            say(QStringLiteral("undone ") + page->question()->comparison.id);
            --answers;
            continue;
        }
        const Choice& choice = choices[random->bounded(int(std::size(choices)))];
        say(QStringLiteral("pressed %1 %2").arg(page->question()->comparison.id, QLatin1String(choice.stored)));
        press(window, choice.key);
        say(QStringLiteral("saved"));
        waitFor("the next question", [&] { return page->state() == LabelPage::State::Asking; });
        if (answers++ == 0 && syncs > 0) {
            syncsLeft = syncs;
            syncs = 0;
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    QApplication application(argc, argv);
    QApplication::setOrganizationName(QStringLiteral("prefbench-test"));
    QApplication::setApplicationName(QStringLiteral("window_until_killed"));
    const QStringList arguments = QApplication::arguments();
    const QString path = arguments.value(1);
    QSettings::setPath(QSettings::NativeFormat, QSettings::UserScope, QFileInfo(path).absolutePath());
    const qsizetype syncs = arguments.indexOf(QStringLiteral("syncs"));

    MainWindow window;
    window.show();
    waitFor("the window", [&] { return QTest::qWaitForWindowActive(&window); });
    window.openProject(path);
    waitFor("the project", [&] { return window.workbench().isOpen(); });
    if (arguments.contains(QStringLiteral("train"))) {
        startTraining(window);
    }
    auto* page = qobject_cast<LabelPage*>(window.page(QStringLiteral("label")));
    goToLabelling(window, page);
    answerOn(window, page, syncs > 0 ? arguments.value(syncs + 1).toInt() : 0);
}
