#include "core/workbench/training.h"

#include <QCryptographicHash>
#include <QDateTime>
#include <QDir>
#include <QFileInfo>
#include <QHash>
#include <QSet>
#include <QtEndian>
#include <algorithm>
#include <cmath>
#include <functional>
#include <tuple>

#include "core/files/chat_template_source.h"
#include "core/project/completions.h"
#include "core/project/judgements.h"
#include "core/project/models.h"
#include "core/project/prompts.h"
#include "core/project/runs.h"

namespace prefbench::workbench {

namespace {

constexpr int pageSize = 500;
constexpr quint64 evaluationShare = 10;  ///< one prompt in ten

std::string text(const QString& string) {
    return string.toStdString();
}

QString pathOf(const std::filesystem::path& path) {
    return QString::fromStdString(path.string());
}

/// Every current label in short id ranges, so that no read holds up another connection's commit.
void forEachPage(project::Project& project, const std::function<void(const QList<project::LabelledPair>&)>& take) {
    project::Judgements judgements(project);
    QString after;
    while (true) {
        const QList<project::LabelledPair> page = judgements.labelledPairs(after, pageSize);
        if (page.isEmpty()) {
            return;
        }
        take(page);
        after = page.last().comparisonId;
    }
}

/// The same prompt gets the same number in every project and for good.
quint64 promptHash(const project::Prompt& prompt) {
    return qFromBigEndian<quint64>(
        QCryptographicHash::hash("evaluation\n" + prompt.messages, QCryptographicHash::Sha256).constData());
}

/// Which prompts evaluate; the split is by prompt, never by pair. Those with decided labels make it: a prompt that has
/// ties alone falls on the side that such a prompt would, and moves no other.
class EvaluationSplit {
  public:
    EvaluationSplit(project::Project& project, const QSet<QString>& decidedPrompts, const QSet<QString>& tiedPrompts) {
        divide(project, decidedPrompts);
        const bool byHash = !evaluatesTests_;
        project::Prompts prompts(project);
        for (const QString& id : tiedPrompts - decidedPrompts) {
            const std::optional<project::Prompt> prompt = prompts.find(id);
            const bool drawn = prompt && byHash && promptHash(*prompt) % evaluationShare == 0;
            if (drawn || (prompt && prompt->split == project::Split::Test)) {
                evaluation_.insert(id);
            }
        }
    }

    bool evaluates(const QString& promptId) const { return evaluation_.contains(promptId); }

  private:
    void divide(project::Project& project, const QSet<QString>& decidedPrompts) {
        project::Prompts prompts(project);
        QList<std::pair<quint64, QString>> hashes;
        for (const QString& id : decidedPrompts) {
            const std::optional<project::Prompt> prompt = prompts.find(id);
            if (!prompt) {
                continue;
            }
            if (prompt->split == project::Split::Test) {
                evaluation_.insert(id);
            }
            hashes.append({promptHash(*prompt), id});
        }
        evaluatesTests_ = !evaluation_.isEmpty();
        if (evaluatesTests_ || hashes.size() < 2) {
            return;
        }
        std::sort(hashes.begin(), hashes.end());
        for (const auto& [hash, id] : hashes) {
            if (hash % evaluationShare == 0) {
                evaluation_.insert(id);
            }
        }
        if (evaluation_.isEmpty()) {
            evaluation_.insert(hashes.first().second);
        } else if (evaluation_.size() == hashes.size()) {
            evaluation_.remove(hashes.last().second);
        }
    }

