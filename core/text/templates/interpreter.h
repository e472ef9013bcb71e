#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/text/templates/tree.h"

namespace prefbench::text::templates {

/// The variables of a block. A name is looked for here, then in the block around it in the source.
struct Scope {
    std::shared_ptr<Scope> outer;
    std::unordered_map<std::string, Value> variables;
};
using ScopePtr = std::shared_ptr<Scope>;

/// One rendering of one template. Reaches nothing but the values it is given and the clock (strftime_now).
class Interpreter {
  public:
    explicit Interpreter(Budget& budget);
    /// Empties what may hold itself.
    ~Interpreter();
    Interpreter(const Interpreter&) = delete;
    Interpreter& operator=(const Interpreter&) = delete;

    void setVariable(const std::string& name, Value value) { root_->variables[name] = std::move(value); }
    /// Throws Failure, of the line line().
    std::string render(const Body& body);
    int line() const { return line_; }

  private:
    enum class Flow { Normal, Break, Continue };

    // statements.cpp
    Flow execute(const Body& body, const ScopePtr& scope, TextBuilder& out);
    Flow execute(const Statement& statement, const ScopePtr& scope, TextBuilder& out);
    void executeFor(const Statement& statement, const ScopePtr& scope, TextBuilder& out, Flow& flow);
    Flow executeIf(const Statement& statement, const ScopePtr& scope, TextBuilder& out);
    void executeWith(const Statement& statement, const ScopePtr& scope, TextBuilder& out);
    Items visited(const Statement& statement, const ScopePtr& scope);
    void assign(const Target& target, Value value, const ScopePtr& scope);
    void assignAttribute(const Target& target, Value value, const ScopePtr& scope);
    /// What a body writes, in a scope of its own.
    Value written(const Body& body, const ScopePtr& scope);
    Value makeMacro(const MacroSource& source, const ScopePtr& scope);
    Value callMacro(const MacroSource& source, const ScopePtr& definition, const Arguments& arguments);
    void bindParameters(const MacroSource& source, const Arguments& arguments, const ScopePtr& scope);
    Value callWithCaller(const Statement& statement, const ScopePtr& scope);
    Value makeNamespace(const Arguments& arguments);

    // expressions.cpp
    Value evaluate(const Expression& expression, const ScopePtr& scope);
    Value evaluateChild(const Expression& expression, std::size_t child, const ScopePtr& scope);
    std::vector<Value> evaluateChildren(const Expression& expression, const ScopePtr& scope);
    Value lookUp(const std::string& name, const ScopePtr& scope) const;
    Value evaluateDict(const Expression& expression, const ScopePtr& scope);
    Value evaluateConcat(const Expression& expression, const ScopePtr& scope);
    Value evaluateCompare(const Expression& expression, const ScopePtr& scope);
    Value evaluateConditional(const Expression& expression, const ScopePtr& scope);
    Value evaluateLogic(const Expression& expression, const ScopePtr& scope);
    Value evaluateCall(const Expression& expression, const ScopePtr& scope, const Value* caller = nullptr);
    Value applyFilters(const Expression* filter, Value value, const ScopePtr& scope);
    Value applyFilter(const Expression& filter, const Value& value, const ScopePtr& scope);
    Value evaluateTest(const Expression& expression, const ScopePtr& scope);
    Arguments evaluateArguments(const CallArguments& arguments, const ScopePtr& scope);

    Budget& budget_;
    ScopePtr root_;
    std::vector<ScopePtr> captured_;  ///< by macros, which may stand in them
    std::vector<std::shared_ptr<Namespace>> namespaces_;
    int line_ = 0;
};

}  // namespace prefbench::text::templates
