#include "core/text/templates/printing.h"

#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "core/text/templates/strings.h"
#include "core/text/utf8.h"

namespace prefbench::text::templates {

namespace {

std::string formatted(const char* format, std::uint32_t code) {
    char buffer[16];
    std::snprintf(buffer, sizeof buffer, format, code);
    return buffer;
}

bool isPrintable(char32_t c) {
    switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
        case UTF8PROC_CATEGORY_CC:
        case UTF8PROC_CATEGORY_CF:
        case UTF8PROC_CATEGORY_CS:
        case UTF8PROC_CATEGORY_CO:
        case UTF8PROC_CATEGORY_CN:
        case UTF8PROC_CATEGORY_ZL:
        case UTF8PROC_CATEGORY_ZP:
            return false;
        case UTF8PROC_CATEGORY_ZS:
            return c == ' ';
        default:
            return true;
    }
}

class ReprWriter {
  public:
    explicit ReprWriter(Budget& budget) : budget_(budget), out_(budget) {}

    std::string run(const Value& value) {
        write(value);
        return out_.take();
    }

  private:
    void write(const Value& value) {
        const Budget::Nested nested(budget_);
        budget_.step();
        if (const std::string* text = value.text()) {
            quote(*text);
        } else if (const Sequence* sequence = value.sequence()) {
            write(*sequence);
        } else if (const Dict* dict = value.dict()) {
            write(dict->entries);
        } else if (const auto* space = value.as<std::shared_ptr<Namespace>>()) {
            out_.add("<Namespace ");
            write((*space)->entries);
            out_.add(">");
        } else if (value.isUndefined()) {
            out_.add("Undefined");
        } else {
            out_.add(textOf(budget_, value));
        }
    }

    void write(const Sequence& sequence) {
        static const std::vector<std::pair<std::string, std::string>> marks = {{"[", "]"},
                                                                               {"(", ")"},
                                                                               {"<generator of [", "]>"},
                                                                               {"range([", "])"},
                                                                               {"dict_keys([", "])"},
                                                                               {"dict_values([", "])"},
                                                                               {"dict_items([", "])"}};
        const auto& [open, close] = marks[static_cast<std::size_t>(sequence.kind)];
        out_.add(open);
        for (std::size_t i = 0; i < sequence.items.size(); ++i) {
            out_.add(i == 0 ? "" : ", ");
            write(sequence.items[i]);
        }
        out_.add(sequence.kind == SequenceKind::Tuple && sequence.items.size() == 1 ? ",)" : close);
    }

    template <typename Entries>
    void write(const Entries& entries) {
        const char* separator = "{";
        for (const auto& [key, value] : entries) {
            out_.add(separator);
            if constexpr (std::is_same_v<std::decay_t<decltype(key)>, std::string>) {
                quote(key);
            } else {
                write(key);
            }
            out_.add(": ");
            write(value);
            separator = ", ";
        }
        out_.add(entries.empty() ? "{}" : "}");
    }

    void quote(std::string_view text) {
        const bool single = text.find('\'') == std::string_view::npos || text.find('"') != std::string_view::npos;
        const char mark = single ? '\'' : '"';
        out_.add(std::string(1, mark));
        while (!text.empty()) {
            const std::string_view before = text;
            const char32_t c = takeCharacter(text);
            const std::string_view bytes = before.substr(0, before.size() - text.size());
            if (c == static_cast<char32_t>(mark) || c == '\\') {
                out_.add("\\");
                out_.add(bytes);
            } else if (c == '\n' || c == '\r' || c == '\t') {
                out_.add(c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t");
            } else if (!isPrintable(c)) {
                out_.add(formatted(c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c));
            } else {
                out_.add(bytes);
            }
        }
        out_.add(std::string(1, mark));
    }

    Budget& budget_;
    TextBuilder out_;
};

class JsonWriter {
  public:
    JsonWriter(Budget& budget, const JsonStyle& style) : budget_(budget), style_(style), out_(budget) {}

    std::string run(const Value& value) {
        write(value, 1);
        return out_.take();
    }

  private:
    void write(const Value& value, int depth) {
        const Budget::Nested nested(budget_);
        budget_.step();
        const Sequence* sequence = value.sequence();
        if (const std::string* text = value.text()) {
            quote(*text);
        } else if (sequence != nullptr &&
                   (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Tuple)) {
            writeList(*sequence, depth);
        } else if (const Dict* dict = value.dict()) {
            writeDict(*dict, depth);
        } else if (value.isNone() || isNumber(value)) {
            out_.add(scalar(value));
        } else {
            requireDefined(value);
            throw Failure("a " + typeName(value) + " cannot be written as JSON");
        }
    }

