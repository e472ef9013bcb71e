#include <cstdio>

#include "app/cli/commands/commands.h"
#include "core/project/models.h"
#include "core/project/prompts.h"
#include "core/workbench/starter_project.h"

namespace prefbench::cli {

namespace {

struct NewOptions {
    std::string project;
    bool starter = false;
};

void runNew(const NewOptions& options) {
    const QString path = QString::fromStdString(options.project);
    const auto project = options.starter ? workbench::createStarterProject(path) : project::Project::create(path);
    std::printf("Created %s\n", qUtf8Printable(project->path()));
    if (options.starter) {
        const project::Model model = project::Models(*project).all().first();
        std::printf("%lld prompts; model %s\n", static_cast<long long>(project::Prompts(*project).count()),
                    qUtf8Printable(project->absolutePath(model.folder)));
    }
}

}  // namespace

void addNew(CLI::App& app) {
    auto options = std::make_shared<NewOptions>();
    CLI::App* command = app.add_subcommand("new", "Make a new project");
    command->add_option("PROJECT", options->project, "File to make, NAME.prefbench")->required();
    command->add_flag("--starter", options->starter, "With the starter's model and prompts");
    command->callback([options] { runNew(*options); });
}

}  // namespace prefbench::cli
