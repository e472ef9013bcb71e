#include "app/engine/commands/commands.h"

namespace prefbench::engine {

void addCommands(CLI::App& app, Work& work) {
    addTokenize(app, work);
}

}  // namespace prefbench::engine
