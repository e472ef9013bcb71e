#include "ui/pages/train/file_view.h"

#include <QFile>
#include <QFontDatabase>
#include <QScrollBar>

#include "ui/pages/train/aside.h"

namespace prefbench::pages {
namespace {

constexpr qint64 shownBytes = qint64{256} * 1024;

QString tailOf(const std::filesystem::path& path) {
    QFile file(QString::fromStdString(path.string()));
    if (!file.open(QIODevice::ReadOnly)) {
        return {};
    }
    const bool cut = file.size() > shownBytes;
    if (cut) {
        file.seek(file.size() - shownBytes);
        file.readLine();
    }
    return (cut ? QStringLiteral("…\n") : QString()) + QString::fromUtf8(file.readAll());
}

}  // namespace

FileView::FileView(Kind kind, const QString& emptyText, QWidget* parent) : QPlainTextEdit(parent), kind_(kind) {
    setReadOnly(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    setFont(QFontDatabase::systemFont(QFontDatabase::FixedFont));
    setPlaceholderText(emptyText);
    setFrameShape(QFrame::NoFrame);
    timer_.setInterval(1000);
    connect(&timer_, &QTimer::timeout, this, &FileView::read);
}

void FileView::setFile(const std::filesystem::path& file) {
    if (file == file_) {
        return;
    }
    file_ = file;
    clear();
    if (isVisible()) {
        read();
    }
}

void FileView::showEvent(QShowEvent* event) {
    QPlainTextEdit::showEvent(event);
    read();
    timer_.start();
}

void FileView::hideEvent(QHideEvent* event) {
    QPlainTextEdit::hideEvent(event);
    timer_.stop();
}

void FileView::read() {
    if (reading_ || file_.empty()) {
        return;
    }
    reading_ = true;
    runAside(
        this, [file = file_] { return tailOf(file); },
        [this, file = file_](const QString& text) {
            reading_ = false;
            if (file == file_) {
                present(text);
            } else {
                read();
            }
        },
        [this](const QString&) { reading_ = false; });
}

void FileView::present(const QString& text) {
    if (text == toPlainText()) {
        return;
    }
    const int place = verticalScrollBar()->value();
    const bool following = kind_ == Kind::Log && place == verticalScrollBar()->maximum();
    setPlainText(text);
    verticalScrollBar()->setValue(following ? verticalScrollBar()->maximum() : place);
}

}  // namespace prefbench::pages
