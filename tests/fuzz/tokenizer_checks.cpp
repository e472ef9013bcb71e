#include "tests/fuzz/tokenizer_checks.h"

#include <algorithm>
#include <limits>

#include "core/text/utf8.h"
#include "tests/fuzz/fuzz.h"

namespace prefbench::fuzz {

namespace {

using text::TokenId;

bool isUtf8(std::string_view text) {
    return text::validUtf8Length(text) == text.size();
}

void checkDecoding(const text::Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
    for (const bool skipSpecialTokens : {false, true}) {
        accepted([&] {
            const std::string whole = tokenizer.decode(ids, skipSpecialTokens);
            require(isUtf8(whole), "decoded text is UTF-8");
            const auto decoding = tokenizer.startDecoding(skipSpecialTokens);
            std::string streamed;
            for (const TokenId id : ids) {
                const std::string part = decoding->push(id);
                require(isUtf8(part), "decoding hands out whole characters");
                streamed += part;
            }
            require(streamed + decoding->finish() == whole, "streaming gives the text of decoding at once");
        });
    }
}

/// Ids that no encoding gave: anything, in the vocabulary and out of it.
std::vector<TokenId> idsFrom(std::string_view text, std::int64_t vocabularySize) {
    std::vector<TokenId> ids = {std::numeric_limits<TokenId>::min(), -1, vocabularySize,
                                std::numeric_limits<TokenId>::max()};
    for (const char byte : text) {
        ids.push_back(static_cast<unsigned char>(byte) % std::max<std::int64_t>(vocabularySize, 1));
    }
    return ids;
}

void checkPair(const text::Tokenizer& tokenizer, std::string_view text) {
    std::size_t middle = text.size() / 2;
    while (middle > 0 && middle < text.size() && (static_cast<unsigned char>(text[middle]) & 0xC0) == 0x80) {
        --middle;
    }
    const std::string_view prompt = text.substr(0, middle);
    const std::string_view chosen = text.substr(middle);
    const text::TokenizedCompletions pair = text::tokenizeCompletions(tokenizer, prompt, {chosen, "no"}, false);
    std::vector<TokenId> whole = pair.prompt;
    whole.insert(whole.end(), pair.completions[0].begin(), pair.completions[0].end());
    require(whole == tokenizer.encode(text, true), "a pair's prompt and answer are the ids of both in one");
    text::tokenizeCompletions(tokenizer, prompt, {chosen, "no"}, true);
}

}  // namespace

void checkTokenizer(const text::Tokenizer& tokenizer, std::string_view text) {
    require(tokenizer.vocabularySize() >= 0, "a vocabulary has a size");
    checkDecoding(tokenizer, idsFrom(text.substr(0, 64), tokenizer.vocabularySize()));
    if (!isUtf8(text)) {
        require(!accepted([&] { tokenizer.encode(text, false); }), "text that is not UTF-8 is refused");
        return;
    }
    accepted([&] {
        const std::vector<TokenId> ids = tokenizer.encode(text, false);
        for (const TokenId id : ids) {
            require(accepted([&] { tokenizer.token(id); }), "the ids of a text are in the vocabulary");
        }
        require(tokenizer.encode(text, false) == ids, "encoding again gives the same");
        checkDecoding(tokenizer, ids);
        const std::vector<TokenId> withSpecial = tokenizer.encode(text, true);
        require(std::search(withSpecial.begin(), withSpecial.end(), ids.begin(), ids.end()) != withSpecial.end() ||
                    ids.empty(),
                "special tokens stand around the text");
        require(std::all_of(withSpecial.begin(), withSpecial.end(), [](TokenId id) { return id >= 0; }),
                "no id is negative");
        checkPair(tokenizer, text);
    });
}

}  // namespace prefbench::fuzz
