#pragma once

#include <qcustomplot.h>

#include <QStringList>

namespace prefbench::charts {

/// The line above a chart: what it shows and in which unit on the left, the values read off on the right; the right
/// part gives way first when room is short.
class ChartHeader : public QCPLayoutElement {
  public:
    explicit ChartHeader(QCustomPlot* plot) : QCPLayoutElement(plot) {}
    void setTitle(const QString& title, const QString& unit) { title_ = title, unit_ = unit; }
    /// The same reading in ever shorter words; the first that fits is shown.
    void setReadings(const QStringList& readings) { readings_ = readings; }
    void setStyle(const QFont& font, const QColor& text, const QColor& muted);
    const QString& title() const { return title_; }
    QString reading() const { return readings_.value(0); }
    QSize minimumOuterSizeHint() const override;
    QSize maximumOuterSizeHint() const override;

  protected:
    void applyDefaultAntialiasingHint(QCPPainter*) const override {}
    void draw(QCPPainter* painter) override;

  private:
    QString title_, unit_;
    QStringList readings_;
    QFont font_;
    QColor text_, muted_;
};

/// A sentence in the middle of a chart that has nothing to show yet.
class EmptyNote : public QCPLayoutElement {
  public:
    explicit EmptyNote(QCustomPlot* plot) : QCPLayoutElement(plot) {}
    void setText(const QString& text) { text_ = text; }
    const QString& text() const { return text_; }
    void setStyle(const QFont& font, const QColor& muted) { font_ = font, muted_ = muted; }

  protected:
    void applyDefaultAntialiasingHint(QCPPainter*) const override {}
    void draw(QCPPainter* painter) override;

  private:
    QString text_;
    QFont font_;
    QColor muted_;
};

/// Ticks at whole steps only.
class StepTicker : public QCPAxisTicker {
  protected:
    double getTickStep(const QCPRange& range) override { return std::max(1.0, QCPAxisTicker::getTickStep(range)); }
    int getSubTickCount(double) override { return 0; }
};

}  // namespace prefbench::charts
