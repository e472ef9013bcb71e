#include "app/cli/commands/commands.h"

namespace prefbench::cli {

void addCommands(CLI::App& app) {
    addNew(app);
    addImport(app);
    addLabel(app);
    addStats(app);
    addExport(app);
    addRuleScore(app);
}

}  // namespace prefbench::cli
