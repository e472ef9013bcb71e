#include "core/text/templates/format.h"

#include <cmath>
#include <cstdio>

#include "core/text/templates/printing.h"
#include "core/text/templates/strings.h"

namespace prefbench::text::templates {

namespace {

constexpr std::size_t mostWidth = 10'000;

class PercentFormatter {
  public:
    PercentFormatter(Budget& budget, std::string_view format, const Value& value)
        : budget_(budget), rest_(format), value_(value), out_(budget) {
        const Sequence* tuple = value.sequence();
        isTuple_ = tuple != nullptr && tuple->kind == SequenceKind::Tuple;
    }

    std::string run() {
        while (!rest_.empty()) {
            const std::size_t mark = std::min(rest_.find('%'), rest_.size());
            out_.add(rest_.substr(0, mark));
            rest_.remove_prefix(mark);
            if (!rest_.empty()) {
                rest_.remove_prefix(1);
                one();
            }
        }
        const bool isLeft = isTuple_ ? next_ < value_.sequence()->items.size() : next_ == 0 && value_.dict() == nullptr;
        if (isLeft) {
            throw Failure("not all values are used by the format");
        }
        return out_.take();
    }

  private:
    const Value& nextValue() {
        if (isTuple_ && next_ < value_.sequence()->items.size()) {
            return value_.sequence()->items[next_++];
        }
        if (isTuple_ || next_ > 0) {
            throw Failure("there are fewer values than the format asks for");
        }
        ++next_;
        return value_;
    }

    const Value* named() {
        if (!rest_.starts_with('(')) {
            return nullptr;
        }
        const std::size_t end = rest_.find(')');
        if (end == std::string_view::npos || value_.dict() == nullptr) {
            throw Failure("a format with a name needs a dict");
        }
        const Value* found = value_.dict()->find(rest_.substr(1, end - 1));
        if (found == nullptr) {
            throw Failure("the format's name " + std::string(rest_.substr(1, std::min<std::size_t>(end - 1, 60))) +
                          " is missing");
        }
        rest_.remove_prefix(end + 1);
        return found;
    }

    std::size_t number() {
        std::size_t found = 0;
        while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
            found = std::min(found * 10 + static_cast<std::size_t>(rest_[0] - '0'), mostWidth + 1);
            rest_.remove_prefix(1);
        }
        if (found > mostWidth) {
            throw Failure("a format is wider than " + std::to_string(mostWidth));
        }
        return found;
    }

    void one() {
        const Value* name = named();
        std::string flags;
        while (!rest_.empty() && std::string_view("-+ 0#").find(rest_[0]) != std::string_view::npos &&
               flags.size() < 5) {
            flags += rest_[0];
            rest_.remove_prefix(1);
        }
        const std::size_t width = number();
        int precision = -1;
        if (rest_.starts_with('.')) {
            rest_.remove_prefix(1);
            precision = static_cast<int>(number());
        }
        if (rest_.empty()) {
            throw Failure("a format ends too early");
        }
        const char type = rest_[0];
        rest_.remove_prefix(1);
        if (type == '%') {
            out_.add("%");
            return;
        }
        const Value& value = name != nullptr ? *name : nextValue();
        pad(converted(type, flags, precision, value), flags, width, type);
    }

