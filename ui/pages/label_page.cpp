#include "ui/pages/label_page.h"

#include <QAbstractSpinBox>
#include <QAction>
#include <QApplication>
#include <QBoxLayout>
#include <QComboBox>
#include <QKeyEvent>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QStackedWidget>
#include <numeric>

#include "core/project/annotators.h"
#include "core/project/comparisons.h"
#include "ui/pages/label/annotator_view.h"
#include "ui/pages/label/asking_view.h"
#include "ui/widgets/key_hint.h"
#include "ui/widgets/notice_bar.h"
#include "ui/widgets/state_view.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using labelling::LabelSession;
using labelling::Question;
using widgets::AnswerCommand;
using Kind = AnswerCommand::Kind;

/// What the page starts from.
struct LabelPage::Loaded {
    qint64 comparisons = 0;
    QString annotatorId;
    std::optional<Question> first, second;
    LabelSession::Progress progress;
};

/// What comes back with COMMIT.
struct LabelPage::Step {
    std::optional<Question> next;
    LabelSession::Progress progress;
    QString problem;  ///< why what is asked next could not be read; the answer is saved all the same

    /// Reads what follows. Nothing may be thrown here: an answer that is saved must not look as if it were not.
    void read(LabelSession& session, const QString& onScreen) {
        try {
            next = session.next(onScreen);
            progress = session.progress();
        } catch (const std::exception& error) {
            problem = QString::fromUtf8(error.what());
        }
    }
};

namespace {

constexpr int kAnswersForEstimate = 3;
constexpr int kRecentAnswers = 30;

bool takesText(const QWidget* widget) {
    if (const auto* line = qobject_cast<const QLineEdit*>(widget)) {
        return !line->isReadOnly();
    }
    if (const auto* text = qobject_cast<const QTextEdit*>(widget)) {
        return !text->isReadOnly();
    }
    if (const auto* text = qobject_cast<const QPlainTextEdit*>(widget)) {
        return !text->isReadOnly();
    }
    return qobject_cast<const QAbstractSpinBox*>(widget) || qobject_cast<const QComboBox*>(widget);
}

QString remaining(double seconds) {
    const int minutes = qRound(seconds / 60);
    if (minutes < 1) {
        return LabelPage::tr("less than a minute left");
    }
    return minutes < 90 ? LabelPage::tr("about %1 min left").arg(minutes)
                        : LabelPage::tr("about %1 h left").arg(qRound(seconds / 3600));
}

}  // namespace

LabelPage::LabelPage(Workbench& shared, QWidget* parent, std::function<qint64()> now)
    : Page(shared, parent), clock_(std::move(now)) {
    setFocusPolicy(Qt::StrongFocus);
    stateView_ = new widgets::StateView(this);
    nameView_ = new AnnotatorView(this);
    connect(nameView_, &AnnotatorView::named, this, &LabelPage::nameGiven);
    asking_ = new AskingView(this);
    connect(asking_, &AskingView::pressed, this, &LabelPage::perform);
    connect(asking_, &AskingView::reasonGiven, this, &LabelPage::leaveReason);

    stack_ = new QStackedWidget(this);
    for (QWidget* widget :
         {static_cast<QWidget*>(stateView_), static_cast<QWidget*>(nameView_), static_cast<QWidget*>(asking_)}) {
        stack_->addWidget(widget);
    }
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(stack_);

    buildActions();
    tick_.setInterval(1000);
    connect(&tick_, &QTimer::timeout, this, &LabelPage::showProgress);
    connect(&workbench(), &Workbench::textScaleChanged, asking_, &AskingView::setTextScale);
    asking_->setTextScale(workbench().textScale());
    qApp->installEventFilter(this);
    showState(State::NoProject);
}

LabelPage::~LabelPage() = default;

