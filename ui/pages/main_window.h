#pragma once

#include <QMainWindow>

#include "ui/pages/workbench.h"

class QAction;
class QLabel;
class QMenu;
class QStackedWidget;

namespace prefbench::widgets {
class ElidedLabel;
class NoticeBar;
class Rail;
}  // namespace prefbench::widgets

namespace prefbench::pages {

class LabelPage;
class OverviewPage;
class Page;

/// The window: rail, pages, menus, status bar. Remembers its geometry and the last project.
class MainWindow : public QMainWindow {
    Q_OBJECT
  public:
    explicit MainWindow(QWidget* parent = nullptr);
    ~MainWindow() override;

    Workbench& workbench() { return workbench_; }
    /// The page of that name, or nullptr.
    Page* page(const QString& name) const;
    Page* currentPage() const;
    void showPage(const QString& name);

    void openProject(const QString& path);
    /// The project that was open when the window was last closed, where it is still there; else the welcome.
    void openLast();
    /// Makes the starter project in the user's data folder, or opens the one made earlier.
    void openStarter();
    void importFrom(const QString& file);
    void exportPairsTo(const QString& file);
    void exportModelTo(const QString& modelFolder, const QString& folder);
    /// What the line over the page says; empty when it is hidden.
    QString noticeText() const;

  protected:
    void closeEvent(QCloseEvent* event) override;

  private:
    void addPage(Page* page);
    void buildFrame();
    void buildFileMenu();
    void buildViewMenu();
    void buildLabelMenu();
    void buildHelpMenu();
    QAction* addAction(QMenu* menu, const QString& text, const QKeySequence& keys, void (MainWindow::*slot)(),
                       const QString& iconName = {});
    void showIndex(int index);
    void projectOpened();
    void projectClosed();
    void showOpenFailed(const QString& path, const QString& message);
    void newProject();
    void chooseProject();
    void chooseImport();
    void chooseExportPairs();
    void chooseExportModel();
    void closeProject();
    void fillRecent();
    void remember(const QString& path);
    void updateActions();
    void showSaving(bool saving, const QString& problem);
    void showRunning();
    void showKeys();
    void showAbout();
    void largerText();
    void smallerText();
    void usualText();
    void toggleFullScreen();
    void result(const QString& text, const QStringList& details = {});
    void problem(const QString& text);

    Workbench workbench_;
    QList<Page*> pages_;
    OverviewPage* overview_ = nullptr;
    LabelPage* label_ = nullptr;
    int current_ = -1;
    widgets::Rail* rail_ = nullptr;
    QStackedWidget* stack_ = nullptr;
    widgets::NoticeBar* readOnlyBar_ = nullptr;
    widgets::NoticeBar* notice_ = nullptr;
    QLabel* saveLabel_ = nullptr;
    widgets::ElidedLabel* messageLabel_ = nullptr;
    widgets::ElidedLabel* runningLabel_ = nullptr;
    QTimer* messageTimer_ = nullptr;
    QMenu* recentMenu_ = nullptr;
    QList<QAction*> projectActions_, writeActions_, pageActions_;
};

}  // namespace prefbench::pages
