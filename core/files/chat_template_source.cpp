#include "core/files/chat_template_source.h"

#include "core/files/durable_file.h"
#include "core/files/error.h"

namespace prefbench::files {

namespace {

std::string templateOf(const OrderedJson& config, const std::string& what) {
    const OrderedJson& found = config["chat_template"];
    if (found.is_string()) {
        return found.get<std::string>();
    }
    for (const OrderedJson& one : found.is_array() ? found : OrderedJson::array()) {
        if (one.is_object() && one.value("name", OrderedJson()) == "default" &&
            one.value("template", OrderedJson()).is_string()) {
            return one["template"].get<std::string>();
        }
    }
    throw Error(what + ": chat_template must be a text, or a list with one named default");
}

}  // namespace

ChatTemplateSource readChatTemplateSource(const std::filesystem::path& folder) {
    const std::filesystem::path configFile = folder / "tokenizer_config.json";
    const std::filesystem::path templateFile = folder / "chat_template.jinja";
    std::error_code ignored;
    OrderedJson config = OrderedJson::object();
    if (std::filesystem::exists(configFile, ignored)) {
        config = readOrderedJsonFile(configFile);
    }
    if (std::filesystem::exists(templateFile, ignored)) {
        return {readFile(templateFile), templateFile.string(), std::move(config)};
    }
    if (!config.is_object() || !config.contains("chat_template") || config["chat_template"].is_null()) {
        throw Error(folder.string() +
                    ": the model has no chat template (chat_template.jinja, or chat_template in "
                    "tokenizer_config.json), which conversations need: choose a chat model, or put its template there");
    }
    std::string source = templateOf(config, configFile.string());
    return {std::move(source), configFile.string() + ": chat_template", std::move(config)};
}

}  // namespace prefbench::files