void LabelPage::buildActions() {
    const auto add = [this](const QString& text, const AnswerCommand& command) {
        auto* action = new QAction(text, this);
        connect(action, &QAction::triggered, this, [this, command] { perform(command); });
        actions_ << action;
        answerActions_ << action;
        return action;
    };
    const auto addSeparator = [this] {
        auto* separator = new QAction(this);
        separator->setSeparator(true);
        actions_ << separator;
    };
    // After the tab stands the bare key, shown as a shortcut is; the page itself listens for it.
    add(tr("Left is &much better\t1"), {Kind::Score, 3});
    add(tr("&Left is better\t2 or ←"), {Kind::Score, 2});
    add(tr("Left is &slightly better\t3"), {Kind::Score, 1});
    add(tr("&About the same\t4"), {Kind::Score, 0});
    add(tr("Right is sl&ightly better\t5"), {Kind::Score, -1});
    add(tr("&Right is better\t6 or →"), {Kind::Score, -2});
    add(tr("Right is m&uch better\t7"), {Kind::Score, -3});
    addSeparator();
    add(tr("&Both bad\tB"), {Kind::BothBad, 0});
    add(tr("S&kip\tS"), {Kind::Skip, 0});
    addSeparator();
    undoAction_ = add(tr("U&ndo the last answer"), {Kind::Undo, 0});
    undoAction_->setShortcut(QKeySequence::Undo);
    undoAction_->setShortcutContext(Qt::WidgetWithChildrenShortcut);
    addAction(undoAction_);
    add(tr("Write a r&eason\tR"), {Kind::Reason, 0});
    add(tr("Show &differences\tD"), {Kind::Differences, 0});
    addSeparator();
    annotatorAction_ = new QAction(tr("&Change annotator…"), this);
    connect(annotatorAction_, &QAction::triggered, this, &LabelPage::changeAnnotator);
    actions_ << annotatorAction_;
}

QList<KeyHelp> LabelPage::keys() const {
    return {{QStringLiteral("1 2 3"), tr("Left is much better, better, slightly better")},
            {QStringLiteral("4"), tr("About the same")},
            {QStringLiteral("5 6 7"), tr("Right is slightly better, better, much better")},
            {QStringLiteral("← →"), tr("Left or right is better")},
            {tr("B"), tr("Both are bad")},
            {tr("S"), tr("Skip this one")},
            {tr("U"), tr("Undo the last answer")},
            {tr("R"), tr("Write a reason; Enter returns")},
            {tr("D"), tr("Show differences")},
            {QStringLiteral("↑ ↓"), tr("Scroll both texts")}};
}

// --- project and annotator -----------------------------------------------------------------------------------------

void LabelPage::projectOpened() {
    annotatorName_ = AnnotatorView::rememberedFor(workbench().projectPath());
    nameView_->setName(annotatorName_);
    annotatorId_.clear();
    current_.reset();
    next_.reset();
    recentSeconds_.clear();
    saving_ = false;
    asking_->clearReason();
    asking_->notice()->dismiss();
    if (workbench().isReadOnly()) {
        showState(State::ReadOnly);
        return;
    }
    load();
}

void LabelPage::projectClosed() {
    ++epoch_;
    saving_ = false;
    current_.reset();
    next_.reset();
    showState(State::NoProject);
}

void LabelPage::projectChanged() {
    if (state_ == State::Empty || state_ == State::AllDone) {
        if (!saving_) {
            load();
        }
    } else if (state_ == State::Asking && !saving_ && current_) {
        prefetch();
    }
}

void LabelPage::prefetch() {
    workbench().store().run(
        [annotator = annotatorId_, except = current_->comparison.id](project::Project& project) {
            LabelSession session(project, annotator);
            return Step{session.next(except), session.progress(), {}};
        },
        this,
        [this, epoch = epoch_, asked = current_->comparison.id](Step step) {
            if (epoch != epoch_ || saving_ || !current_ || current_->comparison.id != asked || next_) {
                return;
            }
            next_ = std::move(step.next);
            progress_ = step.progress;
            if (std::exchange(followingUnread_, false)) {
                asking_->notice()->dismiss();
            }
            showProgress();
        },
        [this, epoch = epoch_](const QString& problem) {
            if (epoch == epoch_ && !followingUnread_) {
                workbench().showMessage(problem);
            }
        });
}

void LabelPage::load() {
    const int epoch = ++epoch_;
    if (state_ != State::NeedsName) {
        showState(State::Loading);
    }
    workbench().store().run(
        [name = annotatorName_](project::Project& project) {
            Loaded loaded;
            loaded.comparisons = project::Comparisons(project).countToLabel();
            if (loaded.comparisons == 0 || name.isEmpty()) {
                return loaded;
            }
            loaded.annotatorId = project::Annotators(project).ensure(name, project::AnnotatorKind::Human);
            LabelSession session(project, loaded.annotatorId);
            loaded.first = session.next();
            if (loaded.first) {
                loaded.second = session.next(loaded.first->comparison.id);
            }
            loaded.progress = session.progress();
            return loaded;
        },
        this,
        [this, epoch](Loaded loaded) {
            if (epoch == epoch_) {
                take(std::move(loaded));
            }
        },
        [this, epoch](const QString& problem) {
            if (epoch != epoch_) {
                return;
            }
            if (state_ == State::NeedsName) {
                askName(problem);
                return;
            }
            showState(State::Error);
            stateView_->showError(tr("The questions could not be read"), problem, tr("Try again"), [this] { load(); });
            stateView_->addSecondary(tr("Change name…"), [this] { changeAnnotator(); });
        });
}

