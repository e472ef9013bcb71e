#include <QDir>
#include <QElapsedTimer>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "app/cli/commands/commands.h"
#include "app/cli/commands/sampling_progress.h"
#include "app/cli/commands/wait_for_run.h"
#include "core/contract/metrics.h"
#include "core/files/json.h"
#include "core/jobs/engine.h"
#include "core/labelling/rule.h"
#include "core/project/judgements.h"
#include "core/project/models.h"
#include "core/project/prompts.h"
#include "core/project/runs.h"
#include "core/statistics/bootstrap.h"
#include "core/workbench/sampling_job.h"
#include "core/workbench/starter_project.h"
#include "core/workbench/store.h"
#include "core/workbench/training.h"
#include "ui/charts/run_charts.h"

namespace prefbench::cli {

namespace {

struct DemoOptions {
    std::string folder = "prefbench-demo", plot;
    qint64 pairs = 1000;  ///< to label for training, about: some turn out ties
    quint64 seed = 0;
};

constexpr qint64 pairsPerPrompt = 3;  ///< of samples 1–2, 3–4, 5–6: new samples teach more than more pairs of the same
constexpr qint64 freshSamples = 4;  ///< a held-out prompt, from the model before and after
constexpr double flippedShare = 0.1;
constexpr int resamples = 10000;
const auto ruleName = QStringLiteral("starter");

/// Those of docs/starter.md: a large gain, and sentences stay whole.
const QStringList trainingSettings = {QStringLiteral("learning_rate=1e-4"), QStringLiteral("beta=0.3"),
                                      QStringLiteral("num_train_epochs=2"), QStringLiteral("batch_size=16"),
                                      QStringLiteral("warmup_steps=10")};

void say(const char* stage, const QString& words) {
    std::fprintf(stderr, "%-9s %s\n", stage, qUtf8Printable(words));
}

/// Seconds by stage, in the order in which stages began.
class StageClock {
  public:
    StageClock() {
        total_.start();
        stage_.start();
    }
    void end(const char* stage) { milliseconds_[stage] = milliseconds_.value(stage, 0LL) + stage_.restart(); }
    files::OrderedJson seconds() const {
        files::OrderedJson seconds;
        for (const auto& [stage, milliseconds] : milliseconds_.items()) {
            seconds[stage] = milliseconds.get<double>() / 1000;
        }
        seconds["total"] = static_cast<double>(total_.elapsed()) / 1000;
        return seconds;
    }

  private:
    QElapsedTimer total_, stage_;
    files::OrderedJson milliseconds_ = files::OrderedJson::object();
};

class Demo {
  public:
    explicit Demo(const DemoOptions& options) : options_(options), rule_(labelling::Rule::byName(ruleName)) {}

    void run() {
        jobs::enginePath();  // missing: said before anything is made
        create();
        // Held-out pairs first: labelled while there are no others, and without noise, so that accuracy is measured
        // against the rule itself.
        samplePairs(project::Split::Test, 0, pairsPerPrompt);
        label(0);
        sampleTrainingPairs();
        label(flippedShare);
        train();
        evaluate();
        report();
    }

  private:
    void create() {
        const QDir folder(QString::fromStdString(options_.folder));
        if (!QDir().mkpath(folder.path())) {
            throw Error(folder.absolutePath().toStdString() + " cannot be made");
        }
        path_ = folder.absoluteFilePath(QStringLiteral("demo.prefbench"));
        if (QFile::exists(path_)) {
            throw Error(path_.toStdString() + " is there already: give another folder or remove it");
        }
        const auto project = workbench::createStarterProject(path_);
        const QList<project::Model> models = project::Models(*project).all();
        modelId_ = models.first().id;
        trainPrompts_ = project::Prompts(*project).count(project::Split::Train);
        say("create", path_);
    }

    /// As many comparisons as should come to the pairs asked for: the held-out ones tell how many turn out ties.
    void sampleTrainingPairs() {
        const auto labelled = labels();
        const double decided = static_cast<double>(std::max<qint64>(labelled.decided, 1)) /
                               static_cast<double>(std::max<qint64>(labelled.total(), 1));
        const auto comparisons = static_cast<qint64>(std::ceil(static_cast<double>(options_.pairs) / decided));
        const auto share = [](qint64 amount, qint64 of) { return (amount + of - 1) / of; };
        const qint64 perPrompt = std::max(pairsPerPrompt, share(comparisons, trainPrompts_));
        samplePairs(project::Split::Train, std::min(trainPrompts_, share(comparisons, perPrompt)), perPrompt);
    }

    project::Judgements::Counts labels() const {
        const auto project = project::Project::open(path_, project::Project::Mode::ReadOnly);
        return project::Judgements(*project).counts();
    }

    workbench::SamplingRequest request(const QString& modelId, qint64 samples, quint64 seed) const {
        workbench::SamplingRequest request;
        request.modelId = modelId;
        request.settings.samples = samples;
        request.settings.seed = seed;
        request.settings.maxNewTokens = 96;
        return request;
    }

    QString sample(const workbench::SamplingRequest& request, const QString& stage) {
        workbench::Store store;
        workbench::openAndWait(store, path_);
        return workbench::sampleAndWait(store, request, SamplingProgress(stage)).generationId;
    }

