#include "core/contract/passage.h"

#include "core/files/error.h"

namespace prefbench::contract {

namespace {

constexpr std::size_t kShownOfValue = 60;

void checkMessages(const files::OrderedJson& messages, const std::string& key) {
    if (messages.empty()) {
        throw Error("\"" + key + "\" has no messages");
    }
    for (const files::OrderedJson& message : messages) {
        const bool hasText = message.is_object() && message.contains("role") && message["role"].is_string() &&
                             message.contains("content") && message["content"].is_string();
        if (!hasText) {
            throw Error("\"" + key + "\": a message is {\"role\": text, \"content\": text}, found " +
                        files::toLine(message).substr(0, kShownOfValue));
        }
    }
}

}  // namespace

files::OrderedJson toJson(const Passage& passage) {
    return passage.isConversation() ? passage.messages : files::OrderedJson(passage.text);
}

Passage passageFromJson(const files::OrderedJson& value, const std::string& key) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (!value.is_array()) {
        throw Error("\"" + key + "\" must be text or a list of messages, found " +
                    files::toLine(value).substr(0, kShownOfValue));
    }
    checkMessages(value, key);
    return Passage::ofMessages(value);
}

Passage answerTo(const Passage& prompt, const std::string& answer) {
    if (!prompt.isConversation()) {
        return answer;
    }
    return Passage::ofMessages(files::OrderedJson::array({{{"role", "assistant"}, {"content", answer}}}));
}

void refuseTemplateVariables(const files::OrderedJson& row) {
    for (const char* key : {"tools", "chat_template_kwargs"}) {
        const auto found = row.find(key);
        const bool isGiven = found != row.end() && !found->empty() && *found != "[]";
        const bool isEmptyText = isGiven && found->is_string() && found->get_ref<const std::string&>().empty();
        if (isGiven && !isEmptyText) {
            throw Error("\"" + std::string(key) + "\" is not supported: a conversation is its messages alone");
        }
    }
}

}  // namespace prefbench::contract
