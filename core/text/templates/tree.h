#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<const Expression>;
using Body = std::vector<std::unique_ptr<const Statement>>;

enum class ExpressionKind {
    Constant,
    Name,
    List,
    Tuple,
    Dict,       ///< children: key, value, key, value…
    Attribute,  ///< child.name
    Item,       ///< child[child]
    Slice,      ///< child[child:child:child]; what is left out is null
    Call,       ///< child(arguments)
    Filter,     ///< child | name(arguments); without a child, of what the block made
    Test,       ///< child is name(arguments)
    Not,
    Negative,
    Positive,
    Binary,  ///< child name child, where name is + - * / // % **
    Concat,
    And,
    Or,
    Compare,     ///< child operators[0] child operators[1] child…
    Conditional  ///< children: condition, then, else or null
};

struct CallArguments {
    std::vector<ExpressionPtr> positional;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
    ExpressionPtr star, doubleStar;
};

struct Expression {
    ExpressionKind kind = ExpressionKind::Constant;
    int line = 0;
    int depth = 1;
    std::string name;
    Value constant;
    std::vector<ExpressionPtr> children;
    std::vector<std::string> operators;
    CallArguments arguments;
};

/// What is assigned to: a name, a namespace's attribute, or several of them in a tuple.
struct Target {
    std::string name;
    std::string attribute;
    std::vector<Target> parts;
    bool isTuple = false;
};

/// The parameters and the body of a macro or a call block.
struct MacroSource {
    std::string name;
    std::vector<std::string> parameters;
    std::vector<ExpressionPtr> defaults;  ///< of the last parameters
    Body body;
    bool usesVarargs = false, usesKwargs = false, usesCaller = false;
};

enum class StatementKind {
    Text,
    Output,
    For,
    If,  ///< expressions[i] guards bodies[i]; a last body without an expression is the else
    Set,
    SetBlock,
    Macro,
    CallBlock,
    FilterBlock,
    With,
    Scope,  ///< generation: its body, in a scope of its own
    Break,
    Continue
};

struct Statement {
    StatementKind kind = StatementKind::Text;
    int line = 0;
    std::string text;
    std::vector<ExpressionPtr> expressions;  ///< For: what is visited, then the condition if there is one
    std::vector<Target> targets;
    std::vector<Body> bodies;  ///< For: the body, then the else
    MacroSource macro;
};

}  // namespace prefbench::text::templates