void LabelPage::take(Loaded loaded) {
    if (loaded.comparisons == 0) {
        showState(State::Empty);
        return;
    }
    if (loaded.annotatorId.isEmpty()) {
        if (state_ != State::NeedsName) {
            askName();
        }
        return;
    }
    AnnotatorView::remember(workbench().projectPath(), annotatorName_);
    annotatorId_ = loaded.annotatorId;
    progress_ = loaded.progress;
    next_ = std::move(loaded.second);
    if (loaded.first) {
        ask(std::move(*loaded.first));
    } else {
        current_.reset();
        showAllDone();
    }
}

void LabelPage::askName(const QString& problem) {
    nameView_->ask(problem);
    showState(State::NeedsName);
    if (isVisible()) {
        nameView_->focusName();
    }
}

void LabelPage::nameGiven(const QString& name) {
    annotatorName_ = name;
    recentSeconds_.clear();
    load();
}

void LabelPage::changeAnnotator() {
    if (saving_ || !workbench().isOpen() || workbench().isReadOnly()) {
        return;
    }
    workbench().requestPage(name());
    nameView_->setName(annotatorName_);
    askName();
}

// --- asking and answering ------------------------------------------------------------------------------------------

void LabelPage::ask(Question question) {
    current_ = std::move(question);
    asking_->ask(*current_);
    if (current_->previous) {
        clock_.resumeFrom(current_->previous->activeSeconds);
    } else {
        clock_.restart();
    }
    clock_.setFocused(isActiveWindow() && isVisible());
    showState(State::Asking);
    showProgress();
}

void LabelPage::perform(const AnswerCommand& command) {
    if (command.kind == Kind::Undo) {
        undo();
        return;
    }
    if (state_ != State::Asking) {
        return;
    }
    clock_.input();
    switch (command.kind) {
        case Kind::Score:
            answer(project::Outcome::Score, command.screen);
            break;
        case Kind::BothBad:
            answer(project::Outcome::BothBad, 0);
            break;
        case Kind::Skip:
            answer(project::Outcome::Skip, 0);
            break;
        case Kind::Reason:
            asking_->openReason();
            break;
        case Kind::Differences:
            asking_->toggleDifferences();
            break;
        case Kind::Undo:
            break;
    }
}

void LabelPage::answer(project::Outcome outcome, int screen) {
    if (saving_ || !current_) {
        return;
    }
    Pending pending;
    pending.question = std::move(*current_);
    pending.answer = {outcome, screen, clock_.seconds(), asking_->reason(), project::newId()};
    current_.reset();
    leaveReason();
    save(pending);
}

void LabelPage::save(const Pending& pending) {
    saving_ = true;
    asking_->notice()->dismiss();
    followingUnread_ = false;
    workbench().beginSave();
    // What comes next is painted before the disk is asked anything.
    if (next_) {
        Question upcoming = std::move(*next_);
        next_.reset();
        ask(std::move(upcoming));
    } else {
        clock_.stop();
        showState(State::Loading);
    }
    asking_->bar()->flash(commandOf(pending.answer.outcome, pending.answer.screen));
    const QString onScreen = current_ ? current_->comparison.id : QString();
    workbench().store().run(
        [annotator = annotatorId_, pending, onScreen](project::Project& project) {
            LabelSession session(project, annotator);
            session.answer(pending.question, pending.answer);
            Step step;
            step.read(session, onScreen);
            return step;
        },
        this,
        [this, epoch = epoch_, seconds = pending.answer.activeSeconds](Step step) {
            if (epoch == epoch_) {
                recentSeconds_ << seconds;
                if (recentSeconds_.size() > kRecentAnswers) {
                    recentSeconds_.removeFirst();
                }
                saved(std::move(step));
            }
        },
        [this, epoch = epoch_, pending](const QString& problem) {
            if (epoch == epoch_) {
                notSaved(pending, problem);
            }
        });
}

void LabelPage::saved(Step step) {
    saving_ = false;
    workbench().endSave();
    if (!step.problem.isEmpty()) {
        followingNotRead(step.problem);
        workbench().notifyChanged();
        return;
    }
    progress_ = step.progress;
    next_ = std::move(step.next);
    if (!current_ && next_) {
        Question upcoming = std::move(*next_);
        next_.reset();
        ask(std::move(upcoming));
    } else if (!current_) {
        showAllDone();
    }
    showProgress();
    workbench().notifyChanged();
}

