#include "app/engine/commands/model_options.h"

#include "app/engine/commands/folder_options.h"
#include "core/files/error.h"
#include "core/model/device.h"

namespace prefbench::engine {

void addModelOptions(CLI::App& command, ModelOptions& options) {
    addFolderOptions(command, options.folder, options.base);
    command.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
    command
        .add_option("--dtype", options.dtype,
                    options.decodes ? "float32, float64, bfloat16, float16, or int8: weights of decoding on the CPU"
                                    : "float32, float64, bfloat16 or float16")
        ->capture_default_str();
    command.add_option("--threads", options.threads, "threads of one operation (0: physical cores)")
        ->check(CLI::NonNegativeNumber)
        ->capture_default_str();
}

LoadedModel loadModel(const ModelOptions& options) {
    model::setThreads(options.threads);
    const at::Device device = model::deviceFromName(options.device);
    const bool isInt8 = options.decodes && options.dtype == "int8";
    if (isInt8 && !device.is_cpu()) {
        throw Error("dtype is int8, which there is on the CPU alone");
    }
    const at::ScalarType type = isInt8 ? at::kFloat : model::computeTypeFromName(options.dtype);
    const files::ModelFolder folder = files::openModelFolder(options.folder, options.base);
    const auto tokenizer = text::Tokenizer::load(folder.tokenizer);
    return {tokenizer, text::Conversations::load(folder.tokenizer, tokenizer),
            model::Transformer::load(folder, device, type),
            isInt8 ? model::WeightFormat::Int8 : model::WeightFormat::Float32};
}

}  // namespace prefbench::engine
