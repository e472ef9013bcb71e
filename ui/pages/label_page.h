#pragma once

#include <QTimer>
#include <functional>
#include <optional>

#include "core/labelling/label_session.h"
#include "ui/pages/page.h"
#include "ui/widgets/active_clock.h"
#include "ui/widgets/answer_bar.h"

class QAction;
class QStackedWidget;

namespace prefbench::widgets {
class StateView;
}  // namespace prefbench::widgets

namespace prefbench::pages {

class AnnotatorView;
class AskingView;

/// One question at a time: which of two answers is better. One key answers and moves on; the next question is painted
/// at once, and the next answer is taken when the last one is saved. Nothing here tells where an answer came from.
class LabelPage : public Page {
    Q_OBJECT
  public:
    /// `now` drives the clock of active seconds (milliseconds, steady); by default the real one.
    explicit LabelPage(Workbench& workbench, QWidget* parent = nullptr, std::function<qint64()> now = {});
    ~LabelPage() override;

    QString name() const override { return QStringLiteral("label"); }
    QString title() const override { return tr("&Label"); }
    QString iconName() const override { return QStringLiteral("label"); }
    QList<KeyHelp> keys() const override;
    void projectOpened() override;
    void projectClosed() override;
    void projectChanged() override;
    void activated() override;
    void deactivated() override;

    /// For the window's Label menu; a separator is an action like any other.
    QList<QAction*> menuActions() const { return actions_; }

    enum class State { NoProject, ReadOnly, Loading, Empty, NeedsName, Asking, AllDone, Error };
    State state() const { return state_; }
    /// An answer is on its way to the disk: none is taken meanwhile.
    bool isSaving() const { return saving_; }
    const std::optional<labelling::Question>& question() const { return current_; }
    double activeSeconds() const { return clock_.seconds(); }
    /// Does what the key or button does.
    void perform(const widgets::AnswerCommand& command);

  protected:
    bool event(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    struct Loaded;
    struct Step;
    /// An answer under way, kept until it is saved.
    struct Pending {
        labelling::Question question;
        labelling::Answer answer;
    };

    void buildActions();
    void load();
    void take(Loaded loaded);
    void askName(const QString& problem = {});
    void nameGiven(const QString& name);
    void changeAnnotator();
    void ask(labelling::Question question);
    void answer(project::Outcome outcome, int screen);
    void save(const Pending& pending);
    void saved(Step step);
    void notSaved(const Pending& pending, const QString& problem);
    void undo();
    void undone(Step step);
    void showState(State state);
    void showAllDone();
    void prefetch();
    void followingNotRead(const QString& problem);
    void notUndone(const QString& problem);
    void showProgress();
    void leaveReason();
    bool takesBareKeys() const;
    bool keyPressed(QKeyEvent* event);

    State state_ = State::NoProject;
    std::optional<labelling::Question> current_, next_;
    labelling::LabelSession::Progress progress_;
    QString annotatorId_, annotatorName_;
    bool saving_ = false;
    bool followingUnread_ = false;  ///< the notice says so
    int epoch_ = 0;                 ///< results that were asked for before the last (re)load are dropped
    QList<double> recentSeconds_;
    widgets::ActiveClock clock_;
    QTimer tick_;

    QStackedWidget* stack_ = nullptr;
    widgets::StateView* stateView_ = nullptr;
    AnnotatorView* nameView_ = nullptr;
    AskingView* asking_ = nullptr;
    QList<QAction*> actions_, answerActions_;
    QAction* undoAction_ = nullptr;
    QAction* annotatorAction_ = nullptr;
};

}  // namespace prefbench::pages
