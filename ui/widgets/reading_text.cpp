#include "ui/widgets/reading_text.h"

#include <QAbstractTextDocumentLayout>
#include <QApplication>
#include <QEvent>
#include <QScrollBar>
#include <QTextBlock>
#include <cmath>

#include "ui/widgets/theme.h"

namespace prefbench::widgets {

namespace {

constexpr double kReadingSize = 1.15;
constexpr double kLineHeight = 145;  // per cent

}  // namespace

ReadingText::ReadingText(QWidget* parent) : QTextEdit(parent) {
    setReadOnly(true);
    setFrameShape(QFrame::NoFrame);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setWordWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setTabChangesFocus(true);
    setUndoRedoEnabled(false);
    viewport()->setAutoFillBackground(false);
    setMinimumHeight(em(this, 3));
    QTextOption option = document()->defaultTextOption();
    option.setTextDirection(Qt::LayoutDirectionAuto);
    document()->setDefaultTextOption(option);
    document()->setDocumentMargin(0);
    connect(document()->documentLayout(), &QAbstractTextDocumentLayout::documentSizeChanged, this,
            &ReadingText::heightChanged);
    applyFormat();
}

void ReadingText::setReading(const QString& text) {
    reading_ = text.trimmed();
    setCurrentCharFormat(QTextCharFormat());
    setPlainText(reading_);
    begin();
}

void ReadingText::setTurns(const QList<Turn>& turns) {
    if (turns.size() == 1 && turns.first().speaker.isEmpty()) {
        setReading(turns.first().text);
        return;
    }
    clear();
    QTextCharFormat speaker;
    speaker.setFontWeight(QFont::DemiBold);
    QTextBlockFormat apart;
    apart.setTopMargin(grid(this, 1));
    QTextCursor cursor(document());
    for (const Turn& turn : turns) {
        if (!document()->isEmpty()) {
            cursor.insertBlock(apart, QTextCharFormat());
        }
        cursor.insertText(turn.speaker, speaker);
        cursor.insertBlock(QTextBlockFormat(), QTextCharFormat());
        cursor.insertText(turn.text.trimmed(), QTextCharFormat());
    }
    reading_ = toPlainText();
    moveCursor(QTextCursor::Start);
    begin();
}

void ReadingText::begin() {
    dimmed_ = 0;
    marked_.clear();
    applyFormat();
    applySelections();
    verticalScrollBar()->setValue(0);
}

void ReadingText::setScale(double scale) {
    scale_ = scale;
    applyFormat();
    applyColumn();
}

void ReadingText::setDimmed(qsizetype characters) {
    dimmed_ = characters;
    applySelections();
}

void ReadingText::setMarked(const QList<TextRange>& ranges) {
    marked_ = ranges;
    applySelections();
}

int ReadingText::fullHeight() const {
    return static_cast<int>(std::ceil(document()->size().height())) + 2;
}

void ReadingText::resizeEvent(QResizeEvent* event) {
    applyColumn();
    QTextEdit::resizeEvent(event);
}

void ReadingText::changeEvent(QEvent* event) {
    QTextEdit::changeEvent(event);
    if (event->type() == QEvent::PaletteChange) {
        applySelections();
    } else if (event->type() == QEvent::ApplicationFontChange) {
        applyFormat();
    }
}

void ReadingText::applyFormat() {
    QFont font = QApplication::font();
    const double factor = kReadingSize * scale_;
    if (font.pointSizeF() > 0) {
        font.setPointSizeF(font.pointSizeF() * factor);
    } else {
        font.setPixelSize(qRound(font.pixelSize() * factor));
    }
    document()->setDefaultFont(font);
    QTextBlockFormat format;
    format.setLineHeight(kLineHeight, QTextBlockFormat::ProportionalHeight);
    QTextCursor cursor(document());
    cursor.select(QTextCursor::Document);
    cursor.mergeBlockFormat(format);
    Q_EMIT heightChanged();
}

void ReadingText::applyColumn() {
    const int column = qRound(kTextColumn * em(this) * kReadingSize * scale_);
    setViewportMargins(0, 0, std::max(0, width() - column), 0);
}

void ReadingText::applySelections() {
    QList<QTextEdit::ExtraSelection> selections;
    const auto add = [this, &selections](qsizetype start, qsizetype length, const QTextCharFormat& format) {
        QTextEdit::ExtraSelection selection;
        selection.cursor = QTextCursor(document());
        selection.cursor.setPosition(static_cast<int>(start));
        selection.cursor.setPosition(static_cast<int>(start + length), QTextCursor::KeepAnchor);
        selection.format = format;
        selections << selection;
    };
    if (dimmed_ > 0) {
        QTextCharFormat dim;
        dim.setForeground(mutedText(palette()));
        add(0, std::min(dimmed_, reading_.size()), dim);
    }
    QTextCharFormat mark;
    mark.setBackground(mixed(palette().color(QPalette::Base), palette().color(QPalette::Text), 0.14));
    mark.setFontUnderline(true);
    for (const TextRange& range : std::as_const(marked_)) {
        add(range.start, range.length, mark);
    }
    setExtraSelections(selections);
}

}  // namespace prefbench::widgets
