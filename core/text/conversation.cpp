#include "core/text/conversation.h"

namespace prefbench::text {

using files::OrderedJson;

namespace {

OrderedJson joined(const OrderedJson& prompt, const OrderedJson& answer) {
    if (!prompt.is_array() || !answer.is_array()) {
        throw Error("prompt and answer of a conversation must both be lists of messages");
    }
    OrderedJson messages = prompt;
    messages.insert(messages.end(), answer.begin(), answer.end());
    return messages;
}

}  // namespace

Conversations Conversations::load(const std::filesystem::path& folder, std::shared_ptr<const Tokenizer> tokenizer) {
    Conversations conversations(std::move(tokenizer));
    try {
        conversations.template_.emplace(ChatTemplate::load(folder));
    } catch (const Error& error) {
        conversations.problem_ = error.what();
    }
    return conversations;
}

Conversations::Conversations(std::shared_ptr<const Tokenizer> tokenizer, ChatTemplate chatTemplate)
    : tokenizer_(std::move(tokenizer)), template_(std::move(chatTemplate)) {}

const ChatTemplate& Conversations::chatTemplate() const {
    if (!template_) {
        throw Error(problem_);
    }
    return *template_;
}

std::string Conversations::promptText(const OrderedJson& messages) const {
    return chatTemplate().render(messages, /*addGenerationPrompt=*/true);
}

std::vector<TokenId> Conversations::promptIds(const OrderedJson& messages) const {
    return tokenizer_->encode(promptText(messages), /*addSpecialTokens=*/false);
}

std::vector<TokenId> Conversations::wholeIds(const OrderedJson& prompt, const OrderedJson& answer) const {
    const std::string text = chatTemplate().render(joined(prompt, answer), /*addGenerationPrompt=*/false);
    return tokenizer_->encode(text, /*addSpecialTokens=*/false);
}

TokenizedCompletions Conversations::tokenizeCompletions(const OrderedJson& prompt,
                                                        const std::vector<OrderedJson>& completions) const {
    std::vector<std::vector<TokenId>> wholes;
    for (const OrderedJson& completion : completions) {
        wholes.push_back(wholeIds(prompt, completion));
    }
    return splitCompletions(promptIds(prompt), wholes);
}

TokenizedCompletion Conversations::tokenizeCompletion(const OrderedJson& prompt, const OrderedJson& completion) const {
    return splitCompletion(promptIds(prompt), wholeIds(prompt, completion));
}

}  // namespace prefbench::text
