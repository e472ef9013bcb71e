#pragma once

#include <CLI/CLI.hpp>

namespace prefbench::cli {

/// Every command: its options, and a callback that does its work while the command line is parsed. Results go to
/// standard output, progress and remarks to standard error; a failure is an exception.
void addCommands(CLI::App& app);

void addDemo(CLI::App& app);
void addNew(CLI::App& app);
void addImport(CLI::App& app);
void addSample(CLI::App& app);
void addLabel(CLI::App& app);
void addStats(CLI::App& app);
void addTrain(CLI::App& app);
void addRuns(CLI::App& app);
void addPlot(CLI::App& app);
void addExport(CLI::App& app);
void addRuleScore(CLI::App& app);

}  // namespace prefbench::cli
