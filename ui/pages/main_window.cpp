#include "ui/pages/main_window.h"

#include <QActionGroup>
#include <QApplication>
#include <QBoxLayout>
#include <QCloseEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QInputDialog>
#include <QLabel>
#include <QMenuBar>
#include <QMessageBox>
#include <QScreen>
#include <QSettings>
#include <QStackedWidget>
#include <QStandardPaths>
#include <QStatusBar>
#include <QThreadPool>
#include <QTimer>

#include "core/contract/run_directory.h"
#include "core/exchange/export.h"
#include "core/exchange/import.h"
#include "core/project/runs.h"
#include "core/workbench/starter_project.h"
#include "ui/pages/key_sheet.h"
#include "ui/pages/label_page.h"
#include "ui/pages/overview_page.h"
#include "ui/pages/sample_page.h"
#include "ui/pages/train_page.h"
#include "ui/widgets/elided_label.h"
#include "ui/widgets/icon.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/rail.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

namespace {

constexpr int kRecentProjects = 8;
constexpr double kTextStep = 1.1;
constexpr int kMessageMilliseconds = 8000;

const QString kGeometry = QStringLiteral("window/geometry");
const QString kLastProject = QStringLiteral("project/last");
const QString kRecent = QStringLiteral("project/recent");
const QString kFolder = QStringLiteral("files/folder");

QString lastFolder() {
    return QSettings().value(kFolder, QStandardPaths::writableLocation(QStandardPaths::DocumentsLocation)).toString();
}

void rememberFolder(const QString& file) {
    QSettings().setValue(kFolder, QFileInfo(file).absolutePath());
}

QString withSuffix(const QString& file, const QString& suffix) {
    return QFileInfo(file).suffix().isEmpty() ? file + suffix : file;
}

/// Work that needs no project and may take long: runs beside the store, `done` gets the error's line or nothing.
void runAside(QObject* context, std::function<void()> work, std::function<void(QString)> done) {
    QPointer<QObject> target(context);
    QThreadPool::globalInstance()->start([target, work = std::move(work), done = std::move(done)] {
        QString problem;
        try {
            work();
        } catch (const std::exception& error) {
            problem = QString::fromUtf8(error.what());
        }
        // The application outlives its window, and a call to a window that is gone by then is dropped.
        QMetaObject::invokeMethod(
            qApp,
            [target, done, problem] {
                if (target) {
                    done(problem);
                }
            },
            Qt::QueuedConnection);
    });
}

}  // namespace

MainWindow::MainWindow(QWidget* parent) : QMainWindow(parent) {
    setWindowTitle(QApplication::applicationDisplayName());
    buildFrame();
    overview_ = new OverviewPage(workbench_, stack_);
    label_ = new LabelPage(workbench_, stack_);
    addPage(overview_);
    addPage(new SamplePage(workbench_, stack_));
    addPage(label_);
    addPage(new TrainPage(workbench_, stack_));
    buildFileMenu();
    buildViewMenu();
    buildLabelMenu();
    buildHelpMenu();

    connect(overview_, &OverviewPage::newRequested, this, &MainWindow::newProject);
    connect(overview_, &OverviewPage::openRequested, this, &MainWindow::chooseProject);
    connect(overview_, &OverviewPage::starterRequested, this, &MainWindow::openStarter);
    connect(overview_, &OverviewPage::importRequested, this, &MainWindow::chooseImport);
    connect(rail_, &widgets::Rail::chosen, this, [this](int index) { showIndex(index); });
    connect(&workbench_, &Workbench::projectOpened, this, &MainWindow::projectOpened);
    connect(&workbench_, &Workbench::projectClosed, this, &MainWindow::projectClosed);
    connect(&workbench_, &Workbench::openFailed, this, &MainWindow::showOpenFailed);
    connect(&workbench_, &Workbench::pageRequested, this, &MainWindow::showPage);
    connect(&workbench_, &Workbench::changed, this, [this] {
        for (Page* page : std::as_const(pages_)) {
            page->projectChanged();
        }
    });
    connect(&workbench_, &Workbench::savingChanged, this, &MainWindow::showSaving);
    connect(&workbench_, &Workbench::runningChanged, this, &MainWindow::showRunning);
    connect(&workbench_, &Workbench::messageShown, this, [this](const QString& text) {
        messageLabel_->setText(text);
        messageTimer_->start(kMessageMilliseconds);
    });

    setMinimumSize(widgets::em(this, 56), widgets::em(this, 38));
    if (!restoreGeometry(QSettings().value(kGeometry).toByteArray())) {
        const QSize room = screen()->availableSize();
        resize(std::min(widgets::em(this, 100), room.width() * 9 / 10),
               std::min(widgets::em(this, 64), room.height() * 9 / 10));
    }
    showIndex(0);
    updateActions();
}

