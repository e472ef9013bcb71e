#include "ui/widgets/answer_bar.h"

#include <QBoxLayout>
#include <QGridLayout>
#include <QKeyEvent>

#include "ui/widgets/key_hint.h"
#include "ui/widgets/theme.h"

namespace prefbench::widgets {

namespace {

using Kind = AnswerCommand::Kind;

// Key codes of X11 and Wayland (evdev + 8) for the places of 1…7, B, S, U, R and D on a US keyboard.
constexpr quint32 kPlaceOfOne = 10;
constexpr quint32 kPlaceOfB = 56, kPlaceOfS = 39, kPlaceOfU = 30, kPlaceOfR = 27, kPlaceOfD = 40;

int keyByPlace(quint32 place) {
    if (place >= kPlaceOfOne && place < kPlaceOfOne + 7) {
        return Qt::Key_1 + static_cast<int>(place - kPlaceOfOne);
    }
    switch (place) {
        case kPlaceOfB:
            return Qt::Key_B;
        case kPlaceOfS:
            return Qt::Key_S;
        case kPlaceOfU:
            return Qt::Key_U;
        case kPlaceOfR:
            return Qt::Key_R;
        case kPlaceOfD:
            return Qt::Key_D;
        default:
            return 0;
    }
}

bool isLatin(int key) {
    return (key >= Qt::Key_A && key <= Qt::Key_Z) || (key >= Qt::Key_0 && key <= Qt::Key_9);
}

}  // namespace

std::optional<AnswerCommand> answerCommand(const QKeyEvent& event) {
    int key = event.key();
    const bool named = key >= 0x01000000;  // arrows, Tab, Escape…: never letters
    const Qt::KeyboardModifiers modifiers = event.modifiers() & ~Qt::KeypadModifier;
    const bool shiftedDigit = modifiers == Qt::ShiftModifier && key >= Qt::Key_0 && key <= Qt::Key_9;
    if (modifiers != Qt::NoModifier && !shiftedDigit) {
        return {};
    }
    if (!named && !isLatin(key)) {
        key = keyByPlace(event.nativeScanCode());
    }
    if (key >= Qt::Key_1 && key <= Qt::Key_7) {
        return AnswerCommand{Kind::Score, 4 - (key - Qt::Key_0)};
    }
    switch (key) {
        case Qt::Key_Left:
            return AnswerCommand{Kind::Score, 2};
        case Qt::Key_Right:
            return AnswerCommand{Kind::Score, -2};
        case Qt::Key_B:
            return AnswerCommand{Kind::BothBad, 0};
        case Qt::Key_S:
            return AnswerCommand{Kind::Skip, 0};
        case Qt::Key_U:
            return AnswerCommand{Kind::Undo, 0};
        case Qt::Key_R:
            return AnswerCommand{Kind::Reason, 0};
        case Qt::Key_D:
            return AnswerCommand{Kind::Differences, 0};
        default:
            return {};
    }
}

AnswerBar::AnswerBar(QWidget* parent) : QWidget(parent) {
    // Left means the left text in every language.
    setLayoutDirection(Qt::LeftToRight);
    auto* column = new QVBoxLayout(this);
    setLayoutGrid(column, this, 0, 1.5);

    auto* scale = new QGridLayout;
    scale->setHorizontalSpacing(grid(this, 0.75));
    scale->setVerticalSpacing(grid(this, 0.5));
    const struct {
        int screen;
        QString text, name;
    } steps[] = {{3, tr("much better"), tr("Left is much better")},
                 {2, tr("better"), tr("Left is better")},
                 {1, tr("slightly better"), tr("Left is slightly better")},
                 {0, tr("about the same"), tr("Both are about the same")},
                 {-1, tr("slightly better"), tr("Right is slightly better")},
                 {-2, tr("better"), tr("Right is better")},
                 {-3, tr("much better"), tr("Right is much better")}};
    int place = 0;
    for (const auto& step : steps) {
        KeyButton* button =
            add({Kind::Score, step.screen}, QString::number(4 - step.screen), step.text, step.name, true);
        scale->addWidget(button, 1, place);
        scale->setColumnStretch(place, 1);
        // A wider gap sets the middle apart.
        place += step.screen == 1 || step.screen == 0 ? 2 : 1;
    }
    scale->setColumnMinimumWidth(3, grid(this, 1));
    scale->setColumnMinimumWidth(5, grid(this, 1));
    Label* leftHeading = secondaryLabel(tr("Left is"), this);
    Label* rightHeading = secondaryLabel(tr("Right is"), this);
    leftHeading->setAlignment(Qt::AlignCenter);
    rightHeading->setAlignment(Qt::AlignCenter);
    scale->addWidget(leftHeading, 0, 0, 1, 3);
    scale->addWidget(rightHeading, 0, 6, 1, 3);
    column->addLayout(scale);

    auto* commands = new QHBoxLayout;
    commands->setSpacing(grid(this, 0.5));
    commands->addStretch();
    commands->addWidget(add({Kind::Score, 2}, QStringLiteral("←"), tr("left"), tr("Left is better"), false));
    commands->addWidget(add({Kind::Score, -2}, QStringLiteral("→"), tr("right"), tr("Right is better"), false));
    commands->addSpacing(grid(this, 1));
    commands->addWidget(add({Kind::BothBad, 0}, tr("B"), tr("both bad"), tr("Both are bad"), false));
    commands->addWidget(add({Kind::Skip, 0}, tr("S"), tr("skip"), tr("Skip this one"), false));
    commands->addSpacing(grid(this, 1));
    commands->addWidget(add({Kind::Undo, 0}, tr("U"), tr("undo"), tr("Undo the last answer"), false));
    commands->addWidget(add({Kind::Reason, 0}, tr("R"), tr("reason"), tr("Write a reason"), false));
    commands->addWidget(add({Kind::Differences, 0}, tr("D"), tr("differences"), tr("Show differences"), false));
    commands->addStretch();
    column->addLayout(commands);
}

KeyButton* AnswerBar::add(const AnswerCommand& command, const QString& key, const QString& text,
                          const QString& fullName, bool scale) {
    auto* button = new KeyButton(key, text, scale ? KeyButton::Shape::Above : KeyButton::Shape::Beside, this);
    button->setAccessibleName(fullName);
    button->setToolTip(tr("%1 (%2)").arg(fullName, key));
    connect(button, &QAbstractButton::clicked, this, [this, command] { Q_EMIT pressed(command); });
    entries_ << Entry{command, button};
    return button;
}

KeyButton* AnswerBar::button(const AnswerCommand& command) const {
    for (const Entry& entry : entries_) {
        if (entry.command == command) {
            return entry.button;
        }
    }
    return nullptr;
}

void AnswerBar::flash(const AnswerCommand& command) {
    if (KeyButton* chosen = button(command)) {
        chosen->flash(kTraceMilliseconds);
    }
}

void AnswerBar::mark(const std::optional<AnswerCommand>& command) {
    KeyButton* chosen = command ? button(*command) : nullptr;
    for (const Entry& entry : std::as_const(entries_)) {
        if (entry.button && entry.command.kind != Kind::Differences) {
            entry.button->setMarked(entry.button == chosen);
        }
    }
}

void AnswerBar::setDifferencesShown(bool shown) {
    button({Kind::Differences, 0})->setMarked(shown);
}

void AnswerBar::setUndoEnabled(bool enabled) {
    button({Kind::Undo, 0})->setEnabled(enabled);
}

}  // namespace prefbench::widgets
