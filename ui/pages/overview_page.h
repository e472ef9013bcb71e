#pragma once

#include "core/project/judgements.h"
#include "ui/pages/page.h"

class QGridLayout;
class QStackedWidget;
class QVBoxLayout;

namespace prefbench::widgets {
class Label;
class PrimaryButton;
class StateView;
}  // namespace prefbench::widgets

namespace prefbench::pages {

/// How far the project is, the one next step, and what happened lately. Without a project: the way to one.
class OverviewPage : public Page {
    Q_OBJECT
  public:
    explicit OverviewPage(Workbench& workbench, QWidget* parent = nullptr);

    QString name() const override { return QStringLiteral("overview"); }
    QString title() const override { return tr("&Overview"); }
    QString iconName() const override { return QStringLiteral("overview"); }
    void projectOpened() override;
    void projectClosed() override;
    void projectChanged() override;
    void activated() override;

    /// One line of recent activity.
    struct Activity {
        QString time;  ///< ISO 8601, UTC
        QString text;
    };
    /// What the page shows, gathered in one job.
    struct Figures {
        qint64 prompts = 0, completions = 0, comparisons = 0, judgements = 0, runs = 0;
        qint64 toLabel = 0;  ///< comparisons that annotators are asked
        project::Judgements::Counts labels;
        qint64 runsUnderWay = 0, runsFinished = 0;
        QList<Activity> recent;  ///< newest first
    };
    static Figures gather(project::Project& project);

    /// What to do next, as sentence, button and where it leads.
    struct NextStep {
        QString heading, sentence, button;
        QString page;  ///< name of a page, or "import"
    };
    static NextStep nextStep(const Figures& figures);

    void showOpening(const QString& path);
    void showOpenFailed(const QString& message);

  Q_SIGNALS:
    void newRequested();
    void openRequested();
    void starterRequested();
    void importRequested();

  private:
    QWidget* buildFigures();
    void showWelcome();
    void refresh();
    void showFigures(const Figures& figures);
    void follow(const QString& page);

    QStackedWidget* stack_;
    widgets::StateView* stateView_;
    QWidget* content_;
    widgets::Label* title_;
    widgets::Label* where_;
    QList<widgets::Label*> numbers_, notes_;
    widgets::Label* stepHeading_;
    widgets::Label* stepSentence_;
    widgets::PrimaryButton* stepButton_;
    QGridLayout* recent_;
    QWidget* recentArea_;
    QString stepPage_;
    bool stale_ = true;
    bool gathering_ = false;
};

}  // namespace prefbench::pages
