#include "ui/widgets/token_text.h"

#include <QFontDatabase>
#include <QHelpEvent>
#include <QKeyEvent>
#include <QLocale>
#include <QMimeData>
#include <QScrollBar>
#include <QToolTip>
#include <algorithm>

#include "ui/widgets/theme.h"

namespace prefbench::widgets {

namespace {

constexpr double kFaint = 0.05, kLessFaint = 0.16;  // share of the text's colour in a token's ground

/// Line breaks and tabs keep their effect and get a mark, so that a token of nothing else is seen.
QString marked(const QString& text) {
    QString shown = text;
    shown.replace(QLatin1Char('\n'), QStringLiteral("↵\n"));
    shown.replace(QLatin1Char('\t'), QStringLiteral("⇥\t"));
    shown.replace(QLatin1Char('\r'), QStringLiteral("␍"));
    return shown;
}

}  // namespace

TokenText::TokenText(QWidget* parent) : QTextEdit(parent) {
    setReadOnly(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setTabChangesFocus(true);
    setUndoRedoEnabled(false);
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    // A token may be selected without the cursor's leaving its place.
    for (const auto moved : {&QTextEdit::cursorPositionChanged, &QTextEdit::selectionChanged}) {
        connect(this, moved, this, [this] { Q_EMIT currentChanged(current()); });
    }
}

void TokenText::setTokens(const QList<Token>& tokens) {
    tokens_ = tokens;
    fill();
    verticalScrollBar()->setValue(0);
}

void TokenText::fill() {
    const QColor base = palette().color(QPalette::Base), text = palette().color(QPalette::Text);
    const QSignalBlocker quiet(this);
    clear();
    starts_.clear();
    QTextCursor cursor(document());
    cursor.beginEditBlock();
    for (qsizetype index = 0; index < tokens_.size(); ++index) {
        QTextCharFormat format;
        format.setBackground(mixed(base, text, index % 2 == 0 ? kFaint : kLessFaint));
        if (tokens_[index].special) {
            format.setFontWeight(QFont::DemiBold);
            format.setFontUnderline(true);
        }
        starts_ << cursor.position();
        cursor.insertText(marked(tokens_[index].text), format);
    }
    cursor.endEditBlock();
    moveCursor(QTextCursor::Start);
}

int TokenText::tokenAt(int position) const {
    const auto after = std::upper_bound(starts_.begin(), starts_.end(), position);
    return static_cast<int>(after - starts_.begin()) - 1;
}

int TokenText::current() const {
    const QTextCursor cursor = textCursor();
    return tokenAt(cursor.hasSelection() ? cursor.selectionStart() : cursor.position());
}

void TokenText::setCurrent(int index) {
    if (starts_.isEmpty()) {
        return;
    }
    const int place = std::clamp(index, 0, static_cast<int>(starts_.size()) - 1);
    QTextCursor cursor(document());
    // The end first: the cursor then stands at the beginning, and that is scrolled to.
    cursor.setPosition(place + 1 < starts_.size() ? starts_[place + 1] : document()->characterCount() - 1);
    cursor.setPosition(starts_[place], QTextCursor::KeepAnchor);
    setTextCursor(cursor);
}

QString TokenText::description(int index) const {
    if (index < 0 || index >= tokens_.size()) {
        return {};
    }
    const QLocale locale;
    const QString place =
        tr("Token %1 of %2: id %3")
            .arg(locale.toString(index + 1), locale.toString(tokens_.size()), QString::number(tokens_[index].id));
    return tokens_[index].special ? tr("%1, special").arg(place) : place;
}

bool TokenText::event(QEvent* event) {
    if (event->type() == QEvent::ToolTip) {
        const auto* help = static_cast<QHelpEvent*>(event);
        const QPoint place = viewport()->mapFromGlobal(help->globalPos());
        QToolTip::showText(help->globalPos(), description(tokenAt(cursorForPosition(place).position())), this);
        return true;
    }
    return QTextEdit::event(event);
}

void TokenText::keyPressEvent(QKeyEvent* event) {
    if (event->modifiers() == Qt::NoModifier && (event->key() == Qt::Key_Left || event->key() == Qt::Key_Right)) {
        const bool forward = (event->key() == Qt::Key_Right) != isRightToLeft();
        setCurrent(textCursor().hasSelection() ? current() + (forward ? 1 : -1) : current());
        return;
    }
    QTextEdit::keyPressEvent(event);
}

void TokenText::changeEvent(QEvent* event) {
    QTextEdit::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) {
        fill();
    }
}

QMimeData* TokenText::createMimeDataFromSelection() const {
    QString text;
    const int last = tokenAt(textCursor().selectionEnd() - 1);
    for (int index = std::max(0, current()); index <= last; ++index) {
        text += tokens_[index].text;
    }
    auto* data = new QMimeData;
    data->setText(text);
    return data;
}

}  // namespace prefbench::widgets
