#include "core/text/templates/list_filters.h"

#include <algorithm>
#include <unordered_set>

#include "core/text/templates/arguments.h"
#include "core/text/templates/operators.h"
#include "core/text/templates/printing.h"
#include "core/text/templates/strings.h"
#include "core/text/templates/tests.h"

namespace prefbench::text::templates {

namespace {

/// "a.0.b" of an item; a whole number is a place.
class AttributeGetter {
  public:
    AttributeGetter(Budget& budget, const Value& attribute) : budget_(budget) {
        if (attribute.text() == nullptr) {
            parts_ = attribute.isNone() ? std::vector<Value>{} : std::vector<Value>{attribute};
            return;
        }
        for (const std::string& part : split(*attribute.text(), ".", -1)) {
            const bool isPlace =
                !part.empty() && std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
            const auto place = isPlace ? parseInteger(part, 10) : std::nullopt;
            parts_.push_back(place ? Value(*place) : makeText(budget, part));
        }
    }

    Value operator()(Value value, const std::optional<Value>& missing = {}) const {
        for (const Value& part : parts_) {
            budget_.step();
            value = item(budget_, value, part);
            if (missing && value.isUndefined()) {
                value = *missing;
            }
        }
        return value;
    }

  private:
    Budget& budget_;
    std::vector<Value> parts_;
};

/// What sorting compares: texts without their case, unless it is asked for.
Value sortKey(Budget& budget, const Value& value, bool caseSensitive) {
    return caseSensitive || value.text() == nullptr ? value : makeText(budget, lower(*value.text()));
}

/// Stable, also when reversed.
void sortByKeys(Budget& budget, std::vector<std::pair<Value, Value>>& keyed, bool reverse) {
    std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
        return reverse ? compare(budget, b.first, a.first) < 0 : compare(budget, a.first, b.first) < 0;
    });
}

Value secondsOf(Budget& budget, const std::vector<std::pair<Value, Value>>& keyed) {
    std::vector<Value> items;
    items.reserve(keyed.size());
    for (const auto& entry : keyed) {
        items.push_back(entry.second);
    }
    return makeSequence(budget, std::move(items));
}

Value length(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("length", arguments);
    return Value(lengthOf(budget, value));
}

Value list(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("list", arguments);
    return makeSequence(budget, iterate(budget, value).sequence()->items);
}

Value first(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("first", arguments);
    const auto items = iterate(budget, value);
    return items.size() == 0 ? makeUndefined("there is no first item, the sequence is empty") : items[0];
}

Value last(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("last", arguments);
    if (value.sequence() != nullptr && value.sequence()->kind == SequenceKind::Iterator) {
        throw Failure("'last' needs a list, found a generator");
    }
    const auto items = iterate(budget, value);
    return items.size() == 0 ? makeUndefined("there is no last item, the sequence is empty") : items[items.size() - 1];
}

Value join(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("join", arguments, {"d", "attribute"});
    const std::string separator = given.has(0) ? textOf(budget, given.at(0)) : "";
    const AttributeGetter get(budget, given.valueOr(1, Value()));
    TextBuilder out(budget);
    bool isFirst = true;
    for (const Value& item : iterate(budget, value)) {
        budget.step();
        out.add(isFirst ? "" : separator);
        out.add(textOf(budget, get(item)));
        isFirst = false;
    }
    return makeText(budget, out.take());
}

Value reverse(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("reverse", arguments);
    if (value.text() != nullptr) {
        return slice(budget, value, Value(), Value(), Value(std::int64_t(-1)));
    }
    std::vector<Value> items = iterate(budget, value).sequence()->items;
    std::reverse(items.begin(), items.end());
    return makeSequence(budget, std::move(items), SequenceKind::Iterator);
}

/// The arguments after the first `count`.
Arguments after(const Arguments& arguments, std::size_t count) {
    Arguments rest = arguments;
    rest.positional.erase(rest.positional.begin(), rest.positional.begin() + static_cast<std::ptrdiff_t>(count));
    return rest;
}

std::string nameArgument(const std::string& function, const Value& value) {
    if (value.text() == nullptr) {
        requireDefined(value);
        throw Failure("'" + function + "' needs a name, found a " + typeName(value));
    }
    return *value.text();
}

