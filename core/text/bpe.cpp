#include "core/text/bpe.h"

#include <queue>

#include "core/text/byte_tokens.h"
#include "core/text/json_fields.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

std::uint64_t pairKey(std::int32_t left, std::int32_t right) {
    return std::uint64_t{static_cast<std::uint32_t>(left)} << 32 | static_cast<std::uint32_t>(right);
}

/// A merge is ["a", "b"], or "a b" in older files.
std::pair<std::string, std::string> mergeParts(const files::Json& merge, const std::string& what) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        return {merge[0].get<std::string>(), merge[1].get<std::string>()};
    }
    if (merge.is_string()) {
        const auto& text = merge.get_ref<const std::string&>();
        const std::size_t space = text.find(' ');
        if (space != std::string::npos && text.find(' ', space + 1) == std::string::npos) {
            return {text.substr(0, space), text.substr(space + 1)};
        }
    }
    throw Error(what + ": merges holds " + files::toLine(merge) + ", expected two tokens");
}

void refuseUnless(bool absent, const char* key, const std::string& what) {
    if (!absent) {
        throw Error(what + ": " + key + " is not supported");
    }
}

}  // namespace

/// The symbols of a word under merging: a linked list in an array, and the possible merges by rank, then position.
class BpeModel::Word {
  public:
    Word(const BpeModel& model, const std::vector<std::int32_t>& symbols) : model_(model) {
        const auto count = static_cast<std::int32_t>(symbols.size());
        symbols_.reserve(symbols.size());
        for (std::int32_t i = 0; i < count; ++i) {
            symbols_.push_back({symbols[static_cast<std::size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1});
        }
        for (std::int32_t i = 0; i + 1 < count; ++i) {
            propose(i);
        }
    }

    std::vector<std::int32_t> merged() {
        while (!candidates_.empty()) {
            const Candidate best = candidates_.top();
            candidates_.pop();
            if (isCurrent(best)) {
                join(best);
            }
        }
        std::vector<std::int32_t> ids;
        for (std::int32_t i = symbols_.empty() ? -1 : 0; i >= 0; i = at(i).next) {
            ids.push_back(at(i).id);
        }
        return ids;
    }

  private:
    static constexpr std::int32_t removed = -1;

    struct Symbol {
        std::int32_t id;
        std::int32_t previous;
        std::int32_t next;
    };
    struct Candidate {
        std::int32_t rank;
        std::int32_t position;
        std::int32_t id;
        bool operator<(const Candidate& other) const {
            return rank != other.rank ? rank > other.rank : position > other.position;
        }
    };

    Symbol& at(std::int32_t i) { return symbols_[static_cast<std::size_t>(i)]; }

    void propose(std::int32_t position) {
        const Symbol& left = at(position);
        if (const Merge* merge = model_.merge(left.id, at(left.next).id)) {
            candidates_.push({merge->rank, position, merge->id});
        }
    }

    /// Whether the pair that the candidate was made for still stands there.
    bool isCurrent(const Candidate& candidate) {
        const Symbol& left = at(candidate.position);
        if (left.id == removed || left.next < 0) {
            return false;
        }
        const Merge* merge = model_.merge(left.id, at(left.next).id);
        return merge != nullptr && merge->id == candidate.id;
    }

    void join(const Candidate& candidate) {
        Symbol& left = at(candidate.position);
        Symbol& right = at(left.next);
        left.id = candidate.id;
        left.next = right.next;
        right.id = removed;
        if (left.next >= 0) {
            at(left.next).previous = candidate.position;
            propose(candidate.position);
        }
        if (left.previous >= 0) {
            propose(left.previous);
        }
    }

    const BpeModel& model_;
    std::vector<Symbol> symbols_;
    std::priority_queue<Candidate> candidates_;
};

BpeModel::BpeModel(const files::Json& json, const std::string& what) : vocabulary_(json, what) {
    const auto absent = [&json](const char* key) {
        const auto found = json.find(key);
        return found == json.end() || found->is_null() || (found->is_string() && found->get<std::string>().empty()) ||
               (found->is_number() && found->get<double>() == 0);
    };
    refuseUnless(absent("dropout"), "dropout", what);
    refuseUnless(absent("continuing_subword_prefix"), "continuing_subword_prefix", what);
    refuseUnless(absent("end_of_word_suffix"), "end_of_word_suffix", what);
    fuseUnknown_ = boolOr(json, "fuse_unk", false, what);
    byteFallback_ = boolOr(json, "byte_fallback", false, what);
    ignoreMerges_ = boolOr(json, "ignore_merges", false, what);
    readMerges(json, what);
    const auto unknown = json.find("unk_token");
    if (unknown != json.end() && !unknown->is_null()) {
        const std::string token = requireString(json, "unk_token", what);
        unknownId_ = vocabulary_.id(token);
        if (!unknownId_) {
            throw Error(what + ": unk_token \"" + token + "\" is not in the vocabulary");
        }
    }
    byteIds_ = byteTokenIds([this](std::string_view token) { return id(token); });
}

void BpeModel::readMerges(const files::Json& json, const std::string& what) {
    const files::Json& merges = requireArray(json, "merges", what);
    merges_.reserve(merges.size());
    const auto known = [&](const std::string& token) {
        const auto id = vocabulary_.id(token);
        if (!id) {
            throw Error(what + ": merges names \"" + token + "\", which is not in the vocabulary");
        }
        return *id;
    };
    std::int32_t rank = 0;
    for (const files::Json& merge : merges) {
        const auto [left, right] = mergeParts(merge, what);
        const std::uint64_t pair = pairKey(known(left), known(right));
        merges_.insert_or_assign(pair, Merge{rank++, known(left + right)});
    }
}

const BpeModel::Merge* BpeModel::merge(std::int32_t left, std::int32_t right) const {
    const auto found = merges_.find(pairKey(left, right));
    return found == merges_.end() ? nullptr : &found->second;
}

/// One symbol for each character; without an unknown token, characters outside the vocabulary are left out, as the
/// reference does.
std::vector<std::int32_t> BpeModel::firstSymbols(std::string_view word) const {
    std::vector<std::int32_t> symbols;
    symbols.reserve(word.size());
    // An unknown symbol is added only when a known one follows, so that bytes in between come before it: the reference
    // does so too.
    bool unknownWaits = false;
    const auto addUnknown = [&] {
        if (unknownWaits) {
            symbols.push_back(*unknownId_);
            unknownWaits = false;
        }
    };
    for (std::string_view rest = word; !rest.empty();) {
        const std::string_view character = rest.substr(0, validCharacterLength(rest));
        rest.remove_prefix(character.size());
        if (const auto known = vocabulary_.id(character)) {
            addUnknown();
            symbols.push_back(*known);
        } else if (byteFallback_ && appendByteTokens(byteIds_, character, symbols)) {
            continue;
        } else if (unknownId_) {
            if (!fuseUnknown_) {
                addUnknown();
            }
            unknownWaits = true;
        }
    }
    addUnknown();
    return symbols;
}

void BpeModel::tokenize(std::string_view word, std::vector<TokenId>& ids) const {
    if (ignoreMerges_) {
        if (const auto whole = vocabulary_.id(word)) {
            ids.push_back(*whole);
            return;
        }
    }
    if (cache_.append(word, ids)) {
        return;
    }
    const std::vector<std::int32_t> merged = Word(*this, firstSymbols(word)).merged();
    ids.insert(ids.end(), merged.begin(), merged.end());
    cache_.remember(word, merged.begin(), merged.end());
}

}  // namespace prefbench::text