MainWindow::~MainWindow() {
    // Pages let go of the store before it goes, and go before what they share.
    workbench_.closeProject();
    qDeleteAll(pages_);
}

// --- frame ---------------------------------------------------------------------------------------------------------

void MainWindow::buildFrame() {
    auto* frame = new QWidget(this);
    rail_ = new widgets::Rail(frame);
    stack_ = new QStackedWidget(frame);
    readOnlyBar_ = new widgets::NoticeBar(frame);
    notice_ = new widgets::NoticeBar(frame);

    auto* notices = new QVBoxLayout;
    notices->setContentsMargins(widgets::grid(this, 3), 0, widgets::grid(this, 3), 0);
    notices->setSpacing(widgets::grid(this, 1));
    notices->addWidget(readOnlyBar_);
    notices->addWidget(notice_);
    auto* column = new QVBoxLayout;
    column->setSpacing(0);
    column->addSpacing(widgets::grid(this, 1));
    column->addLayout(notices);
    column->addWidget(stack_, 1);
    auto* row = new QHBoxLayout(frame);
    widgets::setLayoutGrid(row, this, 0, 0);
    row->addWidget(rail_);
    row->addLayout(column, 1);
    setCentralWidget(frame);

    saveLabel_ = new QLabel(this);
    saveLabel_->setMinimumWidth(widgets::em(this, 6));
    messageLabel_ = new widgets::ElidedLabel({}, this);
    runningLabel_ = new widgets::ElidedLabel({}, this);
    runningLabel_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    statusBar()->addWidget(saveLabel_);
    statusBar()->addWidget(messageLabel_, 1);
    statusBar()->addPermanentWidget(runningLabel_, 1);
    statusBar()->setContentsMargins(widgets::grid(this, 1.5), 0, widgets::grid(this, 1), 0);
    messageTimer_ = new QTimer(this);
    messageTimer_->setSingleShot(true);
    connect(messageTimer_, &QTimer::timeout, messageLabel_, &QLabel::clear);
}

void MainWindow::addPage(Page* page) {
    pages_ << page;
    stack_->addWidget(page);
    rail_->add(page->iconName(), page->title(), QStringLiteral("Ctrl+%1").arg(pages_.size()));
}

QAction* MainWindow::addAction(QMenu* menu, const QString& text, const QKeySequence& keys, void (MainWindow::*slot)(),
                               const QString& iconName) {
    auto* action = new QAction(text, this);
    action->setShortcut(keys);
    if (!iconName.isEmpty()) {
        action->setIcon(widgets::icon(iconName));
    }
    connect(action, &QAction::triggered, this, slot);
    menu->addAction(action);
    return action;
}

