#include "core/text/sentencepiece_unigram.h"

#include <algorithm>
#include <limits>
#include <unordered_map>

#include "core/text/byte_tokens.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

using Kind = SentencePieceFile::Kind;

constexpr float unknownPenalty = 10.0F;

}  // namespace

SentencePieceUnigram::SentencePieceUnigram(const SentencePieceFile& file) : file_(file) {
    float least = std::numeric_limits<float>::max();
    // Not the lowest: so SentencePiece has it, and with it the score of user-defined symbols.
    greatestScore_ = std::numeric_limits<float>::min();
    std::unordered_map<std::string_view, TokenId> bytes;
    for (std::size_t i = 0; i < file.pieces.size(); ++i) {
        const SentencePieceFile::Piece& piece = file.pieces[i];
        const auto id = static_cast<std::int32_t>(i);
        if (piece.kind == Kind::Unknown) {
            unknownId_ = id;
        } else if (piece.kind == Kind::Byte) {
            bytes[piece.text] = id;
            byteFallback_ = true;
        } else if (piece.kind == Kind::Normal || piece.kind == Kind::UserDefined) {
            trie_.insert(piece.text, id);
        }
        if (piece.kind == Kind::Normal) {
            least = std::min(least, piece.score);
            greatestScore_ = std::max(greatestScore_, piece.score);
        }
    }
    unknownScore_ = least - unknownPenalty;
    byteIds_ = byteTokenIds([&bytes](std::string_view token) {
        const auto found = bytes.find(token);
        return found == bytes.end() ? std::nullopt : std::optional(found->second);
    });
}

float SentencePieceUnigram::scoreOf(std::int32_t id, std::size_t bytes) const {
    const SentencePieceFile::Piece& piece = file_.pieces[static_cast<std::size_t>(id)];
    return piece.kind == Kind::UserDefined ? static_cast<float>(bytes) * greatestScore_ - 0.1F : piece.score;
}

std::vector<SentencePieceUnigram::Step> SentencePieceUnigram::bestSteps(std::string_view text) const {
    std::vector<Step> steps(text.size() + 1);
    const auto offer = [&steps](std::size_t start, std::size_t end, float total, std::int32_t id) {
        Step& step = steps[end];
        if (step.start < 0 || total > step.score) {
            step = {total, id, static_cast<std::ptrdiff_t>(start)};
        }
    };
    for (std::size_t start = 0; start < text.size();) {
        const float before = steps[start].score;
        const std::size_t length = validCharacterLength(text.substr(start));
        bool coversCharacter = false;
        std::int32_t node = ByteTrie::root;
        for (std::size_t end = start; end < text.size();) {
            node = trie_.step(node, static_cast<unsigned char>(text[end]));
            if (node == ByteTrie::none) {
                break;
            }
            ++end;
            const std::int32_t id = trie_.value(node);
            if (id != ByteTrie::none) {
                offer(start, end, scoreOf(id, end - start) + before, id);
                coversCharacter = coversCharacter || end == start + length;
            }
        }
        if (!coversCharacter) {
            offer(start, start + length, unknownScore_ + before, unknownId_);
        }
        start += length;
    }
    return steps;
}

std::vector<TokenId> SentencePieceUnigram::encode(std::string_view normalized) const {
    const std::vector<Step> steps = bestSteps(normalized);
    std::vector<std::size_t> ends;
    for (std::size_t end = normalized.size(); end > 0; end = static_cast<std::size_t>(steps[end].start)) {
        ends.push_back(end);
    }
    std::vector<TokenId> ids;
    std::vector<std::int32_t> bytes;
    std::size_t start = 0;
    for (auto end = ends.rbegin(); end != ends.rend(); start = *end++) {
        const std::int32_t id = steps[*end].id;
        if (id != unknownId_) {
            ids.push_back(id);
            continue;
        }
        bytes.clear();
        if (byteFallback_ && appendByteTokens(byteIds_, normalized.substr(start, *end - start), bytes)) {
            ids.insert(ids.end(), bytes.begin(), bytes.end());
        } else if (ids.empty() || ids.back() != unknownId_) {
            ids.push_back(unknownId_);
        }
    }
    return ids;
}

}  // namespace prefbench::text