void LabelPage::followingNotRead(const QString& problem) {
    if (current_) {
        followingUnread_ = true;
        asking_->notice()->present(
            widgets::NoticeBar::Kind::Problem,
            tr("Your answer is saved. The question after this one could not be read: %1").arg(problem));
        asking_->notice()->setClosable(false);
        asking_->notice()->setAction(tr("&Try again"), [this] { prefetch(); });
        return;
    }
    showState(State::Error);
    stateView_->showError(tr("Your answer is saved, but the next question could not be read"), problem, tr("Try again"),
                          [this] { load(); });
}

void LabelPage::notSaved(const Pending& pending, const QString& problem) {
    saving_ = false;
    workbench().endSave(problem);
    next_ = std::move(current_);
    ask(pending.question);
    clock_.resumeFrom(pending.answer.activeSeconds);
    asking_->showAnswer(pending.answer.outcome, pending.answer.screen, pending.answer.rationale);
    asking_->notice()->present(widgets::NoticeBar::Kind::Problem,
                               tr("Your answer is not saved yet: %1. All answers before it are safe.").arg(problem));
    asking_->notice()->setClosable(false);
    asking_->notice()->setAction(tr("&Save again"), [this, pending] {
        if (!saving_ && current_ && current_->comparison.id == pending.question.comparison.id) {
            current_.reset();
            save(Pending(pending));  // a copy: saving dismisses the notice, and this action with it
        }
    });
}

void LabelPage::undo() {
    if (saving_ || annotatorId_.isEmpty() || (state_ != State::Asking && state_ != State::AllDone)) {
        return;
    }
    saving_ = true;
    workbench().beginSave();
    workbench().store().run(
        [annotator = annotatorId_](project::Project& project) {
            LabelSession session(project, annotator);
            Step step;
            std::optional<Question> question = session.undo();
            step.read(session, question ? question->comparison.id : QString());
            step.next = std::move(question);
            return step;
        },
        this,
        [this, epoch = epoch_](Step step) {
            if (epoch == epoch_) {
                undone(std::move(step));
            }
        },
        [this, epoch = epoch_](const QString& problem) {
            if (epoch == epoch_) {
                notUndone(problem);
            }
        });
}

void LabelPage::notUndone(const QString& problem) {
    saving_ = false;
    workbench().endSave(problem);
    const QString sentence = tr("The last answer was not taken back: %1. It still stands.").arg(problem);
    if (state_ == State::AllDone) {
        stateView_->showError(tr("Nothing was undone"), sentence, tr("&Undo the last answer"), [this] { undo(); });
        return;
    }
    asking_->notice()->present(widgets::NoticeBar::Kind::Problem, sentence);
}

void LabelPage::undone(Step step) {
    saving_ = false;
    workbench().endSave();
    if (step.problem.isEmpty()) {
        progress_ = step.progress;
    }
    asking_->notice()->dismiss();
    followingUnread_ = false;
    if (!step.next) {
        workbench().showMessage(tr("There is no answer of yours to take back."));
        return;
    }
    if (current_) {
        next_ = std::move(current_);
    }
    asking_->bar()->flash({Kind::Undo, 0});
    ask(std::move(*step.next));
    workbench().notifyChanged();
}

// --- what is on screen ---------------------------------------------------------------------------------------------

void LabelPage::showState(State state) {
    state_ = state;
    const bool asking = state == State::Asking;
    switch (state) {
        case State::NoProject:
            stateView_->showEmpty(tr("No project is open"), tr("Open a project to compare its answers."),
                                  tr("Go to Overview"),
                                  [this] { workbench().requestPage(QStringLiteral("overview")); });
            break;
        case State::ReadOnly:
            stateView_->showEmpty(tr("This project is open read-only"),
                                  tr("Answers cannot be saved into it, so none are asked for."));
            break;
        case State::Loading:
            stateView_->showLoading(tr("Fetching the next answers"));
            break;
        case State::Empty:
            stateView_->showEmpty(tr("No answers to compare yet"),
                                  tr("Sample two or more answers to each prompt first."), tr("Sample answers"),
                                  [this] { workbench().requestPage(QStringLiteral("sample")); });
            break;
        default:
            break;
    }
    QWidget* const shown = asking                      ? static_cast<QWidget*>(asking_)
                           : state == State::NeedsName ? static_cast<QWidget*>(nameView_)
                                                       : stateView_;
    if (stack_->currentWidget() != shown) {
        stack_->setCurrentWidget(shown);
        if (isVisible() && state != State::NeedsName) {
            setFocus();
        }
    }
    if (asking) {
        tick_.start();
    } else {
        tick_.stop();
        clock_.stop();
    }
    const bool canAnswer = asking && isVisible();
    for (QAction* action : std::as_const(answerActions_)) {
        action->setEnabled(canAnswer);
    }
    undoAction_->setEnabled(isVisible() && (asking || state == State::AllDone));
    annotatorAction_->setEnabled(workbench().isOpen() && !workbench().isReadOnly() && state != State::Empty);
}