void MainWindow::buildFileMenu() {
    QMenu* menu = menuBar()->addMenu(tr("&File"));
    addAction(menu, tr("&New project…"), QKeySequence::New, &MainWindow::newProject, QStringLiteral("new"));
    addAction(menu, tr("&Open…"), QKeySequence::Open, &MainWindow::chooseProject, QStringLiteral("open"));
    recentMenu_ = menu->addMenu(tr("Open &recent"));
    connect(recentMenu_, &QMenu::aboutToShow, this, &MainWindow::fillRecent);
    addAction(menu, tr("Open the &starter project"), {}, &MainWindow::openStarter);
    menu->addSeparator();
    writeActions_ << addAction(menu, tr("&Import…"), QKeySequence(tr("Ctrl+I")), &MainWindow::chooseImport,
                               QStringLiteral("import"));
    projectActions_ << addAction(menu, tr("&Export labelled pairs…"), QKeySequence(tr("Ctrl+E")),
                                 &MainWindow::chooseExportPairs, QStringLiteral("export"));
    projectActions_ << addAction(menu, tr("Export &model…"), QKeySequence(tr("Ctrl+Shift+E")),
                                 &MainWindow::chooseExportModel);
    menu->addSeparator();
    projectActions_ << addAction(menu, tr("&Close project"), QKeySequence::Close, &MainWindow::closeProject);
    auto* quit = new QAction(tr("&Quit"), this);
    quit->setShortcut(QKeySequence(tr("Ctrl+Q")));
    connect(quit, &QAction::triggered, this, &QWidget::close);
    menu->addAction(quit);
}

void MainWindow::buildViewMenu() {
    QMenu* menu = menuBar()->addMenu(tr("&View"));
    auto* group = new QActionGroup(this);
    for (int i = 0; i < pages_.size(); ++i) {
        auto* action = new QAction(widgets::icon(pages_[i]->iconName()), pages_[i]->title(), group);
        action->setShortcut(QKeySequence(QStringLiteral("Ctrl+%1").arg(i + 1)));
        action->setCheckable(true);
        connect(action, &QAction::triggered, this, [this, i] { showIndex(i); });
        pageActions_ << action;
        menu->addAction(action);
    }
    menu->addSeparator();
    QAction* larger = addAction(menu, tr("Lar&ger text"), {}, &MainWindow::largerText);
    larger->setShortcuts({QKeySequence::ZoomIn, QKeySequence(QStringLiteral("Ctrl+="))});
    addAction(menu, tr("S&maller text"), QKeySequence::ZoomOut, &MainWindow::smallerText);
    addAction(menu, tr("&Usual text size"), QKeySequence(QStringLiteral("Ctrl+0")), &MainWindow::usualText);
    menu->addSeparator();
    addAction(menu, tr("&Full screen"), QKeySequence(Qt::Key_F11), &MainWindow::toggleFullScreen);
}

void MainWindow::buildLabelMenu() {
    QMenu* menu = menuBar()->addMenu(tr("&Label"));
    menu->addActions(label_->menuActions());
}

void MainWindow::buildHelpMenu() {
    QMenu* menu = menuBar()->addMenu(tr("&Help"));
    QAction* keys = addAction(menu, tr("&Keys"), {}, &MainWindow::showKeys);
    keys->setShortcuts({QKeySequence(Qt::Key_F1), QKeySequence(Qt::Key_Question)});
    addAction(menu, tr("&About Prefbench"), {}, &MainWindow::showAbout);
}

Page* MainWindow::page(const QString& name) const {
    for (Page* page : pages_) {
        if (page->name() == name) {
            return page;
        }
    }
    return nullptr;
}

Page* MainWindow::currentPage() const {
    return current_ < 0 ? nullptr : pages_[current_];
}

void MainWindow::showPage(const QString& name) {
    showIndex(static_cast<int>(pages_.indexOf(page(name))));
}

void MainWindow::showIndex(int index) {
    if (index < 0 || index == current_) {
        return;
    }
    Page* const before = currentPage();
    current_ = index;
    stack_->setCurrentIndex(index);
    rail_->setCurrent(index);
    if (index < pageActions_.size()) {
        pageActions_[index]->setChecked(true);
    }
    if (before) {
        before->deactivated();
    }
    pages_[index]->activated();
}

// --- project -------------------------------------------------------------------------------------------------------

void MainWindow::openProject(const QString& path) {
    notice_->dismiss();
    overview_->showOpening(path);
    workbench_.openProject(path);
}

void MainWindow::openLast() {
    const QString last = QSettings().value(kLastProject).toString();
    if (!last.isEmpty() && QFileInfo::exists(last)) {
        openProject(last);
    }
}

