#include "app/engine/commands/model_options.h"

#include "app/engine/commands/folder_options.h"
#include "core/model/device.h"

namespace prefbench::engine {

void addModelOptions(CLI::App& command, ModelOptions& options) {
    addFolderOptions(command, options.folder, options.base);
    command.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
    command.add_option("--dtype", options.dtype, "float32, float64, bfloat16 or float16")->capture_default_str();
    command.add_option("--threads", options.threads, "threads of one operation (0: physical cores)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
}

LoadedModel loadModel(const ModelOptions& options) {
    model::setThreads(options.threads);
    const at::Device device = model::deviceFromName(options.device);
    const at::ScalarType type = model::computeTypeFromName(options.dtype);
    const files::ModelFolder folder = files::openModelFolder(options.folder, options.base);
    const auto tokenizer = text::Tokenizer::load(folder.tokenizer);
    return {tokenizer, text::Conversations::load(folder.tokenizer, tokenizer),
            model::Transformer::load(folder, device, type)};
}

}  // namespace prefbench::engine
