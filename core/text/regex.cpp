#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/text/regex.h"

#include <pcre2.h>

#include <algorithm>
#include <optional>

#include "core/files/error.h"
#include "core/text/json_fields.h"
#include "core/text/unicode_properties.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

/// Rewrites an Oniguruma pattern for PCRE2 with PCRE2_UTF and PCRE2_UCP.
class Translator {
  public:
    Translator(std::string_view pattern, const std::string& what) : pattern_(pattern), what_(what) {}

    std::string translate() {
        while (position_ < pattern_.size()) {
            step();
        }
        return std::move(result_);
    }

  private:
    [[noreturn]] void refuse(const std::string& construct, const char* reason) const {
        throw Error(what_ + ": " + construct + " in the regular expression " + std::string(pattern_) +
                    " is not supported (" + reason + ")");
    }

    void step() {
        const char c = pattern_[position_];
        if (c == '\\') {
            escape();
            return;
        }
        if (inClass_) {
            classCharacter(c);
        } else if (c == '[') {
            inClass_ = true;
            classStart_ = position_ + (pattern_.substr(position_ + 1).starts_with('^') ? 2 : 1);
        } else if (c == '^' || c == '$') {
            // Oniguruma's mean the ends of lines.
            result_.append("(?m:").append(1, c).append(1, ')');
            ++position_;
            return;
        } else if (c == '}' && pattern_.substr(position_ + 1).starts_with('+')) {
            refuse("}+", "it repeats instead of holding fast");
        } else if (c == '(') {
            group(pattern_.substr(position_));
        }
        result_ += c;
        ++position_;
    }

    void group(std::string_view rest) const {
        if (rest.starts_with("(*")) {
            refuse("(*", "its meaning differs between engines");
        }
        if (rest.starts_with("(?")) {
            const std::string_view flags = rest.substr(2, rest.find_first_not_of("imsx-", 2) - 2);
            if (flags.find_first_of("ms") != std::string_view::npos) {
                refuse("(?" + std::string(flags), "its meaning differs between engines");
            }
        }
    }

    void classCharacter(char c) {
        if (c == ']' && position_ > classStart_) {
            inClass_ = false;
        } else if (c == '[') {
            refuse("[ within […]", "a nested set");
        } else if (pattern_.substr(position_).starts_with("&&")) {
            refuse("&&", "an intersection of sets");
        }
    }

    void escape() {
        const std::string_view rest = pattern_.substr(position_);
        const char c = rest.size() > 1 ? rest[1] : '\0';
        // PCRE2 counts U+180E as a space, which Unicode has not done since version 6.3.
        if (c == 's' || c == 'S') {
            take(2, c == 's' ? "\\p{White_Space}" : "\\P{White_Space}");
        } else if (c == 'd' || c == 'D') {
            property(rest.substr(0, 2), "Nd", c == 'D');
        } else if (c == 'p' || c == 'P') {
            namedProperty(rest);
        } else if (c != '\0' && std::string_view("wWbBhHvVRXGKQE").find(c) != std::string_view::npos) {
            refuse(std::string("\\") + c, "its meaning differs between engines");
        } else {
            const std::size_t brace = rest.size() > 2 && rest[2] == '{' ? rest.find('}') : std::string_view::npos;
            const std::string_view escape = rest.substr(0, brace == std::string_view::npos ? 2 : brace + 1);
            take(escape.size(), escape);
        }
    }

    void take(std::size_t length, std::string_view translated) {
        position_ += length;
        result_ += translated;
    }

    /// \p{L}, \p{^L}, \P{L} or \pL.
    void namedProperty(std::string_view rest) {
        const std::size_t brace = rest.size() > 2 && rest[2] == '{' ? rest.find('}') : std::string_view::npos;
        const std::string_view escape = rest.substr(0, brace == std::string_view::npos ? 3 : brace + 1);
        std::string_view name = brace == std::string_view::npos ? escape.substr(std::min<std::size_t>(2, escape.size()))
                                                                : escape.substr(3, escape.size() - 4);
        const bool isNegated = name.starts_with('^');
        property(escape, name.substr(isNegated ? 1 : 0), isNegated != (escape[1] == 'P'));
    }

    /// Writes the property with what the reference knows of newer Unicode.
    void property(std::string_view escape, std::string_view name, bool isComplement) {
        const UnicodeProperty* known = findUnicodeProperty(name);
        if (known == nullptr) {
            refuse(std::string(escape), "its characters may differ between engines");
        }
        const std::string plain = "\\p{" + std::string(known->inPcre2) + "}" + std::string(known->added);
        if (inClass_ && isComplement) {
            if (!known->added.empty()) {
                refuse(std::string(escape) + " within […]", "a complement within a set");
            }
            take(escape.size(), "\\P{" + std::string(known->inPcre2) + "}");
        } else {
            take(escape.size(), inClass_ ? plain : (isComplement ? "[^" : "[") + plain + "]");
        }
    }

    std::string_view pattern_;
    const std::string& what_;
    std::string result_;
    std::size_t position_ = 0;
    std::size_t classStart_ = 0;
    bool inClass_ = false;
};

/// Each try at a match gets few steps, some tries get many: patterns that backtrack far at every place of a text would
/// take hours otherwise. A run of white space takes GPT-2's pattern a step a character.
constexpr std::uint32_t shortTrySteps = 5000;
constexpr std::uint32_t longTrySteps = 10'000'000;
constexpr std::size_t maxLongTries = 8;
constexpr std::size_t bytesALongTry = 4096;
constexpr std::uint32_t maxHeapKilobytes = 64 << 10;
/// A class of all characters in both cases takes PCRE2 ten milliseconds to compile.
constexpr std::size_t maxPatternBytes = 2048;

