#include "core/text/pre_tokenizers.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "core/text/byte_level.h"
#include "core/text/json_fields.h"
#include "core/text/metaspace.h"
#include "core/text/regex.h"
#include "core/text/unicode_properties.h"

namespace prefbench::text {

namespace {

using SpanRule = void (*)(std::vector<Span>&);

void keepAll(std::vector<Span>&) {}

void dropMatches(std::vector<Span>& spans) {
    std::erase_if(spans, [](const Span& span) { return span.isMatch; });
}

void joinNeighboursOfAKind(std::vector<Span>& spans) {
    std::vector<Span> joined;
    for (const Span& span : spans) {
        if (!joined.empty() && joined.back().isMatch == span.isMatch) {
            joined.back().end = span.end;
        } else {
            joined.push_back(span);
        }
    }
    spans = std::move(joined);
}

/// A match joins what stands before it, unless that is a match too.
void joinToPrevious(std::vector<Span>& spans) {
    std::vector<Span> joined;
    bool previousIsMatch = false;
    for (const Span& span : spans) {
        if (span.isMatch && !previousIsMatch && !joined.empty()) {
            joined.back().end = span.end;
        } else {
            joined.push_back(span);
        }
        previousIsMatch = span.isMatch;
    }
    spans = std::move(joined);
}

void joinToNext(std::vector<Span>& spans) {
    std::vector<Span> joined;
    bool nextIsMatch = false;
    std::reverse(spans.begin(), spans.end());
    for (const Span& span : spans) {
        if (span.isMatch && !nextIsMatch && !joined.empty()) {
            joined.back().begin = span.begin;
        } else {
            joined.push_back(span);
        }
        nextIsMatch = span.isMatch;
    }
    std::reverse(joined.begin(), joined.end());
    spans = std::move(joined);
}

SpanRule ruleOf(const std::string& behaviour, const std::string& what) {
    static constexpr std::pair<std::string_view, SpanRule> rules[] = {{"Isolated", keepAll},
                                                                      {"Removed", dropMatches},
                                                                      {"Contiguous", joinNeighboursOfAKind},
                                                                      {"MergedWithPrevious", joinToPrevious},
                                                                      {"MergedWithNext", joinToNext}};
    for (const auto& [name, rule] : rules) {
        if (name == behaviour) {
            return rule;
        }
    }
    throw Error(what + ": behavior \"" + behaviour + "\" is not supported");
}

/// ASCII punctuation and category P of Unicode 8, with which the reference still goes here.
Regex punctuation(const std::string& what) {
    constexpr std::string_view unicode8Alone = R"(\x{166D}\x{111C9})";
    const std::string since =
        R"(\x{61D}\x{9FD}\x{A76}\x{C77}\x{C84}\x{1B7D}-\x{1B7E}\x{2E43}-\x{2E4F}\x{2E52}-\x{2E5D}\x{10EAD})"
        R"(\x{10F55}-\x{10F59}\x{10F86}-\x{10F89}\x{1144B}-\x{1144F}\x{1145A}-\x{1145B}\x{1145D})"
        R"(\x{11660}-\x{1166C}\x{116B9}\x{1183B}\x{11944}-\x{11946}\x{119E2}\x{11A3F}-\x{11A46})"
        R"(\x{11A9A}-\x{11A9C}\x{11A9E}-\x{11AA2}\x{11C41}-\x{11C45}\x{11C70}-\x{11C71}\x{11EF7}-\x{11EF8})"
        R"(\x{11FFF}\x{12FF1}-\x{12FF2}\x{16E97}-\x{16E9A}\x{16FE2}\x{1E95E}-\x{1E95F})";
    return {R"([!-/:-@\[-`{-~)" + std::string(unicode8Alone) + "]|(?![" + since +
                std::string(findUnicodeProperty("P")->added) + R"(])\p{P})",
            what};
}

class SplitPreTokenizer : public PreTokenizer {
  public:
    SplitPreTokenizer(const files::Json& json, const std::string& what)
        : SplitPreTokenizer(Regex::fromJson(requireField(json, "pattern", what), what),
                            ruleOf(requireString(json, "behavior", what), what), boolOr(json, "invert", false, what)) {}
    SplitPreTokenizer(Regex pattern, SpanRule rule, bool invert)
        : pattern_(std::move(pattern)), rule_(rule), invert_(invert) {}

    void apply(Pieces& pieces) const override {
        std::vector<std::string_view> cut;
        cut.reserve(pieces.pieces.size());
        std::vector<Span> spans;
        for (const std::string_view piece : pieces.pieces) {
            pattern_.cut(piece, spans);
            for (Span& span : spans) {
                span.isMatch = span.isMatch != invert_;
            }
            rule_(spans);
            std::erase_if(spans, [](const Span& span) { return span.begin == span.end; });
            if (cut.empty() && (spans.empty() || spans.front().begin > 0)) {
                pieces.beginText = false;
            }
            for (const Span& span : spans) {
                cut.push_back(piece.substr(span.begin, span.end - span.begin));
            }
        }
        pieces.pieces = std::move(cut);
    }

  private:
    Regex pattern_;
    SpanRule rule_;
    bool invert_;
};

/// GPT-2's: cuts by its pattern and spells every byte as a printable character.
class ByteLevelPreTokenizer : public PreTokenizer {
  public:
    ByteLevelPreTokenizer(const files::Json& json, const std::string& what)
        : addPrefixSpace_(boolOr(json, "add_prefix_space", true, what)) {
        if (boolOr(json, "use_regex", true, what)) {
            const Regex pattern(R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)", what);
            split_.emplace(pattern, keepAll, false);
        }
    }