void MainWindow::openStarter() {
    notice_->dismiss();
    const QString folder = QStandardPaths::writableLocation(QStandardPaths::AppDataLocation);
    overview_->showOpening(QStringLiteral("starter"));
    auto path = std::make_shared<QString>();
    runAside(
        this, [folder, path] { *path = workbench::ensureStarterProject(folder); },
        [this, path](const QString& error) {
            if (error.isEmpty()) {
                openProject(*path);
            } else {
                showOpenFailed({}, error);
            }
        });
}

void MainWindow::projectOpened() {
    const QString path = workbench_.projectPath();
    setWindowTitle(tr("%1 – Prefbench").arg(QFileInfo(path).completeBaseName()));
    remember(path);
    if (workbench_.isNewer()) {
        readOnlyBar_->present(widgets::NoticeBar::Kind::Problem,
                              tr("This project was last saved by a newer Prefbench. It is open read-only: you can look "
                                 "and export, nothing is changed."));
        readOnlyBar_->setClosable(false);
    } else if (workbench_.isReadOnly()) {
        readOnlyBar_->present(
            widgets::NoticeBar::Kind::Problem,
            tr("This project may not be written, so it is open read-only. Copy the file and its .data "
               "folder to a place of yours to work on it."));
        readOnlyBar_->setClosable(false);
    } else {
        readOnlyBar_->dismiss();
    }
    saveLabel_->setText(workbench_.isReadOnly() ? tr("Read-only") : tr("Saved"));
    for (Page* page : std::as_const(pages_)) {
        page->projectOpened();
    }
    updateActions();
    currentPage()->activated();
}

void MainWindow::projectClosed() {
    for (Page* page : std::as_const(pages_)) {
        page->projectClosed();
    }
    readOnlyBar_->dismiss();
    saveLabel_->clear();
    setWindowTitle(QApplication::applicationDisplayName());
    // isOpen() is still true here.
    QTimer::singleShot(0, this, &MainWindow::updateActions);
}

void MainWindow::closeProject() {
    notice_->dismiss();
    QSettings().remove(kLastProject);
    workbench_.closeProject();
    showPage(overview_->name());
}

void MainWindow::showOpenFailed(const QString&, const QString& message) {
    if (workbench_.isOpen()) {
        problem(tr("%1. The open project stays open.").arg(message));
    } else {
        showPage(overview_->name());
        overview_->showOpenFailed(message);
    }
}

void MainWindow::newProject() {
    const QString chosen =
        QFileDialog::getSaveFileName(this, tr("New project"), lastFolder(), tr("Prefbench projects (*.prefbench)"));
    if (chosen.isEmpty()) {
        return;
    }
    rememberFolder(chosen);
    notice_->dismiss();
    workbench_.openProject(withSuffix(chosen, QStringLiteral(".prefbench")), true);
}

void MainWindow::chooseProject() {
    const QString chosen = QFileDialog::getOpenFileName(this, tr("Open project"), lastFolder(),
                                                        tr("Prefbench projects (*.prefbench);;All files (*)"));
    if (!chosen.isEmpty()) {
        rememberFolder(chosen);
        openProject(chosen);
    }
}

void MainWindow::remember(const QString& path) {
    QSettings settings;
    QStringList recent = settings.value(kRecent).toStringList();
    recent.removeAll(path);
    recent.prepend(path);
    settings.setValue(kRecent, recent.mid(0, kRecentProjects));
    settings.setValue(kLastProject, path);
}

void MainWindow::fillRecent() {
    recentMenu_->clear();
    for (const QString& path : QSettings().value(kRecent).toStringList()) {
        if (QFileInfo::exists(path)) {
            const QFileInfo file(path);
            const QString text = QStringLiteral("&%1  %2  (%3)")
                                     .arg(recentMenu_->actions().size() + 1)
                                     .arg(file.completeBaseName(), file.absolutePath());
            recentMenu_->addAction(text, this, [this, path] { openProject(path); });
        }
    }
    if (recentMenu_->isEmpty()) {
        recentMenu_->addAction(tr("None yet"))->setEnabled(false);
    }
}