    std::string converted(char type, const std::string& flags, int precision, const Value& value) {
        requireDefined(value);
        if (type == 's' || type == 'r') {
            std::string text = type == 's' ? textOf(budget_, value) : reprOf(budget_, value);
            return precision < 0 ? text : text.substr(0, byteOf(text, static_cast<std::size_t>(precision)));
        }
        const bool isWhole = std::string_view("diuxXo").find(type) != std::string_view::npos;
        if (!isNumber(value) || (!isWhole && std::string_view("fFeEgG").find(type) == std::string_view::npos)) {
            throw Failure(std::string("a ") + typeName(value) + " cannot be formatted with %" + type);
        }
        std::string sign;
        for (const char flag : flags) {
            sign += flag == '+' || flag == ' ' || flag == '#' ? std::string(1, flag) : "";
        }
        char buffer[512];
        if (isWhole) {
            std::int64_t holder = 0;
            const std::int64_t* whole = value.integer(holder);
            if (whole == nullptr && !(std::abs(numberOf(value)) < 9.2e18)) {
                throw Failure(std::string("a number too large for %") + type);
            }
            const long long number = whole != nullptr ? *whole : static_cast<long long>(numberOf(value));
            const std::string format = "%" + sign + "ll" + (type == 'i' || type == 'u' ? 'd' : type);
            std::snprintf(buffer, sizeof buffer, format.c_str(), number);
        } else {
            const std::string format = "%" + sign + ".*" + type;
            std::snprintf(buffer, sizeof buffer, format.c_str(), precision < 0 ? 6 : std::min(precision, 100),
                          numberOf(value));
        }
        return buffer;
    }

    void pad(const std::string& text, const std::string& flags, std::size_t width, char type) {
        const std::size_t length = characterCount(text);
        const std::size_t missing = width > length ? width - length : 0;
        if (flags.find('-') != std::string::npos) {
            out_.add(text + std::string(missing, ' '));
        } else if (flags.find('0') != std::string::npos && type != 's' && type != 'r') {
            const std::size_t sign = text.find_first_not_of("+- ");
            out_.add(text.substr(0, sign) + std::string(missing, '0') + text.substr(sign));
        } else {
            out_.add(std::string(missing, ' ') + text);
        }
    }

    Budget& budget_;
    std::string_view rest_;
    const Value& value_;
    TextBuilder out_;
    bool isTuple_ = false;
    std::size_t next_ = 0;
};

Value braceValue(const Arguments& arguments, std::string_view name, std::size_t& next) {
    const auto index = name.empty() ? std::optional<std::int64_t>(next) : parseInteger(name, 10);
    if (name.empty()) {
        ++next;
    }
    if (index && *index >= 0 && static_cast<std::size_t>(*index) < arguments.positional.size()) {
        return arguments.positional[static_cast<std::size_t>(*index)];
    }
    for (const auto& [key, value] : arguments.named) {
        if (key == name) {
            return value;
        }
    }
    throw Failure("'format' has no value for {" + std::string(name.substr(0, 60)) + "}");
}

}  // namespace

std::string percentFormat(Budget& budget, std::string_view format, const Value& value) {
    return PercentFormatter(budget, format, value).run();
}

std::string braceFormat(Budget& budget, std::string_view format, const Arguments& arguments) {
    TextBuilder out(budget);
    std::size_t next = 0;
    while (!format.empty()) {
        const std::size_t mark = std::min(format.find_first_of("{}"), format.size());
        out.add(format.substr(0, mark));
        format.remove_prefix(mark);
        if (format.empty()) {
            break;
        }
        if (format.size() > 1 && format[1] == format[0]) {
            out.add(format.substr(0, 1));
            format.remove_prefix(2);
            continue;
        }
        const std::size_t end = format.find('}');
        if (format[0] == '}' || end == std::string_view::npos) {
            throw Failure("'format' has a single brace");
        }
        std::string_view field = format.substr(1, end - 1);
        format.remove_prefix(end + 1);
        const bool asRepr = field.ends_with("!r");
        if (asRepr || field.ends_with("!s")) {
            field.remove_suffix(2);
        }
        if (field.find_first_of(":.[!{") != std::string_view::npos) {
            throw Failure("'format' with {" + std::string(field.substr(0, 60)) + "} is not supported");
        }
        const Value value = braceValue(arguments, field, next);
        out.add(asRepr ? reprOf(budget, value) : textOf(budget, value));
    }
    return out.take();
}

}  // namespace prefbench::text::templates
