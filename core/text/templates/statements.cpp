#include <algorithm>

#include "core/text/templates/functions.h"
#include "core/text/templates/interpreter.h"
#include "core/text/templates/printing.h"

namespace prefbench::text::templates {

namespace {

ScopePtr scopeInside(const ScopePtr& outer) {
    auto scope = std::make_shared<Scope>();
    scope->outer = outer;
    return scope;
}

}  // namespace

Interpreter::Interpreter(Budget& budget) : budget_(budget), root_(std::make_shared<Scope>()) {
    for (auto& [name, function] : globalFunctions(budget)) {
        root_->variables.emplace(name, std::move(function));
    }
    root_->variables.emplace("namespace", makeFunction("namespace", [this](const Arguments& arguments) {
                                 return makeNamespace(arguments);
                             }));
}

Interpreter::~Interpreter() {
    for (const ScopePtr& scope : captured_) {
        scope->variables.clear();
    }
    for (const auto& space : namespaces_) {
        space->entries.clear();
    }
}

std::string Interpreter::render(const Body& body) {
    TextBuilder out(budget_);
    execute(body, scopeInside(root_), out);
    return out.take();
}

Interpreter::Flow Interpreter::execute(const Body& body, const ScopePtr& scope, TextBuilder& out) {
    const Budget::Nested nested(budget_);
    for (const auto& statement : body) {
        const Flow flow = execute(*statement, scope, out);
        if (flow != Flow::Normal) {
            return flow;
        }
    }
    return Flow::Normal;
}

Interpreter::Flow Interpreter::execute(const Statement& statement, const ScopePtr& scope, TextBuilder& out) {
    budget_.step();
    line_ = statement.line;
    Flow flow = Flow::Normal;
    switch (statement.kind) {
        case StatementKind::Text:
            out.add(statement.text);
            break;
        case StatementKind::Output:
            out.add(textOf(budget_, evaluate(*statement.expressions[0], scope)));
            break;
        case StatementKind::For:
            executeFor(statement, scope, out, flow);
            break;
        case StatementKind::If:
            return executeIf(statement, scope, out);
        case StatementKind::Set:
            assign(statement.targets[0], evaluate(*statement.expressions[0], scope), scope);
            break;
        case StatementKind::SetBlock:
            assign(statement.targets[0],
                   applyFilters(statement.expressions[0].get(), written(statement.bodies[0], scope), scope), scope);
            break;
        case StatementKind::Macro:
            scope->variables[statement.macro.name] = makeMacro(statement.macro, scope);
            break;
        case StatementKind::CallBlock:
            out.add(textOf(budget_, callWithCaller(statement, scope)));
            break;
        case StatementKind::FilterBlock:
            out.add(textOf(budget_,
                           applyFilters(statement.expressions[0].get(), written(statement.bodies[0], scope), scope)));
            break;
        case StatementKind::With:
            executeWith(statement, scope, out);
            break;
        case StatementKind::Scope:
            execute(statement.bodies[0], scopeInside(scope), out);
            break;
        case StatementKind::Break:
            return Flow::Break;
        case StatementKind::Continue:
            return Flow::Continue;
    }
    return flow;
}

/// What the loop visits: all, or those that meet its condition.
Items Interpreter::visited(const Statement& statement, const ScopePtr& scope) {
    const auto all = iterate(budget_, evaluate(*statement.expressions[0], scope));
    if (statement.expressions.size() < 2) {
        return all;
    }
    std::vector<Value> chosen;
    for (const Value& item : all) {
        const ScopePtr inside = scopeInside(scope);
        assign(statement.targets[0], item, inside);
        if (isTrue(evaluate(*statement.expressions[1], inside))) {
            chosen.push_back(item);
        }
    }
    return iterate(budget_, makeSequence(budget_, std::move(chosen)));
}

void Interpreter::executeFor(const Statement& statement, const ScopePtr& scope, TextBuilder& out, Flow& flow) {
    const auto items = visited(statement, scope);
    if (items.size() == 0 && statement.bodies.size() > 1) {
        flow = execute(statement.bodies[1], scopeInside(scope), out);
        return;
    }
    auto loop = std::make_shared<Loop>();
    loop->items = items.sequence();
    for (std::size_t i = 0; i < items.size(); ++i) {
        loop->index = i;
        const ScopePtr inside = scopeInside(scope);
        inside->variables.emplace("loop", Value(std::shared_ptr<const Loop>(loop)));
        assign(statement.targets[0], items[i], inside);
        if (execute(statement.bodies[0], inside, out) == Flow::Break) {
            break;
        }
    }
}

Interpreter::Flow Interpreter::executeIf(const Statement& statement, const ScopePtr& scope, TextBuilder& out) {
    for (std::size_t i = 0; i < statement.bodies.size(); ++i) {
        if (i == statement.expressions.size() || isTrue(evaluate(*statement.expressions[i], scope))) {
            return execute(statement.bodies[i], scope, out);
        }
    }
    return Flow::Normal;
}

void Interpreter::executeWith(const Statement& statement, const ScopePtr& scope, TextBuilder& out) {
    const ScopePtr inside = scopeInside(scope);
    for (std::size_t i = 0; i < statement.targets.size(); ++i) {
        assign(statement.targets[i], evaluate(*statement.expressions[i], scope), inside);
    }
    execute(statement.bodies[0], inside, out);
}

void Interpreter::assign(const Target& target, Value value, const ScopePtr& scope) {
    if (!target.isTuple && target.attribute.empty()) {
        scope->variables[target.name] = std::move(value);
        return;
    }
    if (!target.isTuple) {
        assignAttribute(target, std::move(value), scope);
        return;
    }
    const auto parts = iterate(budget_, value);
    if (parts.size() != target.parts.size()) {
        throw Failure(std::to_string(target.parts.size()) + " names for " + std::to_string(parts.size()) + " values");
    }
    for (std::size_t i = 0; i < target.parts.size(); ++i) {
        assign(target.parts[i], parts[i], scope);
    }
}

void Interpreter::assignAttribute(const Target& target, Value value, const ScopePtr& scope) {
    const Value owner = lookUp(target.name, scope);
    const auto* space = owner.as<std::shared_ptr<Namespace>>();
    if (space == nullptr) {
        throw Failure("cannot assign an attribute of '" + target.name + "', which is no namespace");
    }
    if (target.attribute.starts_with('_')) {
        throw Failure("a namespace cannot have the attribute '" + target.attribute +
                      "', which begins with an underscore");
    }
    (*space)->set(target.attribute, std::move(value));
}

Value Interpreter::written(const Body& body, const ScopePtr& scope) {
    TextBuilder out(budget_);
    execute(body, scopeInside(scope), out);
    return makeText(budget_, out.take());
}

Value Interpreter::makeNamespace(const Arguments& arguments) {
    const Value entries = makeDict(budget_, "namespace", arguments);
    auto space = std::make_shared<Namespace>();
    for (const auto& [key, value] : entries.dict()->entries) {
        if (key.text() != nullptr && key.text()->starts_with('_')) {
            throw Failure("a namespace cannot have the attribute '" + key.text()->substr(0, 60) +
                          "', which begins with an underscore");
        }
        space->set(textOf(budget_, key), value);
    }
    namespaces_.push_back(space);
    return Value(std::move(space));
}

Value Interpreter::makeMacro(const MacroSource& source, const ScopePtr& scope) {
    captured_.push_back(scope);
    const std::weak_ptr<Scope> definition = scope;
    return makeFunction(source.name, [this, &source, definition](const Arguments& arguments) {
        return callMacro(source, definition.lock(), arguments);
    });
}

Value Interpreter::callMacro(const MacroSource& source, const ScopePtr& definition, const Arguments& arguments) {
    const ScopePtr inside = scopeInside(definition);
    bindParameters(source, arguments, inside);
    TextBuilder out(budget_);
    execute(source.body, inside, out);
    return makeText(budget_, out.take());
}

void Interpreter::bindParameters(const MacroSource& source, const Arguments& arguments, const ScopePtr& scope) {
    const std::vector<std::string>& names = source.parameters;
    std::unordered_map<std::string, Value> named(arguments.named.begin(), arguments.named.end());
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::size_t withDefault = names.size() - source.defaults.size();
        const auto given = named.find(names[i]);
        if (given != named.end() && i < arguments.positional.size()) {
            throw Failure("the macro '" + source.name + "' is given '" + names[i] + "' twice");
        }
        scope->variables[names[i]] =
            i < arguments.positional.size() ? arguments.positional[i]
            : given != named.end()          ? given->second
            : i >= withDefault              ? evaluate(*source.defaults[i - withDefault], scope)
                               : makeUndefined("the macro '" + source.name + "' is not given '" + names[i] + "'");
        named.erase(names[i]);
    }
    if (const auto caller = named.find("caller"); source.usesCaller) {
        scope->variables["caller"] = caller != named.end() ? caller->second : makeUndefined("no caller is given");
        named.erase("caller");
    }
    if (source.usesKwargs) {
        DictBuilder rest(budget_);
        for (const auto& [name, value] : arguments.named) {
            if (named.contains(name)) {
                rest.set(name, value);
            }
        }
        scope->variables["kwargs"] = rest.take();
    } else if (!named.empty()) {
        throw Failure("the macro '" + source.name + "' has no parameter '" + named.begin()->first.substr(0, 60) + "'");
    }
    std::vector<Value> rest(
        arguments.positional.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), arguments.positional.size())),
        arguments.positional.end());
    if (source.usesVarargs) {
        scope->variables["varargs"] = makeSequence(budget_, std::move(rest), SequenceKind::Tuple);
    } else if (!rest.empty()) {
        throw Failure("the macro '" + source.name + "' takes at most " + std::to_string(names.size()) + " arguments");
    }
}

Value Interpreter::callWithCaller(const Statement& statement, const ScopePtr& scope) {
    const Value caller = makeMacro(statement.macro, scope);
    return evaluateCall(*statement.expressions[0], scope, &caller);
}

}  // namespace prefbench::text::templates
