#include "core/text/templates/filters.h"
#include "core/text/templates/interpreter.h"
#include "core/text/templates/operators.h"
#include "core/text/templates/printing.h"
#include "core/text/templates/tests.h"

namespace prefbench::text::templates {

Value Interpreter::lookUp(const std::string& name, const ScopePtr& scope) const {
    for (const Scope* place = scope.get(); place != nullptr; place = place->outer.get()) {
        const auto found = place->variables.find(name);
        if (found != place->variables.end()) {
            return found->second;
        }
    }
    return makeUndefined("'" + name.substr(0, 200) + "' is undefined");
}

Value Interpreter::evaluate(const Expression& expression, const ScopePtr& scope) {
    const Budget::Nested nested(budget_);
    budget_.step();
    line_ = expression.line;
    switch (expression.kind) {
        case ExpressionKind::Constant:
            return expression.constant;
        case ExpressionKind::Name:
            return lookUp(expression.name, scope);
        case ExpressionKind::List:
            return makeSequence(budget_, evaluateChildren(expression, scope));
        case ExpressionKind::Tuple:
            return makeSequence(budget_, evaluateChildren(expression, scope), SequenceKind::Tuple);
        case ExpressionKind::Dict:
            return evaluateDict(expression, scope);
        case ExpressionKind::Attribute:
            return attribute(budget_, evaluateChild(expression, 0, scope), expression.name);
        case ExpressionKind::Item: {
            const std::vector<Value> parts = evaluateChildren(expression, scope);
            return item(budget_, parts[0], parts[1]);
        }
        case ExpressionKind::Slice: {
            const std::vector<Value> parts = evaluateChildren(expression, scope);
            return slice(budget_, parts[0], parts[1], parts[2], parts[3]);
        }
        case ExpressionKind::Call:
            return evaluateCall(expression, scope);
        case ExpressionKind::Filter:
            return applyFilter(expression, evaluateChild(expression, 0, scope), scope);
        case ExpressionKind::Test:
            return evaluateTest(expression, scope);
        case ExpressionKind::Not:
            return Value(!isTrue(evaluateChild(expression, 0, scope)));
        case ExpressionKind::Negative:
            return negative(evaluateChild(expression, 0, scope));
        case ExpressionKind::Positive:
            return negative(negative(evaluateChild(expression, 0, scope)));
        case ExpressionKind::Binary: {
            const std::vector<Value> parts = evaluateChildren(expression, scope);
            return binary(budget_, expression.name, parts[0], parts[1]);
        }
        case ExpressionKind::Concat:
            return evaluateConcat(expression, scope);
        case ExpressionKind::And:
        case ExpressionKind::Or:
            return evaluateLogic(expression, scope);
        case ExpressionKind::Compare:
            return evaluateCompare(expression, scope);
        case ExpressionKind::Conditional:
            return evaluateConditional(expression, scope);
    }
    throw Failure("an expression of no kind");
}

/// The line is the parent's again afterwards, for what the parent does with the value may fail.
Value Interpreter::evaluateChild(const Expression& expression, std::size_t child, const ScopePtr& scope) {
    if (expression.children[child] == nullptr) {
        return Value();
    }
    Value value = evaluate(*expression.children[child], scope);
    line_ = expression.line;
    return value;
}

std::vector<Value> Interpreter::evaluateChildren(const Expression& expression, const ScopePtr& scope) {
    std::vector<Value> values;
    values.reserve(expression.children.size());
    for (std::size_t i = 0; i < expression.children.size(); ++i) {
        values.push_back(evaluateChild(expression, i, scope));
    }
    return values;
}

Value Interpreter::evaluateDict(const Expression& expression, const ScopePtr& scope) {
    DictBuilder dict(budget_);
    for (std::size_t i = 0; i + 1 < expression.children.size(); i += 2) {
        const Value key = evaluateChild(expression, i, scope);
        dict.set(key, evaluateChild(expression, i + 1, scope));
    }
    return dict.take();
}

Value Interpreter::evaluateConcat(const Expression& expression, const ScopePtr& scope) {
    TextBuilder out(budget_);
    for (std::size_t i = 0; i < expression.children.size(); ++i) {
        out.add(textOf(budget_, evaluateChild(expression, i, scope)));
    }
    return makeText(budget_, out.take());
}

Value Interpreter::evaluateLogic(const Expression& expression, const ScopePtr& scope) {
    Value left = evaluateChild(expression, 0, scope);
    const bool isDecided = isTrue(left) == (expression.kind == ExpressionKind::Or);
    return isDecided ? left : evaluateChild(expression, 1, scope);
}

Value Interpreter::evaluateCompare(const Expression& expression, const ScopePtr& scope) {
    Value left = evaluateChild(expression, 0, scope);
    for (std::size_t i = 0; i < expression.operators.size(); ++i) {
        Value right = evaluateChild(expression, i + 1, scope);
        if (!compares(budget_, expression.operators[i], left, right)) {
            return Value(false);
        }
        left = std::move(right);
    }
    return Value(true);
}

Value Interpreter::evaluateConditional(const Expression& expression, const ScopePtr& scope) {
    if (isTrue(evaluateChild(expression, 0, scope))) {
        return evaluateChild(expression, 1, scope);
    }
    if (expression.children[2] == nullptr) {
        return makeUndefined("an inline if without an else gave nothing");
    }
    return evaluateChild(expression, 2, scope);
}

Value Interpreter::evaluateCall(const Expression& expression, const ScopePtr& scope, const Value* caller) {
    const Value callee = evaluateChild(expression, 0, scope);
    Arguments arguments = evaluateArguments(expression.arguments, scope);
    if (caller != nullptr) {
        arguments.named.emplace_back("caller", *caller);
    }
    line_ = expression.line;
    requireDefined(callee);
    const auto* callable = callee.as<std::shared_ptr<const Callable>>();
    if (callable == nullptr) {
        throw Failure("a " + typeName(callee) + " cannot be called");
    }
    Value result = (*callable)->call(arguments);
    line_ = expression.line;
    return result;
}

Value Interpreter::applyFilter(const Expression& filter, const Value& value, const ScopePtr& scope) {
    const Filter function = findFilter(filter.name);
    if (function == nullptr) {
        throw Failure(unknownFilter(filter.name));
    }
    const Arguments arguments = evaluateArguments(filter.arguments, scope);
    line_ = filter.line;
    return function(budget_, value, arguments);
}

/// A chain of filters whose innermost has no value of its own.
Value Interpreter::applyFilters(const Expression* filter, Value value, const ScopePtr& scope) {
    if (filter == nullptr) {
        return value;
    }
    const Budget::Nested nested(budget_);
    Value inner = applyFilters(filter->children[0].get(), std::move(value), scope);
    return applyFilter(*filter, inner, scope);
}

Value Interpreter::evaluateTest(const Expression& expression, const ScopePtr& scope) {
    const Test test = findTest(expression.name);
    if (test == nullptr) {
        throw Failure(unknownTest(expression.name));
    }
    const Value value = evaluateChild(expression, 0, scope);
    const Arguments arguments = evaluateArguments(expression.arguments, scope);
    line_ = expression.line;
    return Value(test(budget_, value, arguments));
}

Arguments Interpreter::evaluateArguments(const CallArguments& arguments, const ScopePtr& scope) {
    Arguments values;
    for (const ExpressionPtr& argument : arguments.positional) {
        values.positional.push_back(evaluate(*argument, scope));
    }
    for (const auto& [name, argument] : arguments.named) {
        values.named.emplace_back(name, evaluate(*argument, scope));
    }
    if (arguments.star != nullptr) {
        const auto more = iterate(budget_, evaluate(*arguments.star, scope));
        budget_.step(more.size());
        values.positional.insert(values.positional.end(), more.begin(), more.end());
    }
    if (arguments.doubleStar != nullptr) {
        const Value more = evaluate(*arguments.doubleStar, scope);
        if (more.dict() == nullptr) {
            throw Failure("what follows ** must be a dict, found a " + typeName(more));
        }
        budget_.step(more.dict()->entries.size());
        for (const auto& [key, value] : more.dict()->entries) {
            values.named.emplace_back(textOf(budget_, key), value);
        }
    }
    return values;
}

}  // namespace prefbench::text::templates
