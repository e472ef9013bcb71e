#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace prefbench::engine {

/// Adds --model, and --base for where an adapter's base model is, empty when it is as the adapter says.
void addFolderOptions(CLI::App& command, std::string& folder, std::string& base);

}  // namespace prefbench::engine
