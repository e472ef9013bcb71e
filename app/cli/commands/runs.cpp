#include <cstdio>

#include "app/cli/commands/commands.h"
#include "core/contract/metrics.h"
#include "core/contract/run_directory.h"
#include "core/project/project.h"
#include "core/project/runs.h"
#include "core/workbench/training.h"

namespace prefbench::cli {

namespace {

struct RunsOptions {
    std::string project;
    bool json = false;
};

/// As the run's own directory tells it, where that is there still.
project::Run refreshed(project::Project& project, project::Run run, std::string& message) {
    try {
        const auto status = contract::readStatus({project.absolutePath(run.folder).toStdString()});
        run.state = QString::fromLatin1(contract::toString(status.state));
        run.step = status.step;
        run.totalSteps = status.totalSteps;
        message = status.message;
    } catch (const std::exception&) {
        message = "its folder is gone";
    }
    return run;
}

files::OrderedJson toJson(const project::Run& run, const std::string& folder, const std::string& message) {
    files::OrderedJson json = {{"id", run.id.toStdString()},
                               {"name", run.name.toStdString()},
                               {"method", run.method.toStdString()},
                               {"created", run.created.toStdString()},
                               {"state", run.state.toStdString()},
                               {"step", run.step},
                               {"total_steps", run.totalSteps},
                               {"message", message},
                               {"folder", folder}};
    contract::MetricsReader reader(contract::RunDirectory{folder}.metrics());
    reader.read();
    for (auto record = reader.records().crbegin(); record != reader.records().crend(); ++record) {
        if (record->split == "eval") {
            json["eval"] = contract::toJson(*record);
            break;
        }
    }
    return json;
}

void runRuns(const RunsOptions& options) {
    const auto project =
        project::Project::open(QString::fromStdString(options.project), project::Project::Mode::ReadOnly);
    files::OrderedJson all = files::OrderedJson::array();
    for (const project::Run& indexed : project::Runs(*project).all()) {
        std::string message;
        const project::Run run = refreshed(*project, indexed, message);
        const std::string folder = project->absolutePath(run.folder).toStdString();
        if (options.json) {
            all.push_back(toJson(run, folder, message));
        } else {
            std::printf("%-20s %-12s %6lld/%-6lld %s  %s\n", qUtf8Printable(run.name), qUtf8Printable(run.state),
                        static_cast<long long>(run.step), static_cast<long long>(run.totalSteps), folder.c_str(),
                        message.c_str());
        }
    }
    if (options.json) {
        std::printf("%s\n", files::toLine(all).c_str());
    }
}

}  // namespace

void addRuns(CLI::App& app) {
    auto options = std::make_shared<RunsOptions>();
    CLI::App* command = app.add_subcommand("runs", "List a project's training runs and where they stand");
    command->add_option("PROJECT", options->project, "Project file")->required();
    command->add_flag("--json", options->json, "One JSON array");
    command->callback([options] { runRuns(*options); });
}

}  // namespace prefbench::cli
