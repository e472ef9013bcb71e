#include "app/engine/commands/commands.h"
#include "core/training/export_model.h"

namespace prefbench::engine {

namespace {

struct Options {
    std::string source, target, base;
    training::ExportOptions how;
};

}  // namespace

void addExport(CLI::App& app, Work& work) {
    auto options = std::make_shared<Options>();
    CLI::App* command =
        app.add_subcommand("export", "Write a run's model as a Hugging Face folder, or its adapter as PEFT's");
    command->add_option("source", options->source, "run directory, one of its checkpoints/NAME, or a model folder")
        ->required();
    command->add_option("target", options->target, "folder to make")->required();
    command->add_flag("--merge", options->how.merge, "the base with the adapter added, as a plain model");
    command->add_option("--dtype", options->how.dtype, "of what is written (left out: as it is stored)")
        ->check(CLI::IsMember({"float32", "float16", "bfloat16", "float64"}));
    command->add_option("--base", options->base, "an adapter's base model, where it is not where the adapter says");
    command->callback([options, &work] {
        work = [options] {
            options->how.base = options->base;
            training::exportModel(options->source, options->target, options->how);
            return 0;
        };
    });
}

}  // namespace prefbench::engine
