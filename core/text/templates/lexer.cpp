#include "core/text/templates/lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <optional>

#include "core/text/templates/strings.h"
#include "core/text/utf8.h"

namespace prefbench::text::templates {

namespace {

bool isDigit(char c) {
    return c >= '0' && c <= '9';
}

bool isNameStart(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

/// Newlines as "\n", and one at the end dropped.
std::string normalized(std::string_view source) {
    std::string text;
    for (std::size_t i = 0; i < source.size(); ++i) {
        if (source[i] == '\r') {
            text += '\n';
            i += i + 1 < source.size() && source[i + 1] == '\n';
        } else {
            text += source[i];
        }
    }
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

/// One string literal without its quotes; escapes as Python reads them.
class Unescaper {
  public:
    Unescaper(std::string_view body, int line) : rest_(body), line_(line) {}

    std::string run() {
        while (!rest_.empty()) {
            const char c = rest_[0];
            rest_.remove_prefix(1);
            if (c == '\\' && !rest_.empty()) {
                escape();
            } else {
                out_ += c;
            }
        }
        return std::move(out_);
    }

  private:
    void escape() {
        static constexpr std::string_view letters = "abfnrtv\\'\"";
        static constexpr std::string_view meanings = "\a\b\f\n\r\t\v\\'\"";
        const char c = rest_[0];
        const std::size_t letter = letters.find(c);
        if (c >= '0' && c <= '7') {
            number(8, 3, false);
            return;
        }
        rest_.remove_prefix(1);
        if (letter != std::string_view::npos) {
            out_ += meanings[letter];
        } else if (c == 'x' || c == 'u' || c == 'U') {
            number(16, c == 'x' ? 2 : c == 'u' ? 4 : 8, true);
        } else if (c == 'N') {
            throw SyntaxFailure(line_, "characters by their names (\\N) are not supported");
        } else if (c != '\n') {
            out_ += '\\';
            out_ += c;
        }
    }

    void number(int base, std::size_t digits, bool all) {
        std::uint32_t code = 0;
        const std::string_view text = rest_.substr(0, digits);
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code, base);
        const std::size_t used = static_cast<std::size_t>(end - text.data());
        if (error != std::errc() || (all && used != digits) || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
            throw SyntaxFailure(line_, "a string holds an escape that is no character");
        }
        rest_.remove_prefix(used);
        appendUtf8(out_, code);
    }

    std::string_view rest_;
    int line_;
    std::string out_;
};

class Lexer {
  public:
    Lexer(Budget& budget, std::string_view source) : budget_(budget), source_(source) {}

    std::vector<Token> run() {
        while (position_ < source_.size()) {
            root();
        }
        add(TokenKind::End);
        return std::move(tokens_);
    }

  private:
    std::string_view rest() const { return source_.substr(position_); }
    bool at(std::string_view text) const { return rest().starts_with(text); }

    Token& add(TokenKind kind, std::string text = {}) {
        budget_.step();
        Token& token = tokens_.emplace_back();
        token.kind = kind;
        token.line = line_;
        token.text = std::move(text);
        return token;
    }

    void advance(std::size_t bytes) {
        const std::string_view passed = source_.substr(position_, bytes);
        line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
        position_ += passed.size();
        if (!passed.empty()) {
            startsLine_ = passed.back() == '\n';
        }
    }

    void skipSpace() { advance(rest().size() - leftStripped(rest()).size()); }

    /// Data up to the next tag, and the tag.
    void root() {
        std::size_t begin = position_;
        while ((begin = source_.find('{', begin)) != std::string_view::npos &&
               (begin + 1 == source_.size() ||
                std::string_view("{%#").find(source_[begin + 1]) == std::string_view::npos)) {
            ++begin;
        }
        if (begin == std::string_view::npos) {
            data(rest(), {}, false);
            return;
        }
        const std::string_view text = source_.substr(position_, begin - position_);
        const char type = source_[begin + 1];
        const char control = begin + 2 < source_.size() ? source_[begin + 2] : ' ';
        data(text, control == '-' || control == '+' ? control : ' ', type != '{');
        advance(control == '-' || control == '+' ? 3 : 2);
        if (type == '#') {
            comment();
        } else if (type == '{') {
            expression(TokenKind::PrintBegin, TokenKind::PrintEnd);
        } else if (!raw()) {
            expression(TokenKind::BlockBegin, TokenKind::BlockEnd);
        }
    }

    /// Template data before a tag: `-` takes away all white space at its end; otherwise a block or comment takes away
    /// the white space between it and the start of its line.
    void data(std::string_view text, std::optional<char> control, bool isStripped) {
        std::string_view kept = text;
        if (control == '-') {
            kept = rightStripped(text);
        } else if (control == ' ' && isStripped) {
            const std::size_t newline = text.rfind('\n');
            const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
            if ((start > 0 || startsLine_) && leftStripped(text.substr(start)).empty()) {
                kept = text.substr(0, start);
            }
        }
        if (!kept.empty()) {
            add(TokenKind::Data, std::string(kept));
        }
        advance(text.size());
    }

    /// After "%}" or "#}": one newline belongs to the tag.
    void trimBlock() {
        if (at("\n")) {
            advance(1);
        }
    }

    void comment() {
        const std::size_t end = rest().find("#}");
        if (end == std::string_view::npos) {
            throw SyntaxFailure(line_, "a comment is not closed");
        }
        const char control = end > 0 ? source_[position_ + end - 1] : ' ';
        advance(end + 2);
        afterBlock(control);
    }

    void afterBlock(char control) {
        if (control == '-') {
            skipSpace();
        } else if (control != '+') {
            trimBlock();
        }
    }

    /// The length of "raw %}" with its inner white space, or of "endraw …"; 0 when `text` begins with none.
    static std::size_t wordTagLength(std::string_view text, std::string_view word, char& control) {
        std::string_view left = leftStripped(text);
        if (!left.starts_with(word)) {
            return 0;
        }
        left = leftStripped(left.substr(word.size()));
        control = left.empty() ? ' ' : left[0];
        if (control == '-' || control == '+') {
            left.remove_prefix(1);
        }
        return left.starts_with("%}") ? text.size() - left.size() + 2 : 0;
    }

    /// A raw block, when one begins here.
    bool raw() {
        char control = ' ';
        const std::size_t opening = wordTagLength(rest(), "raw", control);
        if (opening == 0 || control == '+') {
            return false;
        }
        const int line = line_;
        advance(opening);
        if (control == '-') {
            skipSpace();
        }
        for (std::size_t end = rest().find("{%"); end != std::string_view::npos; end = rest().find("{%", end + 2)) {
            const char before = end + 2 < rest().size() ? rest()[end + 2] : ' ';
            const std::size_t sign = before == '-' || before == '+' ? 1 : 0;
            const std::size_t closing = wordTagLength(rest().substr(end + 2 + sign), "endraw", control);
            budget_.step();
            if (closing != 0) {
                data(rest().substr(0, end), sign == 1 ? before : ' ', true);
                advance(2 + sign + closing);
                afterBlock(control);
                return true;
            }
        }
        throw SyntaxFailure(line, "a raw block is not closed");
    }

    void expression(TokenKind begin, TokenKind end) {
        add(begin);
        const std::string_view mark = end == TokenKind::PrintEnd ? "}}" : "%}";
        while (position_ < source_.size()) {
            if (brackets_.empty()) {
                const char control = rest()[0];
                const bool isSigned = control == '-' || (control == '+' && end == TokenKind::BlockEnd);
                if (rest().substr(isSigned ? 1 : 0).starts_with(mark)) {
                    add(end);
                    advance(isSigned ? 3 : 2);
                    if (end == TokenKind::BlockEnd) {
                        afterBlock(control);
                    } else if (control == '-') {
                        skipSpace();
                    }
                    return;
                }
            }
            token();
        }
        // The parser says what is missing.
    }

    void token() {
        const char c = rest()[0];
        if (leftStripped(rest()).size() != rest().size()) {
            skipSpace();
        } else if (isDigit(c)) {
            number();
        } else if (isNameStart(c)) {
            const auto end =
                std::find_if_not(rest().begin(), rest().end(), [](char d) { return isNameStart(d) || isDigit(d); });
            const std::string_view name = rest().substr(0, static_cast<std::size_t>(end - rest().begin()));
            add(TokenKind::Name, std::string(name));
            advance(name.size());
        } else if (c == '\'' || c == '"') {
            string(c);
        } else {
            operation();
        }
    }

    void string(char quote) {
        std::size_t end = 1;
        while (end < rest().size() && rest()[end] != quote) {
            end += rest()[end] == '\\' ? 2 : 1;
        }
        if (end >= rest().size()) {
            throw SyntaxFailure(line_, "a string is not closed");
        }
        std::string text = Unescaper(rest().substr(1, end - 1), line_).run();
        add(TokenKind::Constant).constant = makeText(budget_, std::move(text));
        advance(end + 1);
    }

    /// Digits with single underscores between them.
    std::size_t digitsEnd(std::size_t from) const {
        const std::string_view text = rest();
        std::size_t end = from;
        while (end < text.size() && (isDigit(text[end]) || (text[end] == '_' && end > from && end + 1 < text.size() &&
                                                            isDigit(text[end + 1])))) {
            ++end;
        }
        return end;
    }

    void number() {
        const bool afterDot = position_ > 0 && source_[position_ - 1] == '.';
        std::size_t end = digitsEnd(0);
        bool isFloat = false;
        if (!afterDot) {
            if (end < rest().size() && rest()[end] == '.' && digitsEnd(end + 1) > end + 1) {
                isFloat = true;
                end = digitsEnd(end + 1);
            }
            if (end < rest().size() && (rest()[end] | 0x20) == 'e') {
                const std::size_t sign = end + 1 < rest().size() && (rest()[end + 1] == '+' || rest()[end + 1] == '-');
                const std::size_t exponent = digitsEnd(end + 1 + sign);
                if (exponent > end + 1 + sign) {
                    isFloat = true;
                    end = exponent;
                }
            }
        }
        std::string text(rest().substr(0, end));
        std::erase(text, '_');
        add(TokenKind::Constant).constant = isFloat ? Value(std::strtod(text.c_str(), nullptr)) : integer(text);
        advance(end);
    }

    Value integer(const std::string& text) const {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || end != text.data() + text.size()) {
            throw SyntaxFailure(line_, "the number " + text.substr(0, 40) + " is too large");
        }
        return Value(number);
    }

    void operation() {
        static constexpr std::array<std::string_view, 26> operators = {
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
            "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
        const auto found =
            std::find_if(operators.begin(), operators.end(), [&](std::string_view text) { return at(text); });
        if (found == operators.end()) {
            throw SyntaxFailure(line_, "the character '" + std::string(1, rest()[0]) + "' is not expected in a tag");
        }
        balance((*found)[0]);
        add(TokenKind::Operator, std::string(*found));
        advance(found->size());
    }

    void balance(char c) {
        static constexpr std::string_view opening = "([{";
        static constexpr std::string_view closing = ")]}";
        const std::size_t kind = closing.find(c);
        if (opening.find(c) != std::string_view::npos) {
            brackets_.push_back(c);
        } else if (kind != std::string_view::npos) {
            if (brackets_.empty() || brackets_.back() != opening[kind]) {
                throw SyntaxFailure(line_, std::string("an unexpected '") + c + "'");
            }
            brackets_.pop_back();
        }
    }

    Budget& budget_;
    std::string_view source_;
    std::size_t position_ = 0;
    int line_ = 1;
    bool startsLine_ = true;
    std::vector<char> brackets_;
    std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(Budget& budget, std::string_view source) {
    const std::string text = normalized(source);
    return Lexer(budget, text).run();
}

}  // namespace prefbench::text::templates
