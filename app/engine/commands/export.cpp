#include "app/engine/commands/commands.h"
#include "core/training/export_model.h"

namespace prefbench::engine {

namespace {

struct ExportOptions {
    std::string source, target;
};

}  // namespace

void addExport(CLI::App& app, Work& work) {
    auto options = std::make_shared<ExportOptions>();
    CLI::App* command = app.add_subcommand("export", "Copy a run's model as a Hugging Face folder");
    command->add_option("source", options->source, "run directory, or one of its checkpoints/NAME")->required();
    command->add_option("target", options->target, "folder to make")->required();
    command->callback([options, &work] {
        work = [options] {
            training::exportModel(options->source, options->target);
            return 0;
        };
    });
}

}  // namespace prefbench::engine