    void samplePairs(project::Split split, qint64 promptLimit, qint64 pairs) {
        workbench::SamplingRequest wanted = request(modelId_, 2 * pairs, options_.seed);
        wanted.split = split;
        wanted.promptLimit = promptLimit;
        wanted.policy = workbench::PairPolicy::Disjoint;
        sample(wanted, QStringLiteral("sample"));
        clock_.end("sample");
    }

    void label(double noise) {
        const auto project = project::Project::open(path_);
        const qint64 labelled = labelling::labelByRule(*project, *rule_, QStringLiteral("rule"), noise, options_.seed);
        say("label", QStringLiteral("%1 comparisons, %2 % of the answers flipped").arg(labelled).arg(100 * noise));
        clock_.end("label");
    }

    void train() {
        workbench::NewRun newRun;
        newRun.modelId = modelId_;
        newRun.settings = trainingSettings;
        newRun.seed = options_.seed;
        {
            const auto project = project::Project::open(path_);
            pairs_ = workbench::summarizeDataset(*project).trainPairs;
            run_ = workbench::createRun(*project, newRun);
        }
        jobs::startTraining(run_);
        const contract::RunStatus status = waitForRun(run_);
        requireFinished(run_, status);
        steps_ = status.totalSteps;
        const auto project = project::Project::open(path_);
        workbench::refreshRuns(*project);
        trainedModelId_ = workbench::adoptModel(*project, QString::fromStdString(contract::readRunSpec(run_).id));
        clock_.end("train");
    }

    /// Fresh samples on the held-out prompts from the model before and after, with the same seeds.
    void evaluate() {
        const quint64 seed = options_.seed + 1;
        before_ = scores(modelId_, seed);
        after_ = scores(trainedModelId_, seed);
        clock_.end("evaluate");
    }

    /// Mean score by the rule of each held-out prompt's fresh samples, by prompt.
    std::map<QString, double> scores(const QString& modelId, quint64 seed) {
        workbench::SamplingRequest wanted = request(modelId, freshSamples, seed);
        wanted.split = project::Split::Test;
        wanted.policy = workbench::PairPolicy::None;
        const QString generation = sample(wanted, QStringLiteral("evaluate"));

        const auto project = project::Project::open(path_, project::Project::Mode::ReadOnly);
        project::Prompts prompts(*project);
        std::map<QString, std::pair<double, int>> sums;
        for (const project::Completion& completion : project::Completions(*project).ofGeneration(generation)) {
            const QString prompt = prompts.find(completion.promptId)->text();
            auto& [sum, count] = sums[completion.promptId];
            sum += rule_->score(prompt, completion.text);
            ++count;
        }
        std::map<QString, double> means;
        for (const auto& [promptId, sum] : sums) {
            means[promptId] = sum.first / sum.second;
        }
        return means;
    }

    void report() {
        contract::MetricsReader reader(run_.metrics());
        reader.read();
        const contract::MetricRecord* last = nullptr;
        for (const contract::MetricRecord& record : reader.records()) {
            last = record.split == "eval" ? &record : last;
        }
        if (!last) {
            throw Error(run_.metrics().string() + ": no evaluation in it");
        }
        std::vector<double> before, after, difference;
        for (const auto& [promptId, score] : before_) {
            if (const auto found = after_.find(promptId); found != after_.end()) {
                before.push_back(score);
                after.push_back(found->second);
                difference.push_back(found->second - score);
            }
        }
        const statistics::Interval interval = statistics::bootstrapMean(difference, options_.seed, resamples);
        if (!options_.plot.empty()) {
            charts::plotRun(QString::fromStdString(run_.path.string()), QString::fromStdString(options_.plot));
            say("plot", QString::fromStdString(options_.plot));
        }
        const files::OrderedJson result = {
            {"pairs", pairs_},
            {"steps", steps_},
            {"eval_loss", files::numberToJson(last->values.at("loss"))},
            {"eval_accuracy", files::numberToJson(last->values.at("rewards/accuracies"))},
            {"eval_margin", files::numberToJson(last->values.at("rewards/margins"))},
            {"rule_score_before", statistics::mean(before)},
            {"rule_score_after", statistics::mean(after)},
            {"rule_score_difference_ci95", {interval.low, interval.high}},
            {"seconds", clock_.seconds()}};
        std::printf("%s\n", files::toLine(result).c_str());
    }

    DemoOptions options_;
    std::unique_ptr<labelling::Rule> rule_;
    StageClock clock_;
    QString path_, modelId_, trainedModelId_;
    qint64 trainPrompts_ = 0, pairs_ = 0, steps_ = 0;
    contract::RunDirectory run_;
    std::map<QString, double> before_, after_;
};

}  // namespace

void addDemo(CLI::App& app) {
    auto options = std::make_shared<DemoOptions>();
    CLI::App* command = app.add_subcommand(
        "demo", "Do the whole loop on a new starter project: sample, label by the stated rule, train, evaluate");
    command->add_option("DIR", options->folder, "Folder for the project")->capture_default_str();
    command->add_option("--pairs", options->pairs, "Pairs to label for training, about")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("--seed", options->seed, "Of samples, flipped labels and training")->capture_default_str();
    command->add_option("--plot", options->plot, "Draw the run's charts into this PNG file");
    command->footer(
        "Progress goes to standard error; the last line of standard output is the result as JSON. A tenth of the\n"
        "rule's answers on training prompts are flipped, none of those on held-out prompts, where accuracy is "
        "measured.");
    command->callback([options] { Demo(*options).run(); });
}

}  // namespace prefbench::cli