    std::string scalar(const Value& value) {
        if (value.isNone()) {
            return "null";
        }
        if (const bool* truth = value.as<bool>()) {
            return *truth ? "true" : "false";
        }
        if (const double* number = value.as<double>()) {
            if (!std::isfinite(*number)) {
                return std::isnan(*number) ? "NaN" : *number < 0 ? "-Infinity" : "Infinity";
            }
        }
        return textOf(budget_, value);
    }

    void line(int depth) {
        if (style_.indent) {
            out_.add("\n");
            for (int i = 0; i < depth; ++i) {
                out_.add(*style_.indent);
            }
        }
    }

    void writeList(const Sequence& list, int depth) {
        if (list.items.empty()) {
            out_.add("[]");
            return;
        }
        out_.add("[");
        for (std::size_t i = 0; i < list.items.size(); ++i) {
            out_.add(i == 0 ? "" : style_.itemSeparator);
            line(depth);
            write(list.items[i], depth + 1);
        }
        line(depth - 1);
        out_.add("]");
    }

    void writeDict(const Dict& dict, int depth) {
        if (dict.entries.empty()) {
            out_.add("{}");
            return;
        }
        auto entries = dict.entries;
        budget_.step(entries.size());
        if (style_.sortKeys) {
            std::stable_sort(entries.begin(), entries.end(),
                             [&](const auto& a, const auto& b) { return compare(budget_, a.first, b.first) < 0; });
        }
        out_.add("{");
        const char* separator = "";
        for (const auto& [key, value] : entries) {
            out_.add(separator);
            line(depth);
            writeKey(key);
            out_.add(style_.keySeparator);
            write(value, depth + 1);
            separator = style_.itemSeparator.c_str();
        }
        line(depth - 1);
        out_.add("}");
    }

    void writeKey(const Value& key) {
        if (key.text() == nullptr && !key.isNone() && !isNumber(key)) {
            throw Failure("a " + typeName(key) + " cannot be a key in JSON");
        }
        quote(key.text() != nullptr ? *key.text() : scalar(key));
    }

    void quote(std::string_view text) {
        out_.add("\"");
        while (!text.empty()) {
            const std::string_view before = text;
            const char32_t c = takeCharacter(text);
            if (c == '"' || c == '\\' || c < 0x20) {
                out_.add(escape(c));
            } else if (c >= 0x7F && style_.ensureAscii) {
                out_.add(asciiEscape(c));
            } else {
                out_.add(before.substr(0, before.size() - text.size()));
            }
        }
        out_.add("\"");
    }

    static std::string escape(char32_t c) {
        static constexpr std::string_view letters = "\"\\\n\r\t\b\f";
        static constexpr std::string_view names = "\"\\nrtbf";
        const std::size_t letter = letters.find(static_cast<char>(c));
        return letter == std::string_view::npos ? formatted("\\u%04x", c) : std::string("\\") + names[letter];
    }

    static std::string asciiEscape(char32_t c) {
        if (c == 0x7F) {
            return "\x7F";
        }
        if (c < 0x10000) {
            return formatted("\\u%04x", c);
        }
        const std::uint32_t high = 0xD800 + ((c - 0x10000) >> 10);
        return formatted("\\u%04x", high) + formatted("\\u%04x", 0xDC00 + ((c - 0x10000) & 0x3FF));
    }

    Budget& budget_;
    const JsonStyle& style_;
    TextBuilder out_;
};

}  // namespace

std::string textOf(Budget& budget, const Value& value) {
    if (const Undefined* undefined = value.as<Undefined>()) {
        if (undefined->isForbidden) {
            requireDefined(value);
        }
        return {};
    }
    if (value.isNone()) {
        return "None";
    }
    if (const bool* truth = value.as<bool>()) {
        return *truth ? "True" : "False";
    }
    if (const std::int64_t* number = value.as<std::int64_t>()) {
        return std::to_string(*number);
    }
    if (const double* number = value.as<double>()) {
        return floatText(*number);
    }
    if (const std::string* text = value.text()) {
        budget.text(text->size());
        return *text;
    }
    if (const auto* callable = value.as<std::shared_ptr<const Callable>>()) {
        return "<function " + (*callable)->name + ">";
    }
    if (const auto* loop = value.as<std::shared_ptr<const Loop>>()) {
        return "<LoopContext " + std::to_string((*loop)->index + 1) + "/" +
               std::to_string((*loop)->items->items.size()) + ">";
    }
    return reprOf(budget, value);
}

std::string reprOf(Budget& budget, const Value& value) {
    return ReprWriter(budget).run(value);
}

std::string jsonOf(Budget& budget, const Value& value, const JsonStyle& style) {
    return JsonWriter(budget, style).run(value);
}

}  // namespace prefbench::text::templates