    QSet<QString> evaluation_;
    bool evaluatesTests_ = false;
};

/// A prompt's labels.
struct Tally {
    qint64 decided = 0, ties = 0;
    QSet<QString> preferred;  ///< answers
};

struct Survey {
    DatasetSummary summary;
    QHash<QString, Tally> prompts;
};

EvaluationSplit splitOf(project::Project& project, const Survey& survey) {
    QSet<QString> decided, tied;
    for (auto prompt = survey.prompts.cbegin(); prompt != survey.prompts.cend(); ++prompt) {
        (prompt->decided > 0 ? decided : tied).insert(prompt.key());
    }
    return {project, decided, tied};
}

QString problemOf(const DatasetSummary& summary) {
    if (summary.trainPairs > 0) {
        return {};
    }
    if (summary.evalPairs > 0) {
        return QStringLiteral(
                   "All %1 labelled pairs are on test prompts, which only evaluate. Label pairs of training "
                   "prompts first.")
            .arg(summary.evalPairs);
    }
    if (summary.ties > 0) {
        return summary.ties == 1
                   ? QStringLiteral("The only label is a tie, which says nothing to train on. Label more pairs first.")
                   : QStringLiteral("All %1 labels are ties, which say nothing to train on. Label more pairs first.")
                         .arg(summary.ties);
    }
    return QStringLiteral("No labelled pairs yet. Label some on the Label page first.");
}

void count(DatasetSummary& summary, const Tally& tally, bool evaluates) {
    (evaluates ? summary.evalPairs : summary.trainPairs) += tally.decided;
    (evaluates ? summary.evalAnswers : summary.trainAnswers) += tally.preferred.size();
    summary.ties += tally.ties;
    summary.evalTies += evaluates ? tally.ties : 0;
    ++(tally.decided > 0 ? summary.prompts : summary.promptsOfTies);
}

Survey survey(project::Project& project) {
    Survey result;
    forEachPage(project, [&](const QList<project::LabelledPair>& page) {
        for (const project::LabelledPair& pair : page) {
            Tally& tally = result.prompts[pair.promptId];
            if (pair.score == 0) {
                ++tally.ties;
            } else {
                ++tally.decided;
                tally.preferred.insert(pair.score > 0 ? pair.firstId : pair.secondId);
            }
        }
    });
    const EvaluationSplit split = splitOf(project, result);
    for (auto prompt = result.prompts.cbegin(); prompt != result.prompts.cend(); ++prompt) {
        count(result.summary, *prompt, split.evaluates(prompt.key()));
    }
    result.summary.problem = problemOf(result.summary);
    return result;
}

/// The lines of dataset/train.jsonl and dataset/eval.jsonl.
struct Snapshot {
    std::string train, eval;
    bool hasConversations = false;
};

class SnapshotWriter {
  public:
    /// `softTies`: ties are labels that either answer is the better one with probability ½; else they are left out.
    SnapshotWriter(project::Project& project, bool demonstrations, bool softTies, const EvaluationSplit& split)
        : project_(project), demonstrations_(demonstrations), softTies_(softTies), split_(split) {}

    void add(QList<project::LabelledPair> page) {
        // Annotators' labels on one comparison stand in an order that does not hang on the query's plan.
        std::stable_sort(page.begin(), page.end(), [](const auto& left, const auto& right) {
            return std::tie(left.comparisonId, left.annotatorId) < std::tie(right.comparisonId, right.annotatorId);
        });
        QStringList ids;
        for (const project::LabelledPair& pair : page) {
            ids << pair.firstId << pair.secondId;
        }
        const QHash<QString, project::Completion> completions = project::Completions(project_).byIds(ids);
        for (const project::LabelledPair& pair : page) {
            if (pair.score != 0 || (softTies_ && !demonstrations_)) {
                addPair(pair, completions);
            }
        }
    }

    Snapshot take() { return std::move(snapshot_); }

  private:
    void addPair(const project::LabelledPair& pair, const QHash<QString, project::Completion>& completions) {
        const bool first = pair.score >= 0;
        const project::Completion chosen = completions.value(first ? pair.firstId : pair.secondId);
        const project::Completion rejected = completions.value(first ? pair.secondId : pair.firstId);
        const contract::Passage& prompt = passageOf(pair.promptId);
        std::string line;
        if (demonstrations_) {
            if (taught_.contains(chosen.id)) {
                return;
            }
            taught_.insert(chosen.id);
            line = contract::toLine(
                contract::DemonstrationExample{text(chosen.id), prompt, answerTo(prompt, text(chosen.text))});
        } else {
            const bool isTie = pair.score == 0;
            line = contract::toLine(
                contract::PairExample{text(pair.comparisonId), prompt, answerTo(prompt, text(chosen.text)),
                                      answerTo(prompt, text(rejected.text)),
                                      isTie ? 1 : std::abs(static_cast<double>(pair.score)), isTie ? 0.5 : 1});
        }
        std::string& lines = split_.evaluates(pair.promptId) ? snapshot_.eval : snapshot_.train;
        lines += line;
        if (lines.back() != '\n') {
            lines += '\n';
        }
    }

    const contract::Passage& passageOf(const QString& promptId) {
        if (promptId != promptId_) {
            const std::optional<project::Prompt> prompt = project::Prompts(project_).find(promptId);
            promptId_ = promptId;
            prompt_ = prompt ? prompt->passage() : contract::Passage();
        }
        snapshot_.hasConversations = snapshot_.hasConversations || prompt_.isConversation();
        return prompt_;
    }

