#include "app/engine/commands/folder_options.h"

namespace prefbench::engine {

void addFolderOptions(CLI::App& command, std::string& folder, std::string& base) {
    command.add_option("--model", folder, "model folder in Hugging Face layout, or an adapter's in PEFT's")->required();
    command.add_option("--base", base, "an adapter's base model, where it is not where the adapter says");
}

}  // namespace prefbench::engine
