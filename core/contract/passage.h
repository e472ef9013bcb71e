#pragma once

#include <string>
#include <utility>

#include "core/files/json.h"

namespace prefbench::contract {

/// A prompt or an answer as data sets hold it: plain text, or the messages of a conversation.
struct Passage {
    std::string text{};                     ///< empty where there are messages
    files::OrderedJson messages = nullptr;  ///< a list of {"role","content",…}; null for plain text

    Passage() = default;
    Passage(std::string plain) : text(std::move(plain)) {}
    Passage(const char* plain) : text(plain) {}
    static Passage ofMessages(files::OrderedJson list) {
        Passage passage;
        passage.messages = std::move(list);
        return passage;
    }

    bool isConversation() const { return !messages.is_null(); }
    bool operator==(const Passage&) const = default;
};

/// A text or a list of messages.
files::OrderedJson toJson(const Passage& passage);
/// Error naming `key` when the value is neither a text nor a list of one or more messages with role and content.
Passage passageFromJson(const files::OrderedJson& value, const std::string& key);
/// An answer in its prompt's own form: plain text, or the list of one assistant message.
Passage answerTo(const Passage& prompt, const std::string& answer);
/// Error when a conversation's row gives its template more than messages ("tools", "chat_template_kwargs"): without
/// them the model would read another text than was meant.
void refuseTemplateVariables(const files::OrderedJson& row);

}  // namespace prefbench::contract