void MainWindow::updateActions() {
    const bool open = workbench_.isOpen();
    for (QAction* action : std::as_const(projectActions_)) {
        action->setEnabled(open);
    }
    for (QAction* action : std::as_const(writeActions_)) {
        action->setEnabled(open && !workbench_.isReadOnly());
    }
    for (int i = 0; i < pages_.size(); ++i) {
        const bool enabled = open || pages_[i] == overview_;
        rail_->setEntryEnabled(i, enabled);
        pageActions_[i]->setEnabled(enabled);
    }
}

// --- in and out ----------------------------------------------------------------------------------------------------

void MainWindow::chooseImport() {
    const QString file = QFileDialog::getOpenFileName(this, tr("Import prompts or labelled pairs"), lastFolder(),
                                                      tr("Prompts and pairs (*.txt *.jsonl *.json);;All files (*)"));
    if (!file.isEmpty()) {
        rememberFolder(file);
        importFrom(file);
    }
}

void MainWindow::importFrom(const QString& file) {
    if (!workbench_.isOpen()) {
        problem(tr("Open or make a project first; prompts are imported into it."));
        return;
    }
    workbench_.beginSave();
    workbench_.setRunning(QStringLiteral("import"), tr("Importing %1").arg(QFileInfo(file).fileName()));
    const auto end = [this](const QString& error) {
        workbench_.setRunning(QStringLiteral("import"), {});
        workbench_.endSave(error);
    };
    workbench_.store().run([file](project::Project& project) { return exchange::importFile(project, file); }, this,
                           [this, end](const exchange::ImportReport& report) {
                               end({});
                               QStringList lines;
                               for (const exchange::ImportProblem& bad : report.problems) {
                                   lines << tr("Line %1: %2").arg(bad.line).arg(bad.reason);
                               }
                               result(report.summary(), lines);
                               workbench_.notifyChanged();
                           },
                           [this, end](const QString& error) {
                               end({});
                               problem(tr("Nothing was imported: %1").arg(error));
                           });
}

void MainWindow::chooseExportPairs() {
    const QString proposed =
        lastFolder() + u'/' + QFileInfo(workbench_.projectPath()).completeBaseName() + QStringLiteral("-pairs.jsonl");
    const QString file = QFileDialog::getSaveFileName(this, tr("Export labelled pairs"), proposed,
                                                      tr("JSON lines (*.jsonl);;All files (*)"));
    if (!file.isEmpty()) {
        rememberFolder(file);
        exportPairsTo(withSuffix(file, QStringLiteral(".jsonl")));
    }
}

void MainWindow::exportPairsTo(const QString& file) {
    workbench_.setRunning(QStringLiteral("export"), tr("Exporting labelled pairs"));
    workbench_.store().run([file](project::Project& project) { return exchange::exportPairs(project, file); }, this,
                           [this, file](const exchange::ExportReport& report) {
                               workbench_.setRunning(QStringLiteral("export"), {});
                               result(tr("%1. Written to %2").arg(report.summary(), file));
                           },
                           [this](const QString& error) {
                               workbench_.setRunning(QStringLiteral("export"), {});
                               problem(tr("Nothing was exported: %1").arg(error));
                           });
}

void MainWindow::chooseExportModel() {
    struct Finished {
        QString name, folder;
    };
    workbench_.store().run(
        [](project::Project& project) {
            QList<Finished> finished;
            for (const project::Run& run : project::Runs(project).all()) {
                const contract::RunDirectory directory{project.absolutePath(run.folder).toStdString()};
                if (std::filesystem::exists(directory.finalModel())) {
                    finished.prepend({run.name, QString::fromStdString(directory.finalModel().string())});
                }
            }
            return finished;
        },
        this,
        [this](const QList<Finished>& finished) {
            if (finished.isEmpty()) {
                problem(
                    tr("There is no finished run yet, so there is no model to export. Start one on the Train page."));
                return;
            }
            int chosen = 0;
            if (finished.size() > 1) {
                QStringList names;
                for (const Finished& run : finished) {
                    names << run.name;
                }
                bool accepted = false;
                const QString name =
                    QInputDialog::getItem(this, tr("Export model"), tr("Model of &run:"), names, 0, false, &accepted);
                if (!accepted) {
                    return;
                }
                chosen = static_cast<int>(names.indexOf(name));
            }
            const QString folder = QFileDialog::getSaveFileName(
                this, tr("Export the model of %1 as a new folder").arg(finished[chosen].name),
                lastFolder() + u'/' + finished[chosen].name);
            if (!folder.isEmpty()) {
                rememberFolder(folder);
                exportModelTo(finished[chosen].folder, folder);
            }
        });
}

