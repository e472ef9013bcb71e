#include "app/engine/commands/prompts.h"

#include <utility>

#include "core/files/error.h"
#include "core/text/shown_tokens.h"

namespace prefbench::engine {

std::vector<text::TokenId> plainPromptIds(const text::Tokenizer& tokenizer, const std::string& prompt) {
    std::vector<text::TokenId> ids = tokenizer.encode(prompt, /*addSpecialTokens=*/true);
    if (ids.empty() && tokenizer.bosId()) {
        ids.push_back(*tokenizer.bosId());
    }
    return ids;
}

std::vector<text::TokenId> promptIds(const text::Conversations& conversations, const contract::Passage& prompt) {
    return prompt.isConversation() ? conversations.promptIds(prompt.messages)
                                   : plainPromptIds(conversations.tokenizer(), prompt.text);
}

std::vector<contract::Rendering::Token> shown(const text::Tokenizer& tokenizer, const std::vector<text::TokenId>& ids) {
    std::vector<contract::Rendering::Token> tokens;
    for (text::ShownToken& token : text::shownTokens(tokenizer, ids)) {
        tokens.push_back({token.id, std::move(token.text), token.special});
    }
    return tokens;
}

contract::Rendering rendering(const text::Conversations& conversations, const contract::Passage& prompt) {
    return {prompt.isConversation() ? conversations.promptText(prompt.messages) : prompt.text,
            shown(conversations.tokenizer(), promptIds(conversations, prompt))};
}

std::vector<text::TokenId> requiredIds(const files::OrderedJson& line, const char* key,
                                       const model::Architecture& architecture) {
    const auto found = line.find(key);
    if (found == line.end()) {
        throw Error(std::string("\"") + key + "\" is missing");
    }
    std::vector<text::TokenId> ids;
    for (const auto& id : found->is_array() ? *found : files::OrderedJson::array({nullptr})) {
        if (!id.is_number_integer()) {
            throw Error(std::string("\"") + key + "\" must be a list of whole numbers");
        }
        ids.push_back(id.get<text::TokenId>());
        if (ids.back() < 0 || ids.back() >= architecture.vocabulary) {
            throw Error(std::string("\"") + key + "\" has the id " + std::to_string(ids.back()) +
                        ", must be below the vocabulary's size " + std::to_string(architecture.vocabulary));
        }
    }
    return ids;
}

}  // namespace prefbench::engine
