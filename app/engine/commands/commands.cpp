#include "app/engine/commands/commands.h"

namespace prefbench::engine {

void addCommands(CLI::App& app, Work& work) {
    addTokenize(app, work);
    addRender(app, work);
    addScore(app, work);
    addGenerate(app, work);
    addServe(app, work);
    addPreflight(app, work);
    addTrain(app, work);
    addExport(app, work);
    addBench(app, work);
}

}  // namespace prefbench::engine