Value map(Budget& budget, const Value& value, const Arguments& arguments) {
    std::vector<Value> results;
    const auto items = iterate(budget, value);
    if (arguments.positional.empty()) {
        const BoundArguments given("map", arguments, {"attribute", "default"}, 1);
        const AttributeGetter get(budget, given.at(0));
        for (const Value& item : items) {
            results.push_back(get(item, given.has(1) ? std::optional(given.at(1)) : std::nullopt));
        }
        return makeSequence(budget, std::move(results), SequenceKind::Iterator);
    }
    const std::string name = nameArgument("map", arguments.positional[0]);
    const Filter filter = findFilter(name);
    if (filter == nullptr) {
        throw Failure(unknownFilter(name));
    }
    const Arguments passed = after(arguments, 1);
    const Budget::Nested nested(budget);
    for (const Value& item : items) {
        budget.step();
        results.push_back(filter(budget, item, passed));
    }
    return makeSequence(budget, std::move(results), SequenceKind::Iterator);
}

/// select, reject, selectattr and rejectattr.
Value chosen(Budget& budget, const Value& value, const Arguments& arguments, bool ofAttribute, bool wanted) {
    const std::size_t before = ofAttribute ? 1 : 0;
    if (arguments.positional.size() < before) {
        throw Failure("an attribute's name is missing");
    }
    const AttributeGetter get(budget, ofAttribute ? arguments.positional[0] : Value());
    Test test = nullptr;
    Arguments passed;
    if (arguments.positional.size() > before) {
        const std::string name = nameArgument("select", arguments.positional[before]);
        test = findTest(name);
        if (test == nullptr) {
            throw Failure(unknownTest(name));
        }
        passed = after(arguments, before + 1);
    }
    std::vector<Value> results;
    for (const Value& item : iterate(budget, value)) {
        budget.step();
        const Value tested = get(item);
        if ((test == nullptr ? isTrue(tested) : test(budget, tested, passed)) == wanted) {
            results.push_back(item);
        }
    }
    return makeSequence(budget, std::move(results), SequenceKind::Iterator);
}

#define CHOOSING(ofAttribute, wanted)                                    \
    [](Budget& budget, const Value& value, const Arguments& arguments) { \
        return chosen(budget, value, arguments, ofAttribute, wanted);    \
    }

Value sort(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("sort", arguments, {"reverse", "case_sensitive", "attribute"});
    const bool caseSensitive = given.truthOr(1, false);
    std::vector<AttributeGetter> getters;
    if (given.has(2) && given.at(2).text() != nullptr) {
        for (const std::string& part : split(*given.at(2).text(), ",", -1)) {
            getters.emplace_back(budget, makeText(budget, part));
        }
    } else {
        getters.emplace_back(budget, given.valueOr(2, Value()));
    }
    std::vector<std::pair<Value, Value>> keyed;
    for (const Value& item : iterate(budget, value)) {
        std::vector<Value> keys;
        for (const AttributeGetter& get : getters) {
            keys.push_back(sortKey(budget, get(item), caseSensitive));
        }
        keyed.emplace_back(makeSequence(budget, std::move(keys)), item);
    }
    sortByKeys(budget, keyed, given.truthOr(0, false));
    return secondsOf(budget, keyed);
}

const Dict& requireDict(const std::string& filter, const Value& value) {
    if (value.dict() == nullptr) {
        requireDefined(value);
        throw Failure("'" + filter + "' needs a dict, found a " + typeName(value));
    }
    return *value.dict();
}

Value dictSort(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("dictsort", arguments, {"case_sensitive", "by", "reverse"});
    const std::string by = given.textOr(1, "key");
    if (by != "key" && by != "value") {
        throw Failure("'dictsort' sorts by key or value, found '" + by.substr(0, 60) + "'");
    }
    std::vector<std::pair<Value, Value>> keyed;
    for (const auto& [key, entry] : requireDict("dictsort", value).entries) {
        keyed.emplace_back(sortKey(budget, by == "key" ? key : entry, given.truthOr(0, false)),
                           makeSequence(budget, {key, entry}, SequenceKind::Tuple));
    }
    sortByKeys(budget, keyed, given.truthOr(2, false));
    return secondsOf(budget, keyed);
}

Value items(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone("items", arguments);
    std::vector<Value> pairs;
    if (!value.isUndefined()) {
        for (const auto& [key, entry] : requireDict("items", value).entries) {
            pairs.push_back(makeSequence(budget, {key, entry}, SequenceKind::Tuple));
        }
    }
    return makeSequence(budget, std::move(pairs), SequenceKind::Iterator);
}

