#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace prefbench::engine {

/// The work that the command line asks for; returns the exit status. Set while the command line is parsed and run
/// afterwards, so that no failure of the work is taken for a wrong call.
using Work = std::function<int()>;

/// Each adds one subcommand, which sets `work` when it is chosen.
void addTokenize(CLI::App& app, Work& work);
void addRender(CLI::App& app, Work& work);
void addScore(CLI::App& app, Work& work);
void addGenerate(CLI::App& app, Work& work);
void addServe(CLI::App& app, Work& work);
void addPreflight(CLI::App& app, Work& work);
void addTrain(CLI::App& app, Work& work);
void addExport(CLI::App& app, Work& work);
void addBench(CLI::App& app, Work& work);

/// Adds them all.
void addCommands(CLI::App& app, Work& work);

}  // namespace prefbench::engine