/// What a match needs beside the pattern; one for each thread.
struct Scratch {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
    pcre2_match_context* context = pcre2_match_context_create(nullptr);
    pcre2_jit_stack* stack = pcre2_jit_stack_create(std::size_t{32} << 10, std::size_t{4} << 20, nullptr);

    Scratch() {
        pcre2_jit_stack_assign(context, nullptr, stack);
        pcre2_set_heap_limit(context, maxHeapKilobytes);
    }
    ~Scratch() {
        pcre2_jit_stack_free(stack);
        pcre2_match_context_free(context);
        pcre2_match_data_free(data);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
};

std::string messageOf(int code) {
    PCRE2_UCHAR buffer[256];
    pcre2_get_error_message(code, buffer, sizeof buffer);
    return reinterpret_cast<const char*>(buffer);
}

}  // namespace

struct Regex::Compiled {
    pcre2_code* code = nullptr;
    bool mayMatchNothing = false;
    std::string literal;  ///< searched for directly when there is no code
    std::string what;

    ~Compiled() { pcre2_code_free(code); }

    /// Calls `onMatch` with the ends of every match in order, as the onig crate's find_iter finds them: an empty match
    /// that touches the one before it does not count, and the search goes on a character further.
    template <typename OnMatch>
    void forEachMatch(std::string_view text, const OnMatch& onMatch) const {
        thread_local const Scratch scratch;
        std::size_t from = 0;
        std::optional<std::size_t> lastEnd;
        std::size_t longTries = maxLongTries + text.size() / bytesALongTry;
        while (from < text.size() || (mayMatchNothing && from == text.size() && from > 0)) {
            const auto match = [&](std::uint32_t steps) {
                pcre2_set_match_limit(scratch.context, steps);
                return pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                                   PCRE2_NO_UTF_CHECK, scratch.data, scratch.context);
            };
            int found = match(shortTrySteps);
            if (found == PCRE2_ERROR_MATCHLIMIT && longTries > 0) {
                --longTries;
                found = match(longTrySteps);
            }
            if (found == PCRE2_ERROR_NOMATCH) {
                return;
            }
            if (found < 0) {
                throw Error(what + ": matching gave up on a text of " + std::to_string(text.size()) + " bytes (" +
                            messageOf(found) + ")");
            }
            const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(scratch.data);
            if (ends[0] < from || ends[1] < ends[0]) {
                throw Error(what + ": the regular expression matches backwards");
            }
            if (ends[0] == ends[1] && lastEnd == ends[1]) {
                if (from == text.size()) {
                    return;
                }
                from += std::max<std::size_t>(validCharacterLength(text.substr(from)), 1);
                continue;
            }
            from = ends[1];
            lastEnd = ends[1];
            onMatch(ends[0], ends[1]);
        }
    }
};

Regex::Regex(const std::string& pattern, const std::string& what) {
    auto compiled = std::make_shared<Compiled>();
    compiled->what = what;
    if (pattern.size() > maxPatternBytes) {
        throw Error(what + ": a regular expression of " + std::to_string(pattern.size()) + " bytes, at most " +
                    std::to_string(maxPatternBytes) + " are supported");
    }
    const std::string translated = Translator(pattern, what).translate();
    int error = 0;
    PCRE2_SIZE offset = 0;
    compiled->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                   PCRE2_UTF | PCRE2_UCP, &error, &offset, nullptr);
    if (compiled->code == nullptr) {
        throw Error(what + ": regular expression " + pattern + ": " + messageOf(error));
    }
    std::uint32_t mayMatchNothing = 0;
    pcre2_pattern_info(compiled->code, PCRE2_INFO_MATCHEMPTY, &mayMatchNothing);
    compiled->mayMatchNothing = mayMatchNothing != 0;
    // Without a just-in-time compiler the interpreter gives the same matches.
    pcre2_jit_compile(compiled->code, PCRE2_JIT_COMPLETE);
    compiled_ = std::move(compiled);
}

Regex Regex::literal(const std::string& text, const std::string& what) {
    auto compiled = std::make_shared<Compiled>();
    compiled->literal = text;
    compiled->what = what;
    return Regex(std::move(compiled));
}

Regex Regex::fromJson(const files::Json& json, const std::string& what) {
    if (json.is_object() && json.contains("Regex")) {
        return {requireString(json, "Regex", what), what};
    }
    return literal(requireString(json, "String", what), what);
}

void Regex::cut(std::string_view text, std::vector<Span>& spans) const {
    spans.clear();
    std::size_t last = 0;
    const auto add = [&](std::size_t begin, std::size_t end) {
        if (last < begin) {
            spans.push_back({last, begin, false});
        }
        spans.push_back({begin, end, true});
        last = end;
    };
    if (compiled_->code == nullptr) {
        const std::string& literal = compiled_->literal;
        while (!literal.empty()) {
            const std::size_t found = text.find(literal, last);
            if (found == std::string_view::npos) {
                break;
            }
            add(found, found + literal.size());
        }
    } else {
        compiled_->forEachMatch(text, add);
    }
    if (last < text.size()) {
        spans.push_back({last, text.size(), false});
    }
}

std::string Regex::replace(std::string_view text, std::string_view replacement, std::size_t maxBytes) const {
    std::vector<Span> spans;
    cut(text, spans);
    std::string result;
    result.reserve(text.size());
    for (const Span& span : spans) {
        result += span.isMatch ? replacement : text.substr(span.begin, span.end - span.begin);
        if (result.size() > maxBytes) {
            throw Error(compiled_->what + ": replacing makes a text longer than " + std::to_string(maxBytes) +
                        " bytes");
        }
    }
    return result;
}

}  // namespace prefbench::text