Value unique(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("unique", arguments, {"case_sensitive", "attribute"});
    const AttributeGetter get(budget, given.valueOr(1, Value()));
    std::unordered_set<std::string> seen;
    std::vector<Value> results;
    for (const Value& item : iterate(budget, value)) {
        if (seen.insert(hashKey(budget, sortKey(budget, get(item), given.truthOr(0, false)))).second) {
            results.push_back(item);
        }
    }
    return makeSequence(budget, std::move(results), SequenceKind::Iterator);
}

Value extreme(Budget& budget, const Value& value, const Arguments& arguments, bool isMost) {
    const BoundArguments given(isMost ? "max" : "min", arguments, {"case_sensitive", "attribute"});
    const AttributeGetter get(budget, given.valueOr(1, Value()));
    const auto found = iterate(budget, value);
    std::optional<std::pair<Value, Value>> best;
    for (const Value& item : found) {
        const Value key = sortKey(budget, get(item), given.truthOr(0, false));
        const int order = best ? compare(budget, key, best->first) : 0;
        if (!best || (isMost ? order > 0 : order < 0)) {
            best = {key, item};
        }
    }
    return best ? best->second : makeUndefined("there is no item, the sequence is empty");
}

Value sum(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("sum", arguments, {"attribute", "start"});
    const AttributeGetter get(budget, given.valueOr(0, Value()));
    Value total = given.valueOr(1, Value(std::int64_t(0)));
    if (total.text() != nullptr) {
        throw Failure("'sum' cannot add texts; use join");
    }
    for (const Value& item : iterate(budget, value)) {
        total = binary(budget, "+", total, get(item));
    }
    return total;
}

Value batch(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("batch", arguments, {"linecount", "fill_with"}, 1);
    const std::int64_t size = given.integerOr(0, 1);
    if (size < 1) {
        throw Failure("'batch' needs a positive number");
    }
    std::vector<Value> batches;
    std::vector<Value> current;
    for (const Value& item : iterate(budget, value)) {
        if (static_cast<std::int64_t>(current.size()) == size) {
            batches.push_back(makeSequence(budget, std::exchange(current, {})));
        }
        current.push_back(item);
    }
    if (!current.empty()) {
        while (given.has(1) && !given.at(1).isNone() && static_cast<std::int64_t>(current.size()) < size) {
            budget.step();
            current.push_back(given.at(1));
        }
        batches.push_back(makeSequence(budget, std::move(current)));
    }
    return makeSequence(budget, std::move(batches), SequenceKind::Iterator);
}

/// Pairs of what is common and the list of those that have it, in its order.
Value groupBy(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("groupby", arguments, {"attribute", "default", "case_sensitive"}, 1);
    const AttributeGetter get(budget, given.at(0));
    const std::optional<Value> missing = given.has(1) ? std::optional(given.at(1)) : std::nullopt;
    std::vector<std::pair<Value, Value>> keyed;
    for (const Value& item : iterate(budget, value)) {
        keyed.emplace_back(sortKey(budget, get(item, missing), given.truthOr(2, false)), item);
    }
    sortByKeys(budget, keyed, false);
    std::vector<Value> groups;
    for (std::size_t i = 0; i < keyed.size();) {
        const Value name = get(keyed[i].second, missing);
        const Value& key = keyed[i].first;
        std::vector<Value> members;
        for (; i < keyed.size() && areEqual(budget, keyed[i].first, key); ++i) {
            members.push_back(keyed[i].second);
        }
        groups.push_back(makeSequence(budget, {name, makeSequence(budget, std::move(members))}, SequenceKind::Tuple));
    }
    return makeSequence(budget, std::move(groups));
}

}  // namespace

void addListFilters(std::unordered_map<std::string, Filter>& filters) {
    const std::unordered_map<std::string, Filter> added = {
        {"length", &length},
        {"count", &length},
        {"list", &list},
        {"first", &first},
        {"last", &last},
        {"join", &join},
        {"reverse", &reverse},
        {"map", &map},
        {"select", CHOOSING(false, true)},
        {"reject", CHOOSING(false, false)},
        {"selectattr", CHOOSING(true, true)},
        {"rejectattr", CHOOSING(true, false)},
        {"sort", &sort},
        {"dictsort", &dictSort},
        {"items", &items},
        {"unique", &unique},
        {"min", [](Budget& budget, const Value& value,
                   const Arguments& given) { return extreme(budget, value, given, false); }},
        {"max", [](Budget& budget, const Value& value,
                   const Arguments& given) { return extreme(budget, value, given, true); }},
        {"sum", &sum},
        {"batch", &batch},
        {"groupby", &groupBy},
    };
    filters.insert(added.begin(), added.end());
}

#undef CHOOSING

}  // namespace prefbench::text::templates
