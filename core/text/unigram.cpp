#include "core/text/unigram.h"

#include <algorithm>
#include <limits>

#include "core/text/byte_tokens.h"
#include "core/text/json_fields.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

/// How much less probable than the least probable piece an unknown character is: SentencePiece's choice.
constexpr double unknownPenalty = 10.0;
/// Cutting a text takes time in proportion to the longest piece.
constexpr std::size_t maxPieceBytes = 4096;

}  // namespace

UnigramModel::UnigramModel(const files::Json& json, const std::string& what) : what_(what) {
    readVocabulary(json, what);
    byteFallback_ = boolOr(json, "byte_fallback", false, what);
    const auto unknown = json.find("unk_id");
    if (unknown != json.end() && !unknown->is_null()) {
        const std::size_t id = requireCount(json, "unk_id", what);
        if (id >= tokens_.size()) {
            throw Error(what + ": unk_id " + std::to_string(id) + " is not in the vocabulary of " +
                        std::to_string(tokens_.size()));
        }
        unknownId_ = static_cast<std::int32_t>(id);
    }
    byteIds_ = byteTokenIds([this](std::string_view token) { return id(token); });
}

void UnigramModel::readVocabulary(const files::Json& json, const std::string& what) {
    const files::Json& vocabulary = requireArray(json, "vocab", what);
    if (vocabulary.size() > std::size_t{std::numeric_limits<std::int32_t>::max()}) {
        throw Error(what + ": vocab holds 2^31 pieces or more");
    }
    double least = std::numeric_limits<double>::infinity();
    for (const files::Json& piece : vocabulary) {
        if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number()) {
            throw Error(what + ": vocab holds " + files::toLine(piece) + ", expected a piece and its score");
        }
        const auto id = static_cast<std::int32_t>(tokens_.size());
        tokens_.push_back(piece[0].get<std::string>());
        if (tokens_.back().size() > maxPieceBytes) {
            throw Error(what + ": vocab holds a piece of " + std::to_string(tokens_.back().size()) +
                        " bytes, at most " + std::to_string(maxPieceBytes) + " are supported");
        }
        scores_.push_back(piece[1].get<double>());
        least = std::min(least, scores_.back());
        ids_[tokens_.back()] = id;
        if (!tokens_.back().empty()) {
            trie_.insert(tokens_.back(), id);
        }
    }
    unknownScore_ = least - unknownPenalty;
}

std::optional<TokenId> UnigramModel::id(std::string_view token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? std::nullopt : std::optional<TokenId>(found->second);
}

const std::string* UnigramModel::token(TokenId id) const {
    return id < 0 || id >= size() ? nullptr : &tokens_[static_cast<std::size_t>(id)];
}

std::int32_t UnigramModel::requireUnknown() const {
    if (!unknownId_) {
        throw Error(what_ + ": the text holds characters that no piece covers, and unk_id is null");
    }
    return *unknownId_;
}

/// For each byte of the word the best last piece that ends there. O(n · longest piece).
std::vector<UnigramModel::Step> UnigramModel::bestSteps(std::string_view word) const {
    std::vector<Step> steps(word.size() + 1);
    const auto offer = [&steps](std::size_t start, std::size_t end, double score, std::int32_t id) {
        Step& step = steps[end];
        const double total = score + steps[start].score;
        if (step.start < 0 || total > step.score) {
            step = {total, id, static_cast<std::ptrdiff_t>(start)};
        }
    };
    for (std::size_t start = 0; start < word.size();) {
        const std::size_t length = validCharacterLength(word.substr(start));
        bool coversCharacter = false;
        std::int32_t node = ByteTrie::root;
        for (std::size_t end = start; end < word.size();) {
            node = trie_.step(node, static_cast<unsigned char>(word[end]));
            if (node == ByteTrie::none) {
                break;
            }
            ++end;
            const std::int32_t id = trie_.value(node);
            if (id != ByteTrie::none) {
                offer(start, end, scores_[static_cast<std::size_t>(id)], id);
                coversCharacter = coversCharacter || end == start + length;
            }
        }
        if (!coversCharacter) {
            offer(start, start + length, unknownScore_, requireUnknown());
        }
        start += length;
    }
    return steps;
}

void UnigramModel::appendPiece(std::string_view piece, std::vector<std::int32_t>& ids) const {
    const auto known = ids_.find(piece);
    if (known != ids_.end()) {
        ids.push_back(known->second);
    } else if (!byteFallback_ || !appendByteTokens(byteIds_, piece, ids)) {
        ids.push_back(requireUnknown());
    }
}

void UnigramModel::tokenize(std::string_view word, std::vector<TokenId>& ids) const {
    if (cache_.append(word, ids)) {
        return;
    }
    const std::vector<Step> steps = bestSteps(word);
    std::vector<std::string_view> pieces;
    bool afterUnknown = false;
    for (std::size_t end = word.size(); end > 0;) {
        const auto start = static_cast<std::size_t>(steps[end].start);
        const bool isUnknown = unknownId_ && steps[end].id == *unknownId_;
        if (isUnknown && afterUnknown) {
            pieces.back() = std::string_view(word.data() + start, pieces.back().size() + end - start);
        } else {
            pieces.push_back(word.substr(start, end - start));
        }
        afterUnknown = isUnknown;
        end = start;
    }
    std::vector<std::int32_t> found;
    std::for_each(pieces.rbegin(), pieces.rend(), [&](std::string_view piece) { appendPiece(piece, found); });
    ids.insert(ids.end(), found.begin(), found.end());
    cache_.remember(word, found.begin(), found.end());
}

}  // namespace prefbench::text
