#include "core/training/preflight.h"

#include <iostream>

#include "app/engine/commands/commands.h"

namespace prefbench::engine {

void addPreflight(CLI::App& app, Work& work) {
    auto run = std::make_shared<std::string>();
    CLI::App* command = app.add_subcommand("preflight", "What a run would train on, as one JSON object");
    command->add_option("run", *run, "run directory")->required();
    command->callback([run, &work] {
        work = [run] {
            std::cout << files::toLine(training::preflight({*run})) << std::endl;
            return 0;
        };
    });
}

}  // namespace prefbench::engine
