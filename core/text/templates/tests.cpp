#include "core/text/templates/tests.h"

#include <unordered_map>

#include "core/text/templates/arguments.h"
#include "core/text/templates/filters.h"
#include "core/text/templates/operators.h"
#include "core/text/templates/printing.h"
#include "core/text/templates/strings.h"

namespace prefbench::text::templates {

namespace {

void takesNone(const Arguments& arguments) {
    takesNone("test", arguments);
}

template <bool (*isOfKind)(const Value&)>
bool kind(Budget&, const Value& value, const Arguments& arguments) {
    takesNone(arguments);
    return isOfKind(value);
}

bool isDefined(const Value& value) {
    return !value.isUndefined();
}
bool isUndefined(const Value& value) {
    return value.isUndefined();
}
bool isNone(const Value& value) {
    return value.isNone();
}
bool isBoolean(const Value& value) {
    return value.as<bool>() != nullptr;
}
bool isTrueItself(const Value& value) {
    return isBoolean(value) && *value.as<bool>();
}
bool isFalseItself(const Value& value) {
    return isBoolean(value) && !*value.as<bool>();
}
bool isInteger(const Value& value) {
    return value.as<std::int64_t>() != nullptr;
}
bool isFloat(const Value& value) {
    return value.as<double>() != nullptr;
}
bool isString(const Value& value) {
    return value.text() != nullptr;
}
bool isMapping(const Value& value) {
    return value.dict() != nullptr;
}
bool isCallable(const Value& value) {
    return value.as<std::shared_ptr<const Callable>>() != nullptr;
}
bool isNever(const Value&) {
    return false;
}
bool isSequence(const Value& value) {
    const Sequence* sequence = value.sequence();
    return isString(value) || isMapping(value) ||
           (sequence != nullptr && (sequence->kind == SequenceKind::List || sequence->kind == SequenceKind::Tuple ||
                                    sequence->kind == SequenceKind::Range));
}
bool isIterable(const Value& value) {
    return isString(value) || isMapping(value) || value.sequence() != nullptr || value.isUndefined() ||
           value.as<std::shared_ptr<const Loop>>() != nullptr;
}

template <bool (*test)(std::string_view)>
bool hasCase(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone(arguments);
    return test(textOf(budget, value));
}

/// value % divisor == rest
bool leaves(Budget& budget, const Value& value, std::int64_t divisor, std::int64_t rest) {
    return areEqual(budget, binary(budget, "%", value, Value(divisor)), Value(rest));
}

bool isOdd(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone(arguments);
    return leaves(budget, value, 2, 1);
}
bool isEven(Budget& budget, const Value& value, const Arguments& arguments) {
    takesNone(arguments);
    return leaves(budget, value, 2, 0);
}
bool isDivisible(Budget& budget, const Value& value, const Arguments& arguments) {
    return leaves(budget, value, BoundArguments("divisibleby", arguments, {"num"}, 1).integerOr(0, 1), 0);
}

bool isSame(Budget& budget, const Value& value, const Arguments& arguments) {
    const BoundArguments given("sameas", arguments, {"other"}, 1);
    return value.data.index() == given.at(0).data.index() && areEqual(budget, value, given.at(0));
}

bool isIn(Budget& budget, const Value& value, const Arguments& arguments) {
    return contains(budget, BoundArguments("in", arguments, {"seq"}, 1).at(0), value);
}

bool isFilter(Budget&, const Value& value, const Arguments& arguments) {
    takesNone(arguments);
    return value.text() != nullptr && findFilter(*value.text()) != nullptr;
}
bool isTest(Budget&, const Value& value, const Arguments& arguments) {
    takesNone(arguments);
    return value.text() != nullptr && findTest(*value.text()) != nullptr;
}

#define COMPARISON(operation)                                                       \
    [](Budget& budget, const Value& value, const Arguments& arguments) {            \
        const BoundArguments given("the test " operation, arguments, {"other"}, 1); \
        return compares(budget, operation, value, given.at(0));                     \
    }

const std::unordered_map<std::string, Test>& tests() {
    static const std::unordered_map<std::string, Test> all = {
        {"defined", &kind<&isDefined>},
        {"undefined", &kind<&isUndefined>},
        {"none", &kind<&isNone>},
        {"boolean", &kind<&isBoolean>},
        {"true", &kind<&isTrueItself>},
        {"false", &kind<&isFalseItself>},
        {"integer", &kind<&isInteger>},
        {"float", &kind<&isFloat>},
        {"number", &kind<&isNumber>},
        {"string", &kind<&isString>},
        {"mapping", &kind<&isMapping>},
        {"sequence", &kind<&isSequence>},
        {"iterable", &kind<&isIterable>},
        {"callable", &kind<&isCallable>},
        {"escaped", &kind<&isNever>},
        {"lower", &hasCase<&isLower>},
        {"upper", &hasCase<&isUpper>},
        {"odd", &isOdd},
        {"even", &isEven},
        {"divisibleby", &isDivisible},
        {"sameas", &isSame},
        {"in", &isIn},
        {"filter", &isFilter},
        {"test", &isTest},
        {"eq", COMPARISON("==")},
        {"equalto", COMPARISON("==")},
        {"==", COMPARISON("==")},
        {"ne", COMPARISON("!=")},
        {"!=", COMPARISON("!=")},
        {"gt", COMPARISON(">")},
        {"greaterthan", COMPARISON(">")},
        {">", COMPARISON(">")},
        {"ge", COMPARISON(">=")},
        {">=", COMPARISON(">=")},
        {"lt", COMPARISON("<")},
        {"lessthan", COMPARISON("<")},
        {"<", COMPARISON("<")},
        {"le", COMPARISON("<=")},
        {"<=", COMPARISON("<=")},
    };
    return all;
}

#undef COMPARISON

}  // namespace

Test findTest(const std::string& name) {
    const auto found = tests().find(name);
    return found == tests().end() ? nullptr : found->second;
}

std::string unknownTest(const std::string& name) {
    return "unknown test '" + name.substr(0, 60) + "'";
}

}  // namespace prefbench::text::templates
