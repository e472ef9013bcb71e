#include "core/files/json.h"

#include <cmath>
#include <limits>
#include <type_traits>
#include <unordered_set>
#include <vector>

#include "core/files/durable_file.h"
#include "core/files/error.h"

namespace prefbench::files {

namespace {

constexpr std::size_t maxDepth = 200;
constexpr std::size_t maxQuotedBytes = 160;

/// Bounds `text` for a message without leaving half a UTF-8 character at its end.
std::string shortened(const std::string& text) {
    if (text.size() <= maxQuotedBytes) {
        return text;
    }
    std::size_t end = maxQuotedBytes;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
        --end;
    }
    return text.substr(0, end) + "…";
}

std::string place(std::string_view text, std::size_t byte) {
    const std::string_view before = text.substr(0, byte > 0 ? byte - 1 : 0);
    std::size_t line = 1;
    std::size_t lineStart = 0;
    for (std::size_t i = 0; i < before.size(); ++i) {
        if (before[i] == '\n') {
            ++line;
            lineStart = i + 1;
        }
    }
    const std::string column = "column " + std::to_string(before.size() - lineStart + 1);
    return text.find('\n') == std::string_view::npos ? column : "line " + std::to_string(line) + ", " + column;
}

/// nlohmann's message without its own numbering and position, which we give ourselves.
std::string reason(const nlohmann::detail::exception& exception) {
    const std::string message = exception.what();
    if (exception.id == 101) {
        const std::size_t dash = message.find(" - ");
        if (dash != std::string::npos) {
            return shortened(message.substr(dash + 3));
        }
    }
    const std::size_t bracket = message.find("] ");
    return shortened(bracket == std::string::npos ? message : message.substr(bracket + 2));
}

/// Builds the value from the parser's events. The parser itself does not recurse, and depth is bounded before anything
/// is built, so hostile nesting costs no stack.
template <typename Value>
class Builder {
  public:
    explicit Builder(std::string_view text) : text_(text) {}

    bool null() { return add(nullptr); }
    bool boolean(bool value) { return add(value); }
    bool number_integer(typename Value::number_integer_t value) { return add(value); }
    bool number_unsigned(typename Value::number_unsigned_t value) { return add(value); }
    bool number_float(typename Value::number_float_t value, const std::string&) { return add(value); }
    bool string(std::string& value) { return add(std::move(value)); }
    bool binary(typename Value::binary_t&) { return false; }

    bool start_object(std::size_t) { return open(Value::object()); }
    bool start_array(std::size_t) { return open(Value::array()); }
    bool end_object() {
        if constexpr (isOrdered) {
            keys_.pop_back();
        }
        open_.pop_back();
        return true;
    }
    bool end_array() {
        open_.pop_back();
        return true;
    }

    bool key(std::string& key) {
        auto& members = open_.back()->template get_ref<typename Value::object_t&>();
        bool isNew = false;
        if constexpr (isOrdered) {
            // The ordered object finds keys by linear search, so vocabularies would take quadratic time.
            isNew = keys_.back().insert(key).second;
            if (isNew) {
                slot_ = &static_cast<typename Value::object_t::Container&>(members).emplace_back(key, nullptr).second;
            }
        } else {
            const auto [position, inserted] = members.emplace(key, nullptr);
            isNew = inserted;
            slot_ = &position->second;
        }
        if (!isNew) {
            error_ = "the key \"" + shortened(key) + "\" stands twice in one object";
        }
        return isNew;
    }

    bool parse_error(std::size_t byte, const std::string&, const nlohmann::detail::exception& exception) {
        error_ = "not valid JSON at " + place(text_, byte) + ": " + reason(exception);
        return false;
    }

    /// Keeps the first reason.
    void refuse(const std::string& reason) {
        if (error_.empty()) {
            error_ = reason;
        }
    }

    Value& root() { return root_; }
    const std::string& error() const { return error_; }

  private:
    static constexpr bool isOrdered = std::is_same_v<Value, OrderedJson>;

    template <typename T>
    bool add(T&& value) {
        place_(Value(std::forward<T>(value)));
        return true;
    }

    bool open(Value container) {
        if (open_.size() == maxDepth) {
            error_ = "nested deeper than " + std::to_string(maxDepth) + " levels";
            return false;
        }
        if (isOrdered && container.is_object()) {
            keys_.emplace_back();
        }
        open_.push_back(place_(std::move(container)));
        return true;
    }

    /// Only the innermost open container grows, so the pointers held in open_ stay valid.
    Value* place_(Value value) {
        Value* slot = &root_;
        if (!open_.empty() && open_.back()->is_array()) {
            auto& elements = open_.back()->template get_ref<typename Value::array_t&>();
            slot = &elements.emplace_back();
        } else if (!open_.empty()) {
            slot = slot_;
        }
        *slot = std::move(value);
        return slot;
    }

    std::string_view text_;
    Value root_;
    std::vector<Value*> open_;
    std::vector<std::unordered_set<std::string>> keys_;
    Value* slot_ = nullptr;
    std::string error_;
};

template <typename Value>
Value parse(std::string_view text, const std::string& what) {
    Builder<Value> builder(text);
    // The parser takes a zero byte for the end of input; JSON allows it nowhere.
    const std::size_t zero = text.find('\0');
    if (zero != std::string_view::npos) {
        builder.refuse("not valid JSON at " + place(text, zero + 1) + ": a zero byte");
    } else if (!Value::sax_parse(text.begin(), text.end(), &builder)) {
        builder.refuse("not valid JSON");
    }
    if (!builder.error().empty()) {
        throw Error(what.empty() ? builder.error() : what + ": " + builder.error());
    }
    return std::move(builder.root());
}

template <typename Value>
std::string dump(const Value& value) {
    return value.dump(-1, ' ', false, Value::error_handler_t::replace);
}

}  // namespace

Json parseJson(std::string_view text, const std::string& what) {
    return parse<Json>(text, what);
}

OrderedJson parseOrderedJson(std::string_view text, const std::string& what) {
    return parse<OrderedJson>(text, what);
}

Json readJsonFile(const std::filesystem::path& file) {
    return parseJson(readFile(file), file.string());
}

OrderedJson readOrderedJsonFile(const std::filesystem::path& file) {
    return parseOrderedJson(readFile(file), file.string());
}

std::string toLine(const Json& value) {
    return dump(value);
}

std::string toLine(const OrderedJson& value) {
    return dump(value);
}

Json numberToJson(double value) {
    if (std::isnan(value)) {
        return "nan";
    }
    if (std::isinf(value)) {
        return value > 0 ? "inf" : "-inf";
    }
    return value;
}

double numberFromJson(const Json& value, const std::string& what) {
    if (value.is_number()) {
        return value.get<double>();
    }
    if (value == "nan") {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (value == "inf") {
        return std::numeric_limits<double>::infinity();
    }
    if (value == "-inf") {
        return -std::numeric_limits<double>::infinity();
    }
    throw Error(what + ": " + shortened(toLine(value)) + R"( is neither a number nor "nan", "inf" or "-inf")");
}

}  // namespace prefbench::files
