#include "core/text/added_tokens.h"

#include <algorithm>

#include "core/text/json_fields.h"
#include "core/text/regex.h"
#include "core/text/utf8.h"

namespace prefbench::text {

void TokenTrie::insert(std::string_view text, TokenId id) {
    std::int32_t node = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        std::int32_t next = child(node, byte);
        if (next == 0) {
            next = static_cast<std::int32_t>(nodes_.size());
            if (node == 0) {
                roots_[byte] = next;
            } else {
                nodes_[static_cast<std::size_t>(node)].children.emplace_back(byte, next);
            }
            nodes_.emplace_back();
        }
        node = next;
    }
    if (node != 0) {
        nodes_[static_cast<std::size_t>(node)].id = id;
    }
}

std::int32_t TokenTrie::child(std::int32_t node, unsigned char byte) const {
    if (node == 0) {
        return roots_[byte];
    }
    for (const auto& [key, next] : nodes_[static_cast<std::size_t>(node)].children) {
        if (key == byte) {
            return next;
        }
    }
    return 0;
}

std::optional<TokenTrie::Match> TokenTrie::find(std::string_view text, std::size_t from) const {
    for (std::size_t begin = from; begin < text.size(); ++begin) {
        std::optional<Match> longest;
        std::int32_t node = 0;
        for (std::size_t end = begin; end < text.size(); ++end) {
            node = child(node, static_cast<unsigned char>(text[end]));
            if (node == 0) {
                break;
            }
            const TokenId id = nodes_[static_cast<std::size_t>(node)].id;
            if (id >= 0) {
                longest = Match{begin, end + 1, id};
            }
        }
        if (longest) {
            return longest;
        }
    }
    return std::nullopt;
}

namespace {

bool isWordCharacter(char32_t character) {
    static const Regex pattern(R"([\p{Alphabetic}\p{L}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D}])", "word characters");
    std::string text;
    appendUtf8(text, character);
    std::vector<Span> spans;
    pattern.cut(text, spans);
    return spans.front().isMatch;
}

bool standsAlone(std::string_view before, std::string_view after) {
    return (before.empty() || !isWordCharacter(takeLastCharacter(before))) &&
           (after.empty() || !isWordCharacter(takeCharacter(after)));
}

std::size_t spaceBytesAtStart(std::string_view text) {
    const std::size_t all = text.size();
    for (std::string_view rest = text; !rest.empty();) {
        if (!isWhiteSpace(takeCharacter(rest))) {
            break;
        }
        text = rest;
    }
    return all - text.size();
}

std::size_t spaceBytesAtEnd(std::string_view text) {
    const std::size_t all = text.size();
    for (std::string_view rest = text; !rest.empty();) {
        if (!isWhiteSpace(takeLastCharacter(rest))) {
            break;
        }
        text = rest;
    }
    return all - text.size();
}

/// Finding tokens takes time in proportion to the longest.
constexpr std::size_t maxTokenBytes = 4096;

AddedToken tokenFromJson(const files::Json& json, const std::string& what) {
    AddedToken token;
    token.content = requireString(json, "content", what);
    if (token.content.size() > maxTokenBytes) {
        throw Error(what + ": a token is " + std::to_string(token.content.size()) + " bytes long, at most " +
                    std::to_string(maxTokenBytes) + " are supported");
    }
    token.singleWord = boolOr(json, "single_word", false, what);
    token.stripLeft = boolOr(json, "lstrip", false, what);
    token.stripRight = boolOr(json, "rstrip", false, what);
    token.normalized = boolOr(json, "normalized", false, what);
    token.special = boolOr(json, "special", false, what);
    return token;
}

}  // namespace

AddedTokens::AddedTokens(const files::Json& json, const Model& model, const Normalizer* normalizer,
                         const std::string& what) {
    if (json.is_null()) {
        return;
    }
    if (!json.is_array()) {
        throw Error(what + ": expected an array");
    }
    for (const files::Json& entry : json) {
        AddedToken token = tokenFromJson(entry, what);
        if (!token.content.empty()) {
            const bool changes = token.normalized && normalizer != nullptr;
            bool keepsStart = true;
            const GrowthLimit limit(token.content.size(), what);
            token.spelling = changes ? normalizer->apply(token.content, keepsStart, limit) : token.content;
            add(std::move(token), model);
        }
    }
    for (const auto& [id, token] : tokens_) {
        (token.normalized ? normalized_ : written_).insert(token.spelling, id);
    }
}

void AddedTokens::add(AddedToken token, const Model& model) {
    if (token.special) {
        special_.insert(token.content);
    }
    const TokenId id = idFor(token.content, model);
    ids_[token.content] = id;
    tokens_[id] = std::move(token);
}

/// Ids are given as the reference gives them: the model's own, or the next one after the model's vocabulary; the file's
/// "id" is not read.
TokenId AddedTokens::idFor(const std::string& content, const Model& model) {
    if (const std::optional<TokenId> known = id(content)) {
        return *known;
    }
    if (const std::optional<TokenId> known = model.id(content)) {
        return *known;
    }
    return model.size() + beyondModel_++;
}

void AddedTokens::cut(std::string_view text, Stage stage, const std::function<void(std::string_view)>& onText,
                      const std::function<void(TokenId)>& onToken) const {
    const TokenTrie& trie = stage == Stage::Written ? written_ : normalized_;
    std::size_t done = 0;
    std::size_t from = 0;
    // The last white space after a token, so that tokens within it do not each read it through.
    std::size_t spaceBegin = 0;
    std::size_t spaceEnd = 0;
    while (!trie.empty()) {
        const std::optional<TokenTrie::Match> match = trie.find(text, from);
        if (!match) {
            break;
        }
        from = match->end;
        std::size_t begin = match->begin;
        std::size_t end = match->end;
        const AddedToken& token = tokens_.at(match->id);
        if (token.singleWord && !standsAlone(text.substr(0, begin), text.substr(end))) {
            continue;
        }
        if (token.stripLeft) {
            begin = std::max(begin, done);
            begin -= spaceBytesAtEnd(text.substr(done, begin - done));
        }
        if (token.stripRight) {
            if (end < spaceBegin || end > spaceEnd) {
                spaceBegin = end;
                spaceEnd = end + spaceBytesAtStart(text.substr(end));
            }
            end = spaceEnd;
        }
        if (done < begin) {
            onText(text.substr(done, begin - done));
        }
        onToken(match->id);
        done = end;
    }
    if (done < text.size()) {
        onText(text.substr(done));
    }
}

std::optional<TokenId> AddedTokens::id(std::string_view content) const {
    const auto found = ids_.find(std::string(content));
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const AddedToken* AddedTokens::token(TokenId id) const {
    const auto found = tokens_.find(id);
    return found == tokens_.end() ? nullptr : &found->second;
}

}  // namespace prefbench::text
