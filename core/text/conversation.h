#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/text/chat_template.h"
#include "core/text/tokenizer.h"

namespace prefbench::text {

/// How a model reads conversations, lists of messages {"role", "content", …}: its chat template makes them text, its
/// tokenizer makes that ids, adding no special tokens, since the template writes them itself (transformers'
/// apply_chat_template with tokenize=True). Immutable and safe to use from several threads.
class Conversations {
  public:
    /// Of a model folder. One without a template, or with a broken one, is an Error of whatever is asked afterwards,
    /// not here: plain text needs none.
    static Conversations load(const std::filesystem::path& folder, std::shared_ptr<const Tokenizer> tokenizer);
    Conversations(std::shared_ptr<const Tokenizer> tokenizer, ChatTemplate chatTemplate);

    const Tokenizer& tokenizer() const { return *tokenizer_; }

    /// What the model reads before it answers: the text ends with what begins an answer. Also where an assistant's
    /// message is the last: then a new one begins, as in TRL's trainers. Error as ChatTemplate::render.
    std::string promptText(const files::OrderedJson& messages) const;
    std::vector<TokenId> promptIds(const files::OrderedJson& messages) const;

    /// `prompt` with the messages of each answer, by TRL's rule (splitCompletions). No EOS is appended: how an answer
    /// ends is the template's to say.
    TokenizedCompletions tokenizeCompletions(const files::OrderedJson& prompt,
                                             const std::vector<files::OrderedJson>& completions) const;
    TokenizedCompletion tokenizeCompletion(const files::OrderedJson& prompt,
                                           const files::OrderedJson& completion) const;

  private:
    explicit Conversations(std::shared_ptr<const Tokenizer> tokenizer) : tokenizer_(std::move(tokenizer)) {}
    const ChatTemplate& chatTemplate() const;
    std::vector<TokenId> wholeIds(const files::OrderedJson& prompt, const files::OrderedJson& answer) const;

    std::shared_ptr<const Tokenizer> tokenizer_;
    std::optional<ChatTemplate> template_;
    std::string problem_;  ///< why there is none
};

}  // namespace prefbench::text