    project::Project& project_;
    bool demonstrations_, softTies_;
    const EvaluationSplit& split_;
    Snapshot snapshot_;
    QSet<QString> taught_;
    QString promptId_;
    contract::Passage prompt_;
};

Snapshot snapshot(project::Project& project, const Survey& survey, const contract::RunSpec& spec) {
    const EvaluationSplit split = splitOf(project, survey);
    SnapshotWriter writer(project, spec.method == "sft", spec.hyperparameters.ties == "soft", split);
    forEachPage(project, [&](const QList<project::LabelledPair>& page) { writer.add(page); });
    return writer.take();
}

contract::RunSpec specOf(const project::Project& project, const project::Model& model, const NewRun& run) {
    contract::RunSpec spec;
    spec.id = text(project::newId());
    spec.name = text(run.name);
    spec.created = text(QDateTime::currentDateTimeUtc().toString(Qt::ISODate));
    spec.method = text(run.method);
    spec.model = text(project.absolutePath(model.folder));
    spec.modelHash = text(model.weightsHash);
    spec.seed = run.seed;
    spec.sampling.seed = run.seed;
    for (const QString& setting : run.settings) {
        contract::applySetting(spec, text(setting));
    }
    contract::check(spec);
    return spec;
}

QString nextName(project::Project& project, const QString& method) {
    const QString title = method.toUpper().replace(QLatin1Char('_'), QLatin1Char(' '));
    QSet<QString> taken;
    for (const project::Run& run : project::Runs(project).all()) {
        taken.insert(run.name);
    }
    for (int number = 1;; ++number) {
        const QString name = QStringLiteral("%1 %2").arg(title).arg(number);
        if (!taken.contains(name)) {
            return name;
        }
    }
}

project::Run runById(project::Project& project, const QString& id) {
    std::optional<project::Run> run = project::Runs(project).find(id);
    if (!run) {
        throw Error("the project has no run with id " + text(id));
    }
    return *run;
}

}  // namespace

DatasetSummary summarizeDataset(project::Project& project) {
    return survey(project).summary;
}

contract::RunDirectory createRun(project::Project& project, const NewRun& newRun) {
    const Survey labels = survey(project);
    if (!labels.summary.problem.isEmpty()) {
        throw Error(text(labels.summary.problem));
    }
    const std::optional<project::Model> model = project::Models(project).find(newRun.modelId);
    if (!model) {
        throw Error("the project has no model with id " + text(newRun.modelId));
    }
    NewRun run = newRun;
    if (run.name.isEmpty()) {
        run.name = nextName(project, run.method);
    }
    const contract::RunSpec spec = specOf(project, *model, run);
    const QDir runs(project.dataFolder() + QStringLiteral("/runs"));
    if (!runs.mkpath(QStringLiteral("."))) {
        throw Error(text(runs.path()) + " cannot be made: is the disk full or the folder read-only?");
    }
    const Snapshot lines = snapshot(project, labels, spec);
    if (lines.hasConversations) {
        files::readChatTemplateSource(spec.model);  // said before a run is made, rather than by a failed one
    }
    const QString folder = runs.filePath(QString::fromStdString(spec.id));
    const contract::RunDirectory directory = contract::createRunDirectory(text(folder), spec, lines.train, lines.eval);

    project::Run row;
    row.id = QString::fromStdString(spec.id);
    row.name = run.name;
    row.method = run.method;
    row.folder = project.storedPath(folder);
    row.modelId = run.modelId;
    row.state = QString::fromLatin1(contract::toString(contract::RunState::Queued));
    try {
        project::Runs(project).add(row);
    } catch (...) {
        QDir(folder).removeRecursively();
        throw;
    }
    return directory;
}

void refreshRuns(project::Project& project) {
    if (project.isReadOnly()) {
        return;
    }
    project::Runs runs(project);
    for (const project::Run& run : runs.all()) {
        contract::RunStatus status;
        try {
            status = contract::readStatus({text(project.absolutePath(run.folder))});
        } catch (const std::exception&) {
            continue;
        }
        const QString state = QString::fromLatin1(contract::toString(status.state));
        if (state != run.state || status.step != run.step || status.totalSteps != run.totalSteps) {
            runs.updateProgress(run.id, state, status.step, status.totalSteps);
        }
    }
}

QString adoptModel(project::Project& project, const QString& runId) {
    const project::Run run = runById(project, runId);
    const contract::RunDirectory directory{text(project.absolutePath(run.folder))};
    const QString folder = pathOf(directory.finalModel());
    if (!QFileInfo::exists(folder)) {
        throw Error("run \"" + text(run.name) + "\" has no final model in " + text(folder) + ": has it finished?");
    }
    return project::Models(project).ensure(folder, run.name, runId);
}

}  // namespace prefbench::workbench
