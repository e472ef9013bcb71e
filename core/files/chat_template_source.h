#pragma once

#include <filesystem>
#include <string>

#include "core/files/json.h"

namespace prefbench::files {

/// A model folder's chat template as its files hold it, not yet parsed.
struct ChatTemplateSource {
    std::string source;           ///< Jinja
    std::string name;             ///< for messages: the file, and the key where it is one of a JSON file
    OrderedJson tokenizerConfig;  ///< tokenizer_config.json; an empty object where there is none
};

/// chat_template.jinja, or chat_template in tokenizer_config.json (a text, or a list of named ones of which `default`
/// is taken). Error that says what is missing when the folder has none.
ChatTemplateSource readChatTemplateSource(const std::filesystem::path& folder);

}  // namespace prefbench::files