void MainWindow::exportModelTo(const QString& modelFolder, const QString& folder) {
    workbench_.setRunning(QStringLiteral("export-model"), tr("Exporting the model"));
    runAside(
        this, [modelFolder, folder] { exchange::exportModel(modelFolder, folder); },
        [this, folder](const QString& error) {
            workbench_.setRunning(QStringLiteral("export-model"), {});
            if (error.isEmpty()) {
                result(tr("The model was written to %1").arg(folder));
            } else {
                problem(tr("The model was not exported: %1").arg(error));
            }
        });
}

// --- what the window says ------------------------------------------------------------------------------------------

void MainWindow::result(const QString& text, const QStringList& details) {
    notice_->present(widgets::NoticeBar::Kind::Result, text, details);
}

void MainWindow::problem(const QString& text) {
    notice_->present(widgets::NoticeBar::Kind::Problem, text);
}

QString MainWindow::noticeText() const {
    if (!readOnlyBar_->isHidden()) {
        return readOnlyBar_->text();
    }
    return notice_->isHidden() ? QString() : notice_->text();
}

void MainWindow::showSaving(bool saving, const QString& problem) {
    saveLabel_->setText(saving ? tr("Saving…") : problem.isEmpty() ? tr("Saved") : tr("Not saved"));
    saveLabel_->setToolTip(problem);
}

void MainWindow::showRunning() {
    runningLabel_->setText(workbench_.running().values().join(QStringLiteral("  ·  ")));
}

void MainWindow::showKeys() {
    QList<KeyHelp> everywhere;
    for (int i = 0; i < pages_.size(); ++i) {
        everywhere << KeyHelp{QStringLiteral("Ctrl+%1").arg(i + 1), tr("Show %1").arg(pages_[i]->title().remove(u'&'))};
    }
    everywhere << KeyHelp{QStringLiteral("Ctrl++ Ctrl+- Ctrl+0"), tr("Larger, smaller, usual text")}
               << KeyHelp{QStringLiteral("Ctrl+N Ctrl+O"), tr("New project, open project")}
               << KeyHelp{QStringLiteral("Ctrl+I Ctrl+E"), tr("Import, export labelled pairs")}
               << KeyHelp{QStringLiteral("F11"), tr("Full screen")}
               << KeyHelp{QStringLiteral("? F1"), tr("These keys")};
    KeySheet sheet(currentPage()->title().remove(u'&'), currentPage()->keys(), everywhere, this);
    sheet.exec();
}

void MainWindow::showAbout() {
    QMessageBox::about(
        this, tr("About Prefbench"),
        tr("Prefbench %1\n\nA workbench for learning from human preferences.\n\nGNU General Public License, "
           "version 3 or later. Qt %2.")
            .arg(QApplication::applicationVersion(), QString::fromLatin1(qVersion())));
}

void MainWindow::largerText() {
    workbench_.setTextScale(workbench_.textScale() * kTextStep);
}

void MainWindow::smallerText() {
    workbench_.setTextScale(workbench_.textScale() / kTextStep);
}

void MainWindow::usualText() {
    workbench_.setTextScale(1);
}

void MainWindow::toggleFullScreen() {
    setWindowState(windowState() ^ Qt::WindowFullScreen);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    QSettings().setValue(kGeometry, saveGeometry());
    QMainWindow::closeEvent(event);
}

}  // namespace prefbench::pages
