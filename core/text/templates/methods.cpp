#include "core/text/templates/methods.h"

#include <algorithm>
#include <set>
#include <unordered_map>

#include "core/text/templates/arguments.h"
#include "core/text/templates/format.h"
#include "core/text/templates/operators.h"
#include "core/text/templates/printing.h"
#include "core/text/templates/strings.h"
#include "core/text/utf8.h"

namespace prefbench::text::templates {

namespace {

using Method = Value (*)(Budget&, const Value& self, const Arguments&);
using Methods = std::unordered_map<std::string, Method>;

const std::string& selfText(const Value& self) {
    return *self.text();
}

Value texts(Budget& budget, std::vector<std::string> parts, SequenceKind kind = SequenceKind::List) {
    std::vector<Value> items;
    items.reserve(parts.size());
    for (std::string& part : parts) {
        items.push_back(makeText(budget, std::move(part)));
    }
    return makeSequence(budget, std::move(items), kind);
}

template <std::string (*change)(std::string_view)>
Value changed(Budget& budget, const Value& self, const Arguments& arguments) {
    takesNone("str method", arguments);
    budget.text(selfText(self).size());
    return makeText(budget, change(selfText(self)));
}

Value strip(Budget& budget, const Value& self, const Arguments& arguments, bool left, bool right) {
    const BoundArguments given("strip", arguments, {"chars"});
    const auto characters = given.text(0);
    std::string_view text = selfText(self);
    budget.text(text.size());
    if (characters) {
        // Every character stripped is looked for in all of `characters`.
        budget.step(text.size() / 32 * (characters->size() / 32 + 1));
        text = left ? leftStripped(text, *characters) : text;
        text = right ? rightStripped(text, *characters) : text;
    } else {
        text = left ? leftStripped(text) : text;
        text = right ? rightStripped(text) : text;
    }
    return makeText(budget, std::string(text));
}

Value split(Budget& budget, const Value& self, const Arguments& arguments, bool fromRight) {
    const BoundArguments given("split", arguments, {"sep", "maxsplit"});
    const auto separator = given.text(0);
    if (separator && separator->empty()) {
        throw Failure("'split' needs a separator that is not empty");
    }
    const std::int64_t most = given.integerOr(1, -1);
    budget.text(selfText(self).size());
    const std::optional<std::string_view> at = separator ? std::optional<std::string_view>(*separator) : std::nullopt;
    budget.step(at ? static_cast<std::size_t>(occurrences(selfText(self), *at, most)) : selfText(self).size() / 2);
    return texts(budget, fromRight ? rightSplit(selfText(self), at, most) : templates::split(selfText(self), at, most));
}

Value partition(Budget& budget, const Value& self, const Arguments& arguments, bool fromRight) {
    const BoundArguments given("partition", arguments, {"sep"}, 1);
    const std::string separator = given.textOr(0, "");
    const std::string& text = selfText(self);
    if (separator.empty()) {
        throw Failure("'partition' needs a separator that is not empty");
    }
    const std::size_t found = fromRight ? text.rfind(separator) : text.find(separator);
    if (found == std::string::npos) {
        return texts(budget,
                     fromRight ? std::vector<std::string>{"", "", text} : std::vector<std::string>{text, "", ""},
                     SequenceKind::Tuple);
    }
    return texts(budget, {text.substr(0, found), separator, text.substr(found + separator.size())},
                 SequenceKind::Tuple);
}

/// startswith and endswith take a text or a tuple of them, and bounds.
Value affix(Budget& budget, const Value& self, const Arguments& arguments, bool atEnd) {
    const BoundArguments given(atEnd ? "endswith" : "startswith", arguments, {"prefix", "start", "end"}, 1);
    const Value part = slice(budget, self, given.valueOr(1, Value()), given.valueOr(2, Value()), Value());
    const std::string& text = *part.text();
    const auto matches = [&](const Value& wanted) {
        if (wanted.text() == nullptr) {
            requireDefined(wanted);
            throw Failure(std::string(atEnd ? "'endswith'" : "'startswith'") + " needs a str, found a " +
                          typeName(wanted));
        }
        budget.text(wanted.text()->size());
        return atEnd ? text.ends_with(*wanted.text()) : text.starts_with(*wanted.text());
    };
    const Sequence* several = given.at(0).sequence();
    if (several != nullptr && several->kind == SequenceKind::Tuple) {
        return Value(std::any_of(several->items.begin(), several->items.end(), matches));
    }
    return Value(matches(given.at(0)));
}

Value replace(Budget& budget, const Value& self, const Arguments& arguments) {
    const BoundArguments given("replace", arguments, {"old", "new", "count"}, 2);
    const std::string old = given.textOr(0, "");
    const std::string by = given.textOr(1, "");
    const std::int64_t most = given.integerOr(2, -1);
    budget.text(selfText(self).size());
    const auto count = static_cast<std::size_t>(occurrences(selfText(self), old, most));
    if (!by.empty() && count > budget.limits().textBytes / by.size()) {
        budget.text(budget.limits().textBytes + 1);
    }
    return makeText(budget, replaced(selfText(self), old, by, most));
}

Value join(Budget& budget, const Value& self, const Arguments& arguments) {
    const BoundArguments given("join", arguments, {"iterable"}, 1);
    TextBuilder out(budget);
    bool isFirst = true;
    for (const Value& item : iterate(budget, given.at(0))) {
        if (item.text() == nullptr) {
            requireDefined(item);
            throw Failure("'join' needs a str in each place, found a " + typeName(item));
        }
        out.add(isFirst ? std::string_view() : std::string_view(selfText(self)));
        out.add(*item.text());
        isFirst = false;
    }
    return makeText(budget, out.take());
}

/// Where `sub` is, in characters; -1 when nowhere.
std::int64_t position(Budget& budget, const Value& self, const Arguments& arguments, bool fromRight) {
    const BoundArguments given("find", arguments, {"sub", "start", "end"}, 1);
    const Value part = slice(budget, self, given.valueOr(1, Value()), given.valueOr(2, Value()), Value());
    const std::string wanted = given.textOr(0, "");
    budget.text(part.text()->size());
    const std::size_t found = fromRight ? part.text()->rfind(wanted) : part.text()->find(wanted);
    if (found == std::string::npos) {
        return -1;
    }
    const std::int64_t length = lengthOf(budget, self);
    std::int64_t start = given.integerOr(1, 0);
    start = std::clamp<std::int64_t>(start < 0 ? start + length : start, 0, length);
    return start + static_cast<std::int64_t>(characterCount(std::string_view(*part.text()).substr(0, found)));
}

Value find(Budget& budget, const Value& self, const Arguments& arguments) {
    return Value(position(budget, self, arguments, false));
}

Value rightFind(Budget& budget, const Value& self, const Arguments& arguments) {
    return Value(position(budget, self, arguments, true));
}

Value index(Budget& budget, const Value& self, const Arguments& arguments) {
    const std::int64_t found = position(budget, self, arguments, false);
    if (found < 0) {
        throw Failure("'index' finds no such part");
    }
    return Value(found);
}

Value count(Budget& budget, const Value& self, const Arguments& arguments) {
    const BoundArguments given("count", arguments, {"sub", "start", "end"}, 1);
    const Value part = slice(budget, self, given.valueOr(1, Value()), given.valueOr(2, Value()), Value());
    budget.text(part.text()->size());
    return Value(occurrences(*part.text(), given.textOr(0, "")));
}

Value splitLines(Budget& budget, const Value& self, const Arguments& arguments) {
    const BoundArguments given("splitlines", arguments, {"keepends"});
    budget.step(selfText(self).size() / 2);
    return texts(budget, templates::splitLines(selfText(self), given.truthOr(0, false)));
}

enum class Side { Left, Right, Both };

/// ljust, rjust and center.
Value justify(Budget& budget, const Value& self, const Arguments& arguments, Side side) {
    const BoundArguments given("center", arguments, {"width", "fillchar"}, 1);
    const std::string fill = given.textOr(1, " ");
    if (characterCount(fill) != 1) {
        throw Failure("the character to fill with must be one character");
    }
    const std::int64_t length = lengthOf(budget, self);
    const std::int64_t width = given.integerOr(0, 0);
    if (width > static_cast<std::int64_t>(budget.limits().textBytes / 4)) {
        budget.text(budget.limits().textBytes + 1);
    }
    const std::int64_t missing = std::max<std::int64_t>(0, width - length);
    const std::int64_t left = side == Side::Left    ? 0
                              : side == Side::Right ? missing
                                                    : missing / 2 + (missing & width & 1);
    std::string out;
    for (std::int64_t i = 0; i < left; ++i) {
        out += fill;
    }
    out += selfText(self);
    for (std::int64_t i = left; i < missing; ++i) {
        out += fill;
    }
    return makeText(budget, std::move(out));
}

Value zeroFill(Budget& budget, const Value& self, const Arguments& arguments) {
    const BoundArguments given("zfill", arguments, {"width"}, 1);
    const std::string& text = selfText(self);
    const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
    const std::int64_t missing = given.integerOr(0, 0) - lengthOf(budget, self);
    if (missing > static_cast<std::int64_t>(budget.limits().textBytes)) {
        budget.text(budget.limits().textBytes + 1);
    }
    return makeText(budget, text.substr(0, sign) +
                                std::string(static_cast<std::size_t>(std::max<std::int64_t>(missing, 0)), '0') +
                                text.substr(sign));
}

Value withoutAffix(Budget& budget, const Value& self, const Arguments& arguments, bool atEnd) {
    const BoundArguments given(atEnd ? "removesuffix" : "removeprefix", arguments, {"affix"}, 1);
    std::string text = selfText(self);
    const std::string part = given.textOr(0, "");
    if (atEnd ? text.ends_with(part) : text.starts_with(part)) {
        text.erase(atEnd ? text.size() - part.size() : 0, part.size());
    }
    return makeText(budget, std::move(text));
}

/// Whether the text is not empty and every character is of a kind.
template <bool (*isOfKind)(char32_t)>
Value consistsOf(Budget& budget, const Value& self, const Arguments& arguments) {
    takesNone("str method", arguments);
    std::string_view text = selfText(self);
    budget.text(text.size());
    bool all = !text.empty();
    while (all && !text.empty()) {
        all = isOfKind(takeCharacter(text));
    }
    return Value(all);
}

bool isAlphabeticOrDigit(char32_t character) {
    return isAlphabetic(character) || isDecimalDigit(character);
}

template <bool (*test)(std::string_view)>
Value hasCase(Budget& budget, const Value& self, const Arguments& arguments) {
    takesNone("str method", arguments);
    budget.text(selfText(self).size());
    return Value(test(selfText(self)));
}

#define METHOD(call) [](Budget& budget, const Value& self, const Arguments& arguments) { return call; }

const Methods& textMethods() {
    static const Methods methods = {
        {"strip", METHOD(strip(budget, self, arguments, true, true))},
        {"lstrip", METHOD(strip(budget, self, arguments, true, false))},
        {"rstrip", METHOD(strip(budget, self, arguments, false, true))},
        {"split", METHOD(split(budget, self, arguments, false))},
        {"rsplit", METHOD(split(budget, self, arguments, true))},
        {"splitlines", &splitLines},
        {"partition", METHOD(partition(budget, self, arguments, false))},
        {"rpartition", METHOD(partition(budget, self, arguments, true))},
        {"startswith", METHOD(affix(budget, self, arguments, false))},
        {"endswith", METHOD(affix(budget, self, arguments, true))},
        {"removeprefix", METHOD(withoutAffix(budget, self, arguments, false))},
        {"removesuffix", METHOD(withoutAffix(budget, self, arguments, true))},
        {"replace", &replace},
        {"join", &join},
        {"find", &find},
        {"rfind", &rightFind},
        {"index", &index},
        {"count", &count},
        {"ljust", METHOD(justify(budget, self, arguments, Side::Left))},
        {"rjust", METHOD(justify(budget, self, arguments, Side::Right))},
        {"center", METHOD(justify(budget, self, arguments, Side::Both))},
        {"zfill", &zeroFill},
        {"format", METHOD(makeText(budget, braceFormat(budget, selfText(self), arguments)))},
        {"upper", &changed<&upper>},
        {"lower", &changed<&lower>},
        {"casefold", &changed<&lower>},
        {"capitalize", &changed<&capitalize>},
        {"title", &changed<&title>},
        {"isupper", &hasCase<&isUpper>},
        {"islower", &hasCase<&isLower>},
        {"isspace", &consistsOf<&isSpace>},
        {"isalpha", &consistsOf<&isAlphabetic>},
        {"isalnum", &consistsOf<&isAlphabeticOrDigit>},
        {"isdigit", &consistsOf<&isDecimalDigit>},
        {"isdecimal", &consistsOf<&isDecimalDigit>},
        {"isnumeric", &consistsOf<&isDecimalDigit>},
    };
    return methods;
}

Value listCount(Budget& budget, const Value& self, const Arguments& arguments) {
    const BoundArguments given("count", arguments, {"value"}, 1);
    std::int64_t found = 0;
    for (const Value& item : self.sequence()->items) {
        found += areEqual(budget, item, given.at(0)) ? 1 : 0;
    }
    return Value(found);
}

Value listIndex(Budget& budget, const Value& self, const Arguments& arguments) {
    const BoundArguments given("index", arguments, {"value"}, 1);
    const std::vector<Value>& items = self.sequence()->items;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (areEqual(budget, items[i], given.at(0))) {
            return Value(static_cast<std::int64_t>(i));
        }
    }
    throw Failure("'index' finds no such entry");
}

const Methods& listMethods() {
    static const Methods methods = {{"count", &listCount}, {"index", &listIndex}};
    return methods;
}

Value dictView(Budget& budget, const Value& self, const Arguments& arguments, SequenceKind kind) {
    takesNone("a view of a dict", arguments);
    std::vector<Value> items;
    for (const auto& [key, value] : self.dict()->entries) {
        items.push_back(kind == SequenceKind::Keys     ? key
                        : kind == SequenceKind::Values ? value
                                                       : makeSequence(budget, {key, value}, SequenceKind::Tuple));
    }
    return makeSequence(budget, std::move(items), kind);
}

Value dictGet(Budget& budget, const Value& self, const Arguments& arguments) {
    const BoundArguments given("get", arguments, {"key", "default"}, 1);
    if (given.at(0).isUndefined()) {
        return given.valueOr(1, Value());
    }
    const Value* found = self.dict()->find(budget, given.at(0));
    return found != nullptr ? *found : given.valueOr(1, Value());
}

const Methods& dictMethods() {
    static const Methods methods = {
        {"items", METHOD(dictView(budget, self, arguments, SequenceKind::Items))},
        {"keys", METHOD(dictView(budget, self, arguments, SequenceKind::Keys))},
        {"values", METHOD(dictView(budget, self, arguments, SequenceKind::Values))},
        {"get", &dictGet},
    };
    return methods;
}

#undef METHOD

Value loopCycle(Budget&, const Value& self, const Arguments& arguments) {
    if (arguments.positional.empty()) {
        throw Failure("'cycle' needs something to cycle through");
    }
    const Loop& loop = **self.as<std::shared_ptr<const Loop>>();
    return arguments.positional[loop.index % arguments.positional.size()];
}

std::optional<Value> loopAttribute(const Loop& loop, const std::string& name) {
    const std::vector<Value>& items = loop.items->items;
    const auto number = [](std::size_t value) { return Value(static_cast<std::int64_t>(value)); };
    if (name == "index" || name == "index0") {
        return number(loop.index + (name == "index" ? 1 : 0));
    }
    if (name == "revindex" || name == "revindex0") {
        return number(items.size() - loop.index - (name == "revindex" ? 0 : 1));
    }
    if (name == "first" || name == "last") {
        return Value(name == "first" ? loop.index == 0 : loop.index + 1 == items.size());
    }
    if (name == "length") {
        return number(items.size());
    }
    if (name == "depth" || name == "depth0") {
        return number(name == "depth" ? 1 : 0);  // it grows in recursive loops only
    }
    if (name == "previtem") {
        return loop.index > 0 ? items[loop.index - 1] : makeUndefined("there is no previous item");
    }
    if (name == "nextitem") {
        return loop.index + 1 < items.size() ? items[loop.index + 1] : makeUndefined("there is no next item");
    }
    return std::nullopt;
}

bool changesItsOwner(const Value& owner, const std::string& name) {
    static const std::set<std::string> ofLists = {"append", "clear", "pop",    "reverse",
                                                  "insert", "sort",  "extend", "remove"};
    static const std::set<std::string> ofDicts = {"clear", "pop", "popitem", "setdefault", "update"};
    return (owner.sequence() != nullptr && owner.sequence()->kind == SequenceKind::List && ofLists.contains(name)) ||
           (owner.dict() != nullptr && ofDicts.contains(name));
}

Value bind(Budget& budget, const Value& owner, const std::string& name, Method method) {
    const int depth = depthOf(owner) + 1;
    budget.valueDepth(depth);
    auto callable = std::make_shared<Callable>();
    callable->name = name;
    callable->depth = depth;
    callable->call = [&budget, owner, method](const Arguments& arguments) { return method(budget, owner, arguments); };
    return Value(std::shared_ptr<const Callable>(std::move(callable)));
}

}  // namespace

std::optional<Value> member(Budget& budget, const Value& owner, const std::string& name) {
    static const Methods none;
    if (const auto* space = owner.as<std::shared_ptr<Namespace>>()) {
        const Value* found = (*space)->find(name);
        return found == nullptr ? std::nullopt : std::optional(*found);
    }
    if (const auto* loop = owner.as<std::shared_ptr<const Loop>>()) {
        return name == "cycle" ? bind(budget, owner, name, &loopCycle) : loopAttribute(**loop, name);
    }
    const bool isList = owner.sequence() != nullptr &&
                        (owner.sequence()->kind == SequenceKind::List || owner.sequence()->kind == SequenceKind::Tuple);
    const Methods& methods = owner.text() != nullptr   ? textMethods()
                             : owner.dict() != nullptr ? dictMethods()
                             : isList                  ? listMethods()
                                                       : none;
    if (const auto found = methods.find(name); found != methods.end()) {
        return bind(budget, owner, name, found->second);
    }
    const bool isPrivate = name.starts_with("__") && name.ends_with("__");
    if (isPrivate || changesItsOwner(owner, name)) {
        return makeForbidden(name.substr(0, 60), owner);
    }
    return std::nullopt;
}

}  // namespace prefbench::text::templates
