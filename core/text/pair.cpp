#include <algorithm>

#include "core/text/tokenizer.h"

namespace prefbench::text {

namespace {

std::size_t commonPrefix(const std::vector<TokenId>& a, const std::vector<TokenId>& b) {
    const auto ends = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<std::size_t>(ends.first - a.begin());
}

std::vector<TokenId> after(const std::vector<TokenId>& ids, std::size_t length) {
    return {ids.begin() + static_cast<std::ptrdiff_t>(length), ids.end()};
}

/// TRL adds the EOS token's text before it tokenises, and only where the text does not end in it already.
std::vector<TokenId> encodeWhole(const Tokenizer& tokenizer, std::string_view prompt, std::string_view completion,
                                 bool appendEos) {
    std::string text(prompt);
    text += completion;
    if (!appendEos || !tokenizer.eosId()) {
        return tokenizer.encode(text, true);
    }
    const TokenId eos = *tokenizer.eosId();
    const std::string eosText = tokenizer.decode({&eos, 1}, false);
    const bool written = tokenizer.encode(eosText, false) == std::vector<TokenId>{eos};
    if (written) {
        return tokenizer.encode(completion.ends_with(eosText) ? text : text + eosText, true);
    }
    // An EOS that no text stands for, because it is in the vocabulary but not an added token.
    std::vector<TokenId> ids = tokenizer.encode(text, true);
    ids.push_back(eos);
    return ids;
}

}  // namespace

TokenizedCompletions splitCompletions(std::vector<TokenId> prompt, const std::vector<std::vector<TokenId>>& wholes) {
    std::size_t length = prompt.size();
    for (const auto& whole : wholes) {
        length = std::min(length, commonPrefix(prompt, whole));
    }
    prompt.resize(length);
    TokenizedCompletions result{std::move(prompt), {}};
    for (const auto& whole : wholes) {
        result.completions.push_back(after(whole, length));
    }
    return result;
}

TokenizedCompletion splitCompletion(std::vector<TokenId> prompt, const std::vector<TokenId>& whole) {
    const std::size_t length = commonPrefix(prompt, whole);
    prompt.resize(length);
    return {std::move(prompt), after(whole, length)};
}

TokenizedCompletions tokenizeCompletions(const Tokenizer& tokenizer, std::string_view prompt,
                                         const std::vector<std::string_view>& completions, bool appendEos) {
    std::vector<std::vector<TokenId>> wholes;
    for (const std::string_view completion : completions) {
        wholes.push_back(encodeWhole(tokenizer, prompt, completion, appendEos));
    }
    return splitCompletions(tokenizer.encode(prompt, true), wholes);
}

TokenizedCompletion tokenizeCompletion(const Tokenizer& tokenizer, std::string_view prompt, std::string_view completion,
                                       bool appendEos) {
    return splitCompletion(tokenizer.encode(prompt, true), encodeWhole(tokenizer, prompt, completion, appendEos));
}

}  // namespace prefbench::text
