#include "ui/widgets/icon.h"

#include <QApplication>
#include <QFile>
#include <QIconEngine>
#include <QPainter>
#include <QPalette>
#include <QPixmapCache>
#include <QSvgRenderer>

#include "ui/widgets/theme.h"

namespace prefbench::widgets {

namespace {

class LineIconEngine : public QIconEngine {
  public:
    explicit LineIconEngine(QString name) : name_(std::move(name)) {}

    QIconEngine* clone() const override { return new LineIconEngine(name_); }

    void paint(QPainter* painter, const QRect& rect, QIcon::Mode mode, QIcon::State) override {
        const double scale = painter->device() ? painter->device()->devicePixelRatio() : 1;
        painter->drawPixmap(rect, rendered((QSizeF(rect.size()) * scale).toSize(), mode));
    }

    QPixmap pixmap(const QSize& size, QIcon::Mode mode, QIcon::State) override { return rendered(size, mode); }

  private:
    QPixmap rendered(const QSize& size, QIcon::Mode mode) const {
        const QPalette palette = QApplication::palette();
        const QColor colour = mode == QIcon::Disabled ? mixed(palette.color(QPalette::Window), mutedText(palette), 0.6)
                              : mode == QIcon::Selected ? palette.color(QPalette::HighlightedText)
                                                        : palette.color(QPalette::WindowText);
        const QString key = QStringLiteral("prefbench-icon/%1/%2x%3/%4")
                                .arg(name_)
                                .arg(size.width())
                                .arg(size.height())
                                .arg(colour.rgba(), 0, 16);
        QPixmap pixmap;
        if (QPixmapCache::find(key, &pixmap)) {
            return pixmap;
        }
        pixmap = QPixmap(size);
        pixmap.fill(Qt::transparent);
        QFile file(QStringLiteral(":/icons/%1.svg").arg(name_));
        if (!size.isEmpty() && file.open(QIODevice::ReadOnly)) {
            QByteArray svg = file.readAll();
            svg.replace("currentColor", colour.name().toUtf8());
            QSvgRenderer renderer(svg);
            QPainter painter(&pixmap);
            renderer.render(&painter, QRectF(QPointF(0, 0), QSizeF(size)));
        }
        QPixmapCache::insert(key, pixmap);
        return pixmap;
    }

    QString name_;
};

}  // namespace

QIcon icon(const QString& name) {
    if (!QFile::exists(QStringLiteral(":/icons/%1.svg").arg(name))) {
        return {};
    }
    return QIcon(new LineIconEngine(name));
}

}  // namespace prefbench::widgets
