#include "core/text/templates/filters.h"

#include <cmath>
#include <unordered_map>

#include "core/text/templates/arguments.h"
#include "core/text/templates/format.h"
#include "core/text/templates/list_filters.h"
#include "core/text/templates/methods.h"
#include "core/text/templates/operators.h"
#include "core/text/templates/printing.h"
#include "core/text/templates/strings.h"

namespace prefbench::text::templates {

namespace {

template <std::string (*change)(std::string_view)>
Value changed(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("filter", arguments);
    return makeText(budget, change(textOf(budget, value)));
}

Value trim(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("trim", arguments, {"chars"});
    Arguments passed;
    if (const auto characters = given.text(0)) {
        passed.positional.push_back(makeText(budget, *characters));
    }
    const Value text = makeText(budget, textOf(budget, value));
    return (*attribute(budget, text, "strip").as<std::shared_ptr<const Callable>>())->call(passed);
}

Value replace(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("replace", arguments, {"old", "new", "count"}, 2);
    Arguments passed;
    passed.positional = {makeText(budget, textOf(budget, given.at(0))), makeText(budget, textOf(budget, given.at(1))),
                         Value(given.integerOr(2, -1))};
    const Value text = makeText(budget, textOf(budget, value));
    return (*attribute(budget, text, "replace").as<std::shared_ptr<const Callable>>())->call(passed);
}

Value string(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("string", arguments);
    return makeText(budget, textOf(budget, value));
}

Value escape(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("escape", arguments);
    TextBuilder out(budget);
    for (const char c : textOf(budget, value)) {
        static constexpr std::string_view marked = "&<>'\"";
        static const std::vector<std::string> escapes = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
        const std::size_t found = marked.find(c);
        out.add(found == std::string_view::npos ? std::string(1, c) : escapes[found]);
    }
    return makeText(budget, out.take());
}

Value indent(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("indent", arguments, {"width", "first", "blank"});
    const bool asText = given.has(0) && given.at(0).text() != nullptr;
    const std::int64_t width = asText ? 0 : given.integerOr(0, 4);
    budget.text(static_cast<std::size_t>(std::max<std::int64_t>(0, width)));
    const std::string indention =
        asText ? *given.at(0).text() : std::string(static_cast<std::size_t>(std::max<std::int64_t>(0, width)), ' ');
    const bool blank = given.truthOr(2, false);
    if (value.text() == nullptr) {
        requireDefined(value);
        throw Failure("'indent' needs a str, found a " + typeName(value));
    }
    const std::vector<std::string> lines = splitLines(*value.text() + "\n", false);
    TextBuilder out(budget);
    out.add(given.truthOr(1, false) ? indention : "");
    for (std::size_t i = 0; i < lines.size(); ++i) {
        budget.step();
        out.add(i == 0 ? "" : "\n");
        out.add(i > 0 && (blank || !lines[i].empty()) ? indention : "");
        out.add(lines[i]);
    }
    return makeText(budget, out.take());
}

JsonStyle jsonStyle(Budget& budget, const BoundArguments& given) {
    JsonStyle style;
    style.ensureAscii = given.truthOr(0, false);
    style.sortKeys = given.truthOr(3, false);
    if (given.has(1) && !given.at(1).isNone()) {
        const std::int64_t width = given.at(1).text() != nullptr ? 0 : std::max<std::int64_t>(0, given.integerOr(1, 0));
        budget.text(static_cast<std::size_t>(width));
        style.indent =
            given.at(1).text() != nullptr ? *given.at(1).text() : std::string(static_cast<std::size_t>(width), ' ');
        style.itemSeparator = ",";
    }
    if (given.has(2) && !given.at(2).isNone()) {
        const auto separators = iterate(budget, given.at(2));
        if (separators.size() != 2) {
            throw Failure("'tojson' needs two separators");
        }
        style.itemSeparator = textOf(budget, separators[0]);
        style.keySeparator = textOf(budget, separators[1]);
    }
    return style;
}

Value toJson(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("tojson", arguments, {"ensure_ascii", "indent", "separators", "sort_keys"});
    return makeText(budget, jsonOf(budget, value, jsonStyle(budget, given)));
}

Value absolute(Budget&, const Value& value, const Arguments& arguments) {
    takesNone("abs", arguments);
    std::int64_t holder = 0;
    if (const std::int64_t* number = value.integer(holder)) {
        return *number < 0 ? negative(value) : Value(*number);
    }
    if (const double* number = value.as<double>()) {
        return Value(std::abs(*number));
    }
    requireDefined(value);
    throw Failure("'abs' needs a number, found a " + typeName(value));
}

Value round(Budget&, const Value& value, const Arguments& arguments) {
    const BoundArguments given("round", arguments, {"precision", "method"});
    const std::string method = given.textOr(1, "common");
    const std::int64_t precision = given.integerOr(0, 0);
    if (!isNumber(value)) {
        requireDefined(value);
        throw Failure("'round' needs a number, found a " + typeName(value));
    }
    if (method == "common") {
        const bool isWhole = value.as<double>() == nullptr;
        std::int64_t holder = 0;
        return isWhole && precision >= 0 ? Value(*value.integer(holder))
               : isWhole                 ? Value(static_cast<std::int64_t>(rounded(numberOf(value), precision)))
                                         : Value(rounded(numberOf(value), precision));
    }
    if (method != "ceil" && method != "floor") {
        throw Failure("'round' knows the methods common, ceil and floor, found '" + method.substr(0, 60) + "'");
    }
    const double unit = std::pow(10.0, static_cast<double>(precision));
    return Value((method == "ceil" ? std::ceil(numberOf(value) * unit) : std::floor(numberOf(value) * unit)) / unit);
}

/// The whole part; none where it does not fit.
std::optional<Value> truncated(double number) {
    return std::abs(number) < 9.2e18 ? std::optional(Value(static_cast<std::int64_t>(number))) : std::nullopt;
}

Value toInteger(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("int", arguments, {"default", "base"});
    const Value missing = given.valueOr(0, Value(std::int64_t(0)));
    std::int64_t holder = 0;
    requireDefined(value);
    if (const std::int64_t* number = value.integer(holder)) {
        return Value(*number);
    }
    if (const double* number = value.as<double>()) {
        return truncated(*number).value_or(missing);
    }
    if (value.text() == nullptr) {
        return missing;
    }
    budget.text(value.text()->size());
    const std::int64_t base = given.integerOr(1, 10);
    if (base < 2 || base > 36) {
        throw Failure("'int' needs a base from 2 to 36");
    }
    if (const auto number = parseInteger(*value.text(), static_cast<int>(base))) {
        return Value(*number);
    }
    const auto number = parseFloat(*value.text());
    return number ? truncated(*number).value_or(missing) : missing;
}

Value toFloat(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("float", arguments, {"default"});
    requireDefined(value);
    if (isNumber(value)) {
        return Value(numberOf(value));
    }
    std::optional<double> number;
    if (value.text() != nullptr) {
        budget.text(value.text()->size());
        number = parseFloat(*value.text());
    }
    return number ? Value(*number) : given.valueOr(0, Value(0.0));
}

Value defaulted(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("default", arguments, {"default_value", "boolean"});
    const bool isMissing = value.isUndefined() || (given.truthOr(1, false) && !isTrue(value));
    return isMissing ? given.valueOr(0, makeText(budget, "")) : value;
}

Value format(Budget& budget, const Value& value, const Arguments& arguments) {
    if (!arguments.named.empty() && !arguments.positional.empty()) {
        throw Failure("'format' takes values or names, not both");
    }
    Value values = makeSequence(budget, arguments.positional, SequenceKind::Tuple);
    if (!arguments.named.empty()) {
        DictBuilder named(budget);
        for (const auto& [name, given] : arguments.named) {
            named.set(name, given);
        }
        values = named.take();
    }
    return makeText(budget, percentFormat(budget, textOf(budget, value), values));
}

Value wordCount(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("wordcount", arguments);
    const std::string text = textOf(budget, value);
    std::int64_t words = 0;
    bool inWord = false;
    for (const char c : text) {
        const bool isWord =
            std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80;
        words += isWord && !inWord;
        inWord = isWord;
    }
    return Value(words);
}

Value truncate(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("truncate", arguments, {"length", "killwords", "end", "leeway"});
    const std::string text = textOf(budget, value);
    const std::string end = given.textOr(2, "...");
    const std::int64_t length = given.integerOr(0, 255);
    const std::int64_t leeway = given.integerOr(3, 5);
    const auto endLength = static_cast<std::int64_t>(characterCount(end));
    if (length < endLength || leeway < 0) {
        throw Failure("'truncate' needs a length that its end fits into");
    }
    if (static_cast<std::int64_t>(characterCount(text)) <= length + leeway) {
        return makeText(budget, text);
    }
    std::string kept = text.substr(0, byteOf(text, static_cast<std::size_t>(length - endLength)));
    if (!given.truthOr(1, false)) {
        kept = kept.substr(0, kept.rfind(' '));
    }
    return makeText(budget, kept + end);
}

Value attributeFilter(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("attr", arguments, {"name"}, 1);
    return member(budget, value, given.textOr(0, ""))
        .value_or(makeUndefined("a " + typeName(value) + " has no such attribute"));
}

const std::unordered_map<std::string, Filter>& filters() {
    static const std::unordered_map<std::string, Filter> all = [] {
        std::unordered_map<std::string, Filter> named = {
            {"upper", &changed<&upper>},
            {"lower", &changed<&lower>},
            {"capitalize", &changed<&capitalize>},
            {"title", &changed<&filterTitle>},
            {"trim", &trim},
            {"replace", &replace},
            {"string", &string},
            {"safe", &string},
            {"escape", &escape},
            {"e", &escape},
            {"forceescape", &escape},
            {"indent", &indent},
            {"tojson", &toJson},
            {"abs", &absolute},
            {"round", &round},
            {"int", &toInteger},
            {"float", &toFloat},
            {"default", &defaulted},
            {"d", &defaulted},
            {"format", &format},
            {"wordcount", &wordCount},
            {"truncate", &truncate},
            {"attr", &attributeFilter},
        };
        addListFilters(named);
        return named;
    }();
    return all;
}

}  // namespace

Filter findFilter(const std::string& name) {
    const auto found = filters().find(name);
    return found == filters().end() ? nullptr : found->second;
}

std::string unknownFilter(const std::string& name) {
    return "unknown filter '" + name.substr(0, 60) + "'";
}

}  // namespace prefbench::text::templates