    void apply(Pieces& pieces) const override {
        if (addPrefixSpace_) {
            prefixSpaces(pieces);
        }
        if (split_) {
            split_->apply(pieces);
        }
        spell(pieces);
    }

  private:
    static std::size_t bytesOf(const Pieces& pieces) {
        std::size_t bytes = 0;
        for (const std::string_view piece : pieces.pieces) {
            bytes += piece.size();
        }
        return bytes;
    }

    static void prefixSpaces(Pieces& pieces) {
        pieces.limit.check(bytesOf(pieces) + pieces.pieces.size());
        for (std::string_view& piece : pieces.pieces) {
            if (!piece.starts_with(' ')) {
                piece = pieces.storage.emplace_back(" ").append(piece);
            }
        }
    }

    static void spell(Pieces& pieces) {
        const std::size_t bytes = bytesOf(pieces);
        pieces.limit.check(2 * bytes);
        // Room for all, so that views into it stay valid.
        std::string& spelled = pieces.storage.emplace_back();
        spelled.reserve(2 * bytes);
        for (std::string_view& piece : pieces.pieces) {
            const std::size_t start = spelled.size();
            appendByteSpelling(spelled, piece);
            piece = std::string_view(spelled).substr(start);
        }
    }

    bool addPrefixSpace_;
    std::optional<SplitPreTokenizer> split_;
};

class MetaspacePreTokenizer : public PreTokenizer {
  public:
    MetaspacePreTokenizer(const files::Json& json, const std::string& what)
        : metaspace_(metaspaceFromJson(json, what)) {}

    void apply(Pieces& pieces) const override {
        std::vector<std::string_view> cut;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < pieces.pieces.size(); ++i) {
            const bool prepend = metaspace_.prepend == Metaspace::Prepend::Always ||
                                 (metaspace_.prepend == Metaspace::Prepend::First && i == 0 && pieces.beginText);
            const std::string& text = pieces.storage.emplace_back(spelled(pieces.pieces[i], prepend));
            bytes += text.size();
            pieces.limit.check(bytes);
            cutBeforeEach(text, cut);
        }
        pieces.pieces = std::move(cut);
    }
    bool asksForStart() const override { return metaspace_.prepend == Metaspace::Prepend::First; }

  private:
    std::string spelled(std::string_view piece, bool prepend) const {
        std::string result = replaceAll(piece, " ", metaspace_.replacement);
        if (prepend && !result.starts_with(metaspace_.replacement)) {
            result.insert(0, metaspace_.replacement);
        }
        return result;
    }

    void cutBeforeEach(std::string_view text, std::vector<std::string_view>& cut) const {
        while (metaspace_.split) {
            const std::size_t next = text.find(metaspace_.replacement, 1);
            if (next == std::string_view::npos) {
                break;
            }
            cut.push_back(text.substr(0, next));
            text.remove_prefix(next);
        }
        cut.push_back(text);
    }

    Metaspace metaspace_;
};

class SequencePreTokenizer : public PreTokenizer {
  public:
    SequencePreTokenizer(const files::Json& json, const std::string& what) {
        for (const files::Json& part : requireArray(json, "pretokenizers", what)) {
            if (auto preTokenizer = makePreTokenizer(part, what)) {
                parts_.push_back(std::move(preTokenizer));
            }
        }
    }
    void apply(Pieces& pieces) const override {
        for (const auto& part : parts_) {
            part->apply(pieces);
        }
    }
    bool asksForStart() const override {
        return std::any_of(parts_.begin(), parts_.end(), [](const auto& part) { return part->asksForStart(); });
    }

  private:
    std::vector<std::unique_ptr<const PreTokenizer>> parts_;
};

}  // namespace

std::unique_ptr<const PreTokenizer> makePreTokenizer(const files::Json& json, const std::string& what) {
    if (json.is_null()) {
        return nullptr;
    }
    const std::string type = requireString(json, "type", what);
    if (type == "ByteLevel") {
        return std::make_unique<ByteLevelPreTokenizer>(json, what);
    }
    if (type == "Split") {
        return std::make_unique<SplitPreTokenizer>(json, what);
    }
    if (type == "Metaspace") {
        return std::make_unique<MetaspacePreTokenizer>(json, what);
    }
    if (type == "Digits") {
        // The reference takes numbers from Unicode 17 here.
        const bool individual = boolOr(json, "individual_digits", false, what);
        return std::make_unique<SplitPreTokenizer>(Regex(R"([\p{N}\x{11DE0}-\x{11DE9}\x{16FF4}-\x{16FF6}])", what),
                                                   individual ? keepAll : joinNeighboursOfAKind, false);
    }
    if (type == "Punctuation") {
        return std::make_unique<SplitPreTokenizer>(punctuation(what),
                                                   ruleOf(stringOr(json, "behavior", "Isolated", what), what), false);
    }
    if (type == "WhitespaceSplit") {
        return std::make_unique<SplitPreTokenizer>(Regex(R"(\s+)", what), dropMatches, false);
    }
    if (type == "Whitespace") {
        const std::string word = R"(\p{Alphabetic}\p{L}\p{M}\p{Nd}\p{Pc}\x{200C}\x{200D})";
        return std::make_unique<SplitPreTokenizer>(Regex("[" + word + "]+|[^" + word + R"(\s]+)", what), dropMatches,
                                                   true);
    }
    if (type == "CharDelimiterSplit") {
        return std::make_unique<SplitPreTokenizer>(Regex::literal(requireCharacter(json, "delimiter", what), what),
                                                   dropMatches, false);
    }
    if (type == "Sequence") {
        return std::make_unique<SequencePreTokenizer>(json, what);
    }
    refuseType(type, what);
}

}  // namespace prefbench::text
