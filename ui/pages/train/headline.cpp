#include "ui/pages/train/headline.h"

#include <QHBoxLayout>
#include <QLocale>
#include <optional>

#include "ui/charts/readable.h"
#include "ui/models/run_list_model.h"
#include "ui/widgets/theme.h"

namespace prefbench::pages {

using charts::Metric;

namespace {

/// The newest value of a curve; "untouched" for an accuracy that is made of rounding.
QString latest(const charts::RunData& data, Metric metric, bool evaluation) {
    const charts::Curve& curve = evaluation ? data.evaluation(metric) : data.train(metric);
    if (curve.size() == 0) {
        return {};
    }
    const std::size_t last = curve.size() - 1;
    if (metric == Metric::Accuracy &&
        charts::isUntouched(evaluation ? data.evaluationRow(last) : data.trainRow(last))) {
        return Headline::tr("untouched");
    }
    return charts::readable(curve.y(last));
}

}  // namespace

Headline::Headline(QWidget* parent) : QWidget(parent) {
    auto* row = new QHBoxLayout(this);
    widgets::setLayoutGrid(row, this, 0, widgets::kGroupSpacing);
    addTile(QStringLiteral("step"), tr("Step"));
    addTile(QStringLiteral("loss"), tr("Loss"));
    addTile(QStringLiteral("accuracy"), tr("Accuracy"));
    addTile(QStringLiteral("margin"), tr("Margin"));
    addTile(QStringLiteral("left"), tr("Time left"));
}

void Headline::addTile(const QString& name, const QString& heading) {
    auto* column = new QVBoxLayout;
    column->setSpacing(0);
    auto* caption = widgets::secondaryLabel(heading, this);
    caption->setWordWrap(false);
    column->addWidget(caption);
    auto* figure = new widgets::Label(widgets::Label::Role::Title, QStringLiteral("–"), this);
    auto* note = widgets::secondaryLabel({}, this);
    note->setWordWrap(false);
    column->addWidget(figure);
    column->addWidget(note);
    static_cast<QHBoxLayout*>(layout())->addLayout(column, 1);
    tiles_.append({name, figure, note});
}

void Headline::show(std::size_t tile, const QString& figure, const QString& note) {
    Tile& shown = tiles_[static_cast<qsizetype>(tile)];
    shown.figure->setText(figure.isEmpty() ? QStringLiteral("–") : figure);
    shown.note->setText(note);
}

void Headline::present(const contract::RunStatus& status, const charts::RunData& data) {
    const QLocale locale;
    show(0, locale.toString(static_cast<qlonglong>(status.step)),
         status.totalSteps > 0 ? tr("of %1").arg(locale.toString(static_cast<qlonglong>(status.totalSteps)))
                               : QString());
    std::size_t tile = 1;
    for (const Metric metric : {Metric::Loss, Metric::Accuracy, Metric::Margin}) {
        const QString held = latest(data, metric, true), trained = latest(data, metric, false);
        show(tile++, held.isEmpty() ? trained : held,
             held.isEmpty()      ? (trained.isEmpty() ? QString() : tr("training"))
             : trained.isEmpty() ? tr("evaluation")
                                 : tr("training %1").arg(trained));
    }
    const bool running = status.state == contract::RunState::Running;
    const QString left = running && status.etaSeconds > 0 ? models::shortDuration(status.etaSeconds) : QString();
    show(4, left,
         running && status.stepsPerSecond > 0
             ? tr("%1 steps a second").arg(locale.toString(status.stepsPerSecond, 'g', 2))
             : models::stateWord(status.state));
}

QString Headline::figure(const QString& name) const {
    for (const Tile& tile : tiles_) {
        if (tile.name == name) {
            return tile.figure->text();
        }
    }
    return {};
}

}  // namespace prefbench::pages
