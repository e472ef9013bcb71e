#include "app/cli/commands/commands.h"

namespace prefbench::cli {

void addCommands(CLI::App& app) {
    addDemo(app);
    addNew(app);
    addImport(app);
    addSample(app);
    addLabel(app);
    addStats(app);
    addTrain(app);
    addRuns(app);
    addPlot(app);
    addExport(app);
    addRuleScore(app);
}

}  // namespace prefbench::cli
