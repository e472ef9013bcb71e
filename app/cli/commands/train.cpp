#include <QFileInfo>
#include <cstdio>

#include "app/cli/commands/commands.h"
#include "app/cli/commands/wait_for_run.h"
#include "core/jobs/engine.h"
#include "core/project/models.h"
#include "core/workbench/training.h"

namespace prefbench::cli {

namespace {

struct TrainOptions {
    std::string project, model, method = "dpo", name;
    std::vector<std::string> settings;
    quint64 seed = 0;
    bool wait = false;
};

contract::RunDirectory createRun(const TrainOptions& options) {
    const auto project = project::Project::open(QString::fromStdString(options.project));
    const QFileInfo model(QString::fromStdString(options.model));
    workbench::NewRun run;
    run.modelId = project::Models(*project).ensure(model.absoluteFilePath(),
                                                   model.canonicalFilePath().section(QLatin1Char('/'), -1));
    run.method = QString::fromStdString(options.method);
    run.name = QString::fromStdString(options.name);
    run.seed = options.seed;
    for (const std::string& setting : options.settings) {
        run.settings << QString::fromStdString(setting);
    }
    return workbench::createRun(*project, run);
}

/// What is wrong with the call is said before the project is touched.
void check(const TrainOptions& options) {
    contract::RunSpec spec;
    spec.method = options.method;
    contract::check(spec);
    for (const std::string& setting : options.settings) {
        contract::applySetting(spec, setting);
    }
}

void runTrain(const TrainOptions& options) {
    check(options);
    jobs::enginePath();
    const contract::RunDirectory run = createRun(options);
    std::printf("%s\n", run.path.c_str());
    std::fflush(stdout);
    jobs::startTraining(run);
    if (!options.wait) {
        return;
    }
    const contract::RunStatus status = waitForRun(run);
    const auto project = project::Project::open(QString::fromStdString(options.project));
    workbench::refreshRuns(*project);
    requireFinished(run, status);
    workbench::adoptModel(*project, QString::fromStdString(contract::readRunSpec(run).id));
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
        text += text.empty() ? name : ", " + name;
    }
    return text;
}

}  // namespace

void addTrain(CLI::App& app) {
    auto options = std::make_shared<TrainOptions>();
    CLI::App* command = app.add_subcommand("train", "Start a training run on a project's labels, detached");
    command->add_option("PROJECT", options->project, "Project file")->required();
    command->add_option("--model", options->model, "Hugging Face model folder to start from")->required();
    command->add_option("--method", options->method, listed(contract::methodNames()))->capture_default_str();
    command
        ->add_option("--set", options->settings,
                     "Setting of the run, any number of times: " + listed(contract::settingNames()))
        ->type_name("KEY=VALUE");
    command->add_option("--name", options->name, "What to call the run");
    command->add_option("--seed", options->seed, "Of the data's order")->capture_default_str();
    command->add_flag("--wait", options->wait, "Print a line a second until the run is over; it does not depend on it");
    command->callback([options] { runTrain(*options); });
}

}  // namespace prefbench::cli
