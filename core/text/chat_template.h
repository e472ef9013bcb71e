#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/files/error.h"
#include "core/files/json.h"
#include "core/text/templates/limits.h"

namespace prefbench::text {

/// A chat template could not be read or rendered. `message` is the reason alone, what the template itself raised as it
/// wrote it; what() is one line with the template's line in it.
class TemplateError : public Error {
  public:
    TemplateError(const std::string& what, std::string message, bool isRaised)
        : Error(what), message(std::move(message)), isRaisedByTemplate(isRaised) {}
    std::string message;
    bool isRaisedByTemplate;
};

/// A model's chat template in the Jinja dialect of transformers: trim_blocks, lstrip_blocks, break and continue,
/// raise_exception, strftime_now, tojson without HTML escapes, generation blocks. It reads no file and changes nothing,
/// and its limits bound its work. Immutable and safe to use from several threads.
class ChatTemplate {
  public:
    /// The template of a model folder (files::readChatTemplateSource), with the special tokens of
    /// tokenizer_config.json as variables. Error when the folder has none.
    static ChatTemplate load(const std::filesystem::path& folder);

    /// `variables` are an object: what the template knows besides the messages. `name` starts every message.
    ChatTemplate(const std::string& source, files::OrderedJson variables, std::string name = "chat template",
                 const templates::Limits& limits = {});
    ChatTemplate(ChatTemplate&&) noexcept;
    ~ChatTemplate();

    /// The text of `messages`, a list of objects. `addGenerationPrompt` ends it with what starts an answer. `variables`
    /// are more of them. Throws TemplateError.
    std::string render(const files::OrderedJson& messages, bool addGenerationPrompt,
                       const files::OrderedJson& variables = files::OrderedJson::object()) const;

  private:
    struct Parsed;
    std::unique_ptr<const Parsed> parsed_;
    files::OrderedJson variables_;
    std::string name_;
    templates::Limits limits_;
};

}  // namespace prefbench::text
