#define PCRE2_CODE_UNIT_WIDTH 8
#include "core/text/regex.h"

#include <pcre2.h>

#include "core/files/error.h"
#include "core/text/json_fields.h"
#include "core/text/unicode_additions.h"
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
            refuse(std::string(1, c), "it also means the ends of lines");
        } else if (c == '(' && pattern_.substr(position_ + 1).starts_with('*')) {
            refuse("(*", "its meaning differs between engines");
        } else if (c == '}' && pattern_.substr(position_ + 1).starts_with('+')) {
            refuse("}+", "it repeats instead of holding fast");
        }
        result_ += c;
        ++position_;
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
        const char c = position_ + 1 < pattern_.size() ? pattern_[position_ + 1] : '\0';
        // PCRE2 counts U+180E as a space, which Unicode has not done since version 6.3.
        if (c == 's') {
            result_ += "\\p{White_Space}";
        } else if (c == 'S') {
            result_ += "\\P{White_Space}";
        } else if (std::string_view("wWbBhHRXGKZzAQE").find(c) != std::string_view::npos) {
            refuse(std::string("\\") + c, "its meaning differs between engines");
        } else {
            copyEscape();
            return;
        }
        position_ += 2;
    }

    /// Copies an escape with its braces, as in \p{L}, and adds what the reference knows of newer Unicode.
    void copyEscape() {
        const std::string_view rest = pattern_.substr(position_);
        const std::size_t brace = rest.size() > 2 && rest[2] == '{' ? rest.find('}') : std::string_view::npos;
        const std::string_view escape = rest.substr(0, brace == std::string_view::npos ? 2 : brace + 1);
        position_ += escape.size();
        const bool isProperty = escape.size() > 4 && (escape[1] == 'p' || escape[1] == 'P');
        const std::string_view added =
            isProperty ? additionsSinceUnicode14(escape.substr(3, escape.size() - 4)) : std::string_view();
        if (added.empty()) {
            result_ += escape;
        } else if (inClass_ && escape[1] == 'P') {
            refuse(std::string(escape) + " within […]", "a complement within a set");
        } else if (inClass_) {
            result_.append(escape).append(added);
        } else {
            result_ += escape[1] == 'P' ? "[^\\p" : "[\\p";
            result_.append(escape.substr(2)).append(added).append("]");
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
    std::string literal;  ///< searched for directly when there is no code
    std::string what;

    ~Compiled() { pcre2_code_free(code); }
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
    std::uint32_t matchesNothing = 0;
    pcre2_pattern_info(compiled->code, PCRE2_INFO_MATCHEMPTY, &matchesNothing);
    if (matchesNothing != 0) {
        throw Error(what + ": regular expression " + pattern + " matches the empty text, which is not supported");
    }
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
        thread_local const Scratch scratch;
        std::size_t longTries = maxLongTries + text.size() / bytesALongTry;
        while (last < text.size()) {
            const auto match = [&](std::uint32_t steps) {
                pcre2_set_match_limit(scratch.context, steps);
                return pcre2_match(compiled_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), last,
                                   PCRE2_NO_UTF_CHECK, scratch.data, scratch.context);
            };
            int found = match(shortTrySteps);
            if (found == PCRE2_ERROR_MATCHLIMIT && longTries > 0) {
                --longTries;
                found = match(longTrySteps);
            }
            if (found == PCRE2_ERROR_NOMATCH) {
                break;
            }
            if (found < 0) {
                throw Error(compiled_->what + ": matching gave up on a text of " + std::to_string(text.size()) +
                            " bytes (" + messageOf(found) + ")");
            }
            const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(scratch.data);
            if (ends[0] < last || ends[1] <= ends[0]) {
                throw Error(compiled_->what + ": the regular expression matches an empty text");
            }
            add(ends[0], ends[1]);
        }
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
