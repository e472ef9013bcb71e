#include "app/engine/commands/commands.h"

namespace prefbench::engine {

void addCommands(CLI::App& app, Work& work) {
    addTokenize(app, work);
    addScore(app, work);
    addGenerate(app, work);
    addServe(app, work);
}

}  // namespace prefbench::engine
