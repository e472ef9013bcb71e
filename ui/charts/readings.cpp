#include "ui/charts/readings.h"

#include <QLocale>

#include "ui/charts/readable.h"
#include "ui/charts/run_panel.h"

namespace prefbench::charts {

QStringList readings(const RunData& data, const std::vector<std::pair<Metric, QString>>& metrics,
                     std::optional<double> at) {
    QStringList trained, evaluated;
    std::optional<double> step;
    for (const auto& [metric, name] : metrics) {
        const auto indexIn = [&](const Curve& curve, bool atOrBefore) {
            if (!at) {
                return curve.size() - 1;
            }
            const std::size_t index = *curve.nearest(*at);
            return atOrBefore && curve.x(index) > *at && index > 0 ? index - 1 : index;
        };
        const Curve& train = data.train(metric);
        const Curve& line = data.smoothing() > 0 ? data.smoothed(metric) : train;
        const QString label = name.isEmpty() ? QString() : name + QLatin1Char(' ');
        if (line.size() > 0) {
            const std::size_t index = indexIn(line, false);
            const bool untouched = metric == Metric::Accuracy && isUntouched(data.trainRow(index));
            trained << label + (untouched ? RunPanel::tr("untouched") : readable(line.y(index)));
            step = line.x(index);
        }
        if (const Curve& evaluation = data.evaluation(metric); evaluation.size() > 0) {
            const std::size_t index = indexIn(evaluation, true);
            const bool untouched = metric == Metric::Accuracy && isUntouched(data.evaluationRow(index));
            evaluated << (untouched ? RunPanel::tr("untouched") : readable(evaluation.y(index)));
        }
    }
    const QString where =
        step ? RunPanel::tr("step %1").arg(QLocale().toString(static_cast<qlonglong>(*step))) : QString();
    const QString training = trained.join(QStringLiteral(", "));
    const QString evaluation =
        evaluated.isEmpty() ? QString() : RunPanel::tr("evaluation %1").arg(evaluated.join(QStringLiteral(", ")));
    QStringList forms;
    for (QStringList parts : {QStringList{where, training, evaluation}, {training, evaluation}, {training}}) {
        parts.removeAll(QString());
        forms << parts.join(QStringLiteral(" · "));
    }
    return forms;
}

}  // namespace prefbench::charts