void LabelPage::showAllDone() {
    showState(State::AllDone);
    undoAction_->setEnabled(isVisible());
    stateView_->showEmpty(
        tr("All done, %1").arg(annotatorName_),
        tr("Every question has your answer, and all of them are saved. New ones will appear here by themselves."),
        tr("Go to Overview"), [this] { workbench().requestPage(QStringLiteral("overview")); });
    stateView_->addSecondary(tr("&Undo the last answer"), [this] { undo(); });
}

void LabelPage::showProgress() {
    if (state_ != State::Asking) {
        return;
    }
    QString text = tr("%1 of %2").arg(locale().toString(progress_.answered), locale().toString(progress_.total));
    if (recentSeconds_.size() >= kAnswersForEstimate) {
        const double mean = std::accumulate(recentSeconds_.begin(), recentSeconds_.end(), 0.0) /
                            static_cast<double>(recentSeconds_.size());
        text += QStringLiteral(" · ") + remaining(mean * static_cast<double>(progress_.total - progress_.answered));
    }
    asking_->setProgress(text, static_cast<int>(clock_.seconds()), progress_.answered > 0);
}

void LabelPage::leaveReason() {
    if (asking_->isTypingReason()) {
        setFocus();
    }
}

void LabelPage::activated() {
    setFocus();
    if (state_ == State::NeedsName) {
        nameView_->focusName();
    }
    if (state_ == State::Asking || state_ == State::AllDone) {
        for (QAction* action : std::as_const(answerActions_)) {
            action->setEnabled(state_ == State::Asking);
        }
        undoAction_->setEnabled(true);
    }
    clock_.setFocused(isActiveWindow());
}

void LabelPage::deactivated() {
    clock_.setFocused(false);
    for (QAction* action : std::as_const(answerActions_)) {
        action->setEnabled(false);
    }
}

// --- keys ----------------------------------------------------------------------------------------------------------

bool LabelPage::takesBareKeys() const {
    if (!isVisible() || QApplication::activeModalWidget() || QApplication::activePopupWidget()) {
        return false;
    }
    const QWidget* focus = QApplication::focusWidget();
    return focus && (focus == this || isAncestorOf(focus)) && !takesText(focus);
}

bool LabelPage::keyPressed(QKeyEvent* event) {
    if (const std::optional<AnswerCommand> command = widgets::answerCommand(*event)) {
        // A key held down is one answer, not many.
        if (!event->isAutoRepeat()) {
            perform(*command);
        }
        return true;
    }
    return event->modifiers() == Qt::NoModifier && state_ == State::Asking && asking_->scroll(event->key());
}

bool LabelPage::eventFilter(QObject* watched, QEvent* event) {
    switch (event->type()) {
        case QEvent::KeyPress:
            // The window's QWindow sees the event before the focus widget does: act once, on the widget.
            if (watched->isWidgetType() && watched == QApplication::focusWidget() && isVisible()) {
                clock_.input();
                auto* key = static_cast<QKeyEvent*>(event);
                if (asking_->isTypingReason() && key->key() == Qt::Key_Escape) {
                    leaveReason();
                    return true;
                }
                if (takesBareKeys() && keyPressed(key)) {
                    return true;
                }
            }
            break;
        case QEvent::MouseMove:
        case QEvent::MouseButtonPress:
        case QEvent::Wheel:
            if (isVisible() && watched->isWidgetType() && static_cast<QWidget*>(watched)->window() == window()) {
                clock_.input();
            }
            break;
        default:
            break;
    }
    return Page::eventFilter(watched, event);
}

bool LabelPage::event(QEvent* event) {
    switch (event->type()) {
        case QEvent::WindowActivate:
            clock_.setFocused(isVisible());
            break;
        case QEvent::WindowDeactivate:
            clock_.setFocused(false);
            break;
        default:
            break;
    }
    return Page::event(event);
}

}  // namespace prefbench::pages
