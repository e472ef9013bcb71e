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

TokenizedPair tokenizePair(const Tokenizer& tokenizer, std::string_view prompt, std::string_view chosen,
                           std::string_view rejected, bool appendEos) {
    TokenizedPair pair;
    pair.prompt = tokenizer.encode(prompt, true);
    const std::vector<TokenId> withChosen = encodeWhole(tokenizer, prompt, chosen, appendEos);
    const std::vector<TokenId> withRejected = encodeWhole(tokenizer, prompt, rejected, appendEos);
    const std::size_t length = std::min(commonPrefix(pair.prompt, withChosen), commonPrefix(pair.prompt, withRejected));
    pair.prompt.resize(length);
    pair.chosen = after(withChosen, length);
    pair.rejected = after(withRejected, length);
    return pair;
}

TokenizedCompletion tokenizeCompletion(const Tokenizer& tokenizer, std::string_view prompt, std::string_view completion,
                                       bool appendEos) {
    TokenizedCompletion result;
    result.prompt = tokenizer.encode(prompt, true);
    const std::vector<TokenId> whole = encodeWhole(tokenizer, prompt, completion, appendEos);
    const std::size_t length = commonPrefix(result.prompt, whole);
    result.prompt.resize(length);
    result.completion = after(whole, length);
    return result;
}

}  // namespace prefbench::text
