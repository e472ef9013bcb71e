#pragma once

#include <QString>
#include <QStringList>

#include "core/contract/run_directory.h"
#include "core/project/project.h"

namespace prefbench::workbench {

/// What a training run would be made of: counted before it is started.
struct DatasetSummary {
    qint64 trainPairs = 0, evalPairs = 0, prompts = 0;  ///< without ties
    /// What soft ties add to them: labels, those held out among them, and prompts with nothing but ties.
    qint64 ties = 0, evalTies = 0, promptsOfTies = 0;
    qint64 trainAnswers = 0, evalAnswers = 0;  ///< what method sft learns from
    /// Why no run can start ("No labelled pairs yet…", "All 12 labels are ties…"), or empty.
    QString problem;
};
DatasetSummary summarizeDataset(project::Project& project);

struct NewRun {
    QString modelId;
    QString method = QStringLiteral("dpo");
    QString name;          ///< empty: method and a number, "DPO 1"
    QStringList settings;  ///< KEY=VALUE
    quint64 seed = 0;
};

/// Snapshots the current decided labels into NAME.data/runs/ID/dataset: a row each (annotators who contradict each
/// other give two), for method sft each preferred completion once. Split by prompt: test prompts evaluate; where none
/// of them has a label other than a tie, a tenth of the prompts chosen by hash, at least one of two or more. Writes
/// run.json, indexes the run. Does not start it. Error as DatasetSummary::problem.
contract::RunDirectory createRun(project::Project& project, const NewRun& run);

/// Brings the runs table up to date with the directories; a run whose directory is gone keeps its last state.
void refreshRuns(project::Project& project);

/// Registers a finished run's model among the project's models; returns its id.
QString adoptModel(project::Project& project, const QString& runId);

}  // namespace prefbench::workbench
