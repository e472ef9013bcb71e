#include "core/text/templates/parser.h"

#include <algorithm>

#include "core/text/templates/filters.h"
#include "core/text/templates/lexer.h"
#include "core/text/templates/tests.h"

namespace prefbench::text::templates {

namespace {

using NewExpression = std::unique_ptr<Expression>;

/// The tokens, read one by one.
class TokenReader {
  public:
    TokenReader(Budget& budget, std::string_view source) : tokens_(tokenize(budget, source)) {}

    const Token& current() const { return tokens_[next_]; }
    const Token& following() const { return tokens_[std::min(next_ + 1, tokens_.size() - 1)]; }
    int line() const { return current().line; }
    const Token& take() {
        const Token& token = tokens_[next_];
        next_ += next_ + 1 < tokens_.size() ? 1 : 0;
        return token;
    }
    bool isKind(TokenKind kind) const { return current().kind == kind; }
    bool isName(std::string_view name) const { return isKind(TokenKind::Name) && current().text == name; }
    bool isOperator(std::string_view text) const { return isKind(TokenKind::Operator) && current().text == text; }
    bool isEnd() const { return isKind(TokenKind::PrintEnd) || isKind(TokenKind::BlockEnd) || isOperator(")"); }
    bool skipName(std::string_view name) { return isName(name) && skip(); }
    bool skipOperator(std::string_view text) { return isOperator(text) && skip(); }

    [[noreturn]] void fail(const std::string& reason) const { throw SyntaxFailure(line(), reason); }
    [[noreturn]] void unexpected(const std::string& expected) const {
        fail("expected " + expected + ", found " + shown());
    }
    void expectOperator(std::string_view text) {
        if (!skipOperator(text)) {
            unexpected("'" + std::string(text) + "'");
        }
    }
    void expectKind(TokenKind kind, const std::string& name) {
        if (!isKind(kind)) {
            unexpected(name);
        }
        take();
    }
    std::string expectName(const std::string& expected) {
        if (!isKind(TokenKind::Name)) {
            unexpected(expected);
        }
        return take().text;
    }

  private:
    bool skip() {
        take();
        return true;
    }
    std::string shown() const {
        switch (current().kind) {
            case TokenKind::Name:
            case TokenKind::Operator:
                return "'" + current().text.substr(0, 60) + "'";
            case TokenKind::Constant:
                return "a constant";
            case TokenKind::End:
                return "the end of the template";
            default:
                return "the end of the tag";
        }
    }

    std::vector<Token> tokens_;
    std::size_t next_ = 0;
};

class Parser {
  public:
    Parser(Budget& budget, std::string_view source) : budget_(budget), tokens_(budget, source) {}

    Body run() { return statements({}, "", 1); }

  private:
    /// Bounds the parser's own recursion.
    class Level {
      public:
        explicit Level(Parser& parser) : parser_(parser) {
            if (++parser_.level_ > parser_.budget_.limits().treeDepth) {
                parser_.tooDeep();
            }
        }
        ~Level() { --parser_.level_; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

      private:
        Parser& parser_;
    };

    [[noreturn]] void tooDeep() const {
        tokens_.fail("the template is nested deeper than " + std::to_string(budget_.limits().treeDepth) + " levels");
    }

    NewExpression make(ExpressionKind kind, int line, std::string name = {}) const {
        auto made = std::make_unique<Expression>();
        made->kind = kind;
        made->line = line;
        made->name = std::move(name);
        return made;
    }

    /// Chains like a + b + c are as deep as they are long, for whoever evaluates or deletes them.
    void deepen(Expression& parent, const ExpressionPtr& child) const {
        if (child != nullptr) {
            parent.depth = std::max(parent.depth, child->depth + 1);
            if (parent.depth > budget_.limits().treeDepth) {
                tooDeep();
            }
        }
    }
    void adopt(Expression& parent, ExpressionPtr child) const {
        deepen(parent, child);
        parent.children.push_back(std::move(child));
    }
    ExpressionPtr join(ExpressionKind kind, int line, ExpressionPtr a, ExpressionPtr b, std::string name = {}) const {
        NewExpression made = make(kind, line, std::move(name));
        adopt(*made, std::move(a));
        adopt(*made, std::move(b));
        return made;
    }

    // Statements

    /// Up to one of the tags `ends`, which is left as the current token; with no `ends`, up to the end.
    Body statements(const std::vector<std::string_view>& ends, std::string_view tag, int line) {
        const Level level(*this);
        Body body;
        while (!tokens_.isKind(TokenKind::End)) {
            const Token& token = tokens_.take();
            if (token.kind == TokenKind::Data) {
                auto text = makeStatement(StatementKind::Text, token.line);
                text->text = token.text;
                body.push_back(std::move(text));
            } else if (token.kind == TokenKind::PrintBegin) {
                auto output = makeStatement(StatementKind::Output, token.line);
                output->expressions.push_back(tuple());
                tokens_.expectKind(TokenKind::PrintEnd, "'}}'");
                body.push_back(std::move(output));
            } else {
                if (std::find(ends.begin(), ends.end(),
                              tokens_.isKind(TokenKind::Name) ? tokens_.current().text : "") != ends.end()) {
                    return body;
                }
                body.push_back(statement());
                tokens_.expectKind(TokenKind::BlockEnd, "'%}'");
            }
        }
        if (!ends.empty()) {
            tokens_.fail("the template ends inside '" + std::string(tag) + "' of line " + std::to_string(line));
        }
        return body;
    }

    Body block(const std::vector<std::string_view>& ends, std::string_view tag, int line) {
        tokens_.skipOperator(":");
        tokens_.expectKind(TokenKind::BlockEnd, "'%}'");
        return statements(ends, tag, line);
    }

    /// The body of a tag that ends in its end tag; `isBranch`: see parse().
    Body wholeBlock(std::string_view end, std::string_view tag, int line) {
        const bool outer = std::exchange(inBranch_, false);
        Body body = block({end}, tag, line);
        inBranch_ = outer;
        tokens_.take();
        return body;
    }

    std::unique_ptr<Statement> makeStatement(StatementKind kind, int line) const {
        auto made = std::make_unique<Statement>();
        made->kind = kind;
        made->line = line;
        return made;
    }

    std::unique_ptr<Statement> statement() {
        using Reader = std::unique_ptr<Statement> (Parser::*)(int);
        static const std::vector<std::pair<std::string_view, Reader>> readers = {
            {"for", &Parser::forStatement},     {"if", &Parser::ifStatement},
            {"set", &Parser::setStatement},     {"macro", &Parser::macroStatement},
            {"call", &Parser::callStatement},   {"filter", &Parser::filterStatement},
            {"with", &Parser::withStatement},   {"generation", &Parser::generationStatement},
            {"break", &Parser::breakStatement}, {"continue", &Parser::continueStatement}};
        const int line = tokens_.line();
        const std::string name = tokens_.expectName("the name of a tag");
        const auto found =
            std::find_if(readers.begin(), readers.end(), [&](const auto& reader) { return reader.first == name; });
        if (found == readers.end()) {
            throw SyntaxFailure(line, "unknown tag '" + name.substr(0, 60) + "'");
        }
        return (this->*found->second)(line);
    }

    std::unique_ptr<Statement> forStatement(int line) {
        auto made = makeStatement(StatementKind::For, line);
        made->targets.push_back(target("in"));
        if (!tokens_.skipName("in")) {
            tokens_.unexpected("'in'");
        }
        made->expressions.push_back(tuple(false, "recursive"));
        if (tokens_.skipName("if")) {
            made->expressions.push_back(expression());
        }
        if (tokens_.isName("recursive")) {
            tokens_.fail("recursive loops are not supported");
        }
        const bool outer = std::exchange(inBranch_, false);
        ++loops_;
        made->bodies.push_back(block({"endfor", "else"}, "for", line));
        --loops_;
        if (tokens_.take().text == "else") {
            made->bodies.push_back(block({"endfor"}, "for", line));
            tokens_.take();
        }
        inBranch_ = outer;
        return made;
    }

    std::unique_ptr<Statement> ifStatement(int line) {
        auto made = makeStatement(StatementKind::If, line);
        made->expressions.push_back(tuple(false));
        const bool outer = std::exchange(inBranch_, true);
        while (true) {
            made->bodies.push_back(block({"elif", "else", "endif"}, "if", line));
            const std::string tag = tokens_.take().text;
            if (tag == "elif") {
                made->expressions.push_back(tuple(false));
            } else {
                if (tag == "else") {
                    made->bodies.push_back(block({"endif"}, "if", line));
                    tokens_.take();
                }
                break;
            }
        }
        inBranch_ = outer;
        return made;
    }

    std::unique_ptr<Statement> setStatement(int line) {
        auto made = makeStatement(StatementKind::Set, line);
        made->targets.push_back(target("", true));
        if (tokens_.skipOperator("=")) {
            made->expressions.push_back(tuple());
            return made;
        }
        made->kind = StatementKind::SetBlock;
        made->expressions.push_back(filters(nullptr));
        made->bodies.push_back(wholeBlock("endset", "set", line));
        return made;
    }

    void signature(MacroSource& macro) {
        tokens_.expectOperator("(");
        while (!tokens_.isOperator(")")) {
            if (!macro.parameters.empty()) {
                tokens_.expectOperator(",");
            }
            macro.parameters.push_back(tokens_.expectName("a parameter's name"));
            if (tokens_.skipOperator("=")) {
                macro.defaults.push_back(expression());
            } else if (!macro.defaults.empty()) {
                tokens_.fail("a parameter without a default follows one that has a default");
            }
        }
        tokens_.expectOperator(")");
    }

    void macroBody(MacroSource& macro, std::string_view end, std::string_view tag, int line) {
        MacroSource* outer = std::exchange(macro_, &macro);
        const int loops = std::exchange(loops_, 0);
        macro.body = wholeBlock(end, tag, line);
        loops_ = loops;
        macro_ = outer;
    }

    std::unique_ptr<Statement> macroStatement(int line) {
        auto made = makeStatement(StatementKind::Macro, line);
        made->macro.name = tokens_.expectName("the macro's name");
        signature(made->macro);
        macroBody(made->macro, "endmacro", "macro", line);
        return made;
    }

    std::unique_ptr<Statement> callStatement(int line) {
        auto made = makeStatement(StatementKind::CallBlock, line);
        made->macro.name = "caller";
        if (tokens_.isOperator("(")) {
            signature(made->macro);
        }
        made->expressions.push_back(expression());
        if (made->expressions[0]->kind != ExpressionKind::Call) {
            throw SyntaxFailure(line, "'call' needs a call of a macro");
        }
        macroBody(made->macro, "endcall", "call", line);
        return made;
    }

    std::unique_ptr<Statement> filterStatement(int line) {
        auto made = makeStatement(StatementKind::FilterBlock, line);
        made->expressions.push_back(filters(oneFilter(nullptr)));
        made->bodies.push_back(wholeBlock("endfilter", "filter", line));
        return made;
    }

    std::unique_ptr<Statement> withStatement(int line) {
        auto made = makeStatement(StatementKind::With, line);
        while (!tokens_.isKind(TokenKind::BlockEnd)) {
            if (!made->targets.empty()) {
                tokens_.expectOperator(",");
            }
            made->targets.push_back(onlyTarget(false));
            tokens_.expectOperator("=");
            made->expressions.push_back(expression());
        }
        made->bodies.push_back(wholeBlock("endwith", "with", line));
        return made;
    }

    std::unique_ptr<Statement> generationStatement(int line) {
        auto made = makeStatement(StatementKind::Scope, line);
        const int loops = std::exchange(loops_, 0);
        made->bodies.push_back(wholeBlock("endgeneration", "generation", line));
        loops_ = loops;
        return made;
    }

    std::unique_ptr<Statement> breakStatement(int line) { return jump(StatementKind::Break, "break", line); }
    std::unique_ptr<Statement> continueStatement(int line) { return jump(StatementKind::Continue, "continue", line); }
    std::unique_ptr<Statement> jump(StatementKind kind, const std::string& name, int line) {
        if (loops_ == 0) {
            throw SyntaxFailure(line, "'" + name + "' outside a loop");
        }
        return makeStatement(kind, line);
    }

    // Targets

    Target onlyTarget(bool withNamespace) {
        const Level level(*this);
        if (tokens_.skipOperator("(")) {
            Target inner = target("", withNamespace);
            tokens_.expectOperator(")");
            return inner;
        }
        Target made;
        const int line = tokens_.line();
        made.name = tokens_.expectName("a name to assign to");
        static const std::vector<std::string_view> constants = {"true", "false", "none", "True", "False", "None"};
        if (std::find(constants.begin(), constants.end(), made.name) != constants.end()) {
            throw SyntaxFailure(line, "'" + made.name + "' cannot be assigned to");
        }
        if (withNamespace && tokens_.skipOperator(".")) {
            made.attribute = tokens_.expectName("an attribute's name");
        }
        return made;
    }

    /// One target or several with commas, up to the name `end`.
    Target target(std::string_view end, bool withNamespace = false) {
        Target first = onlyTarget(withNamespace);
        if (!tokens_.isOperator(",")) {
            return first;
        }
        Target made;
        made.isTuple = true;
        made.parts.push_back(std::move(first));
        while (tokens_.skipOperator(",")) {
            if (tokens_.isEnd() || tokens_.isOperator("=") || (!end.empty() && tokens_.isName(end))) {
                break;
            }
            made.parts.push_back(onlyTarget(withNamespace));
        }
        return made;
    }

    // Expressions, weakest binding first

    ExpressionPtr tuple(bool withCondition = true, std::string_view end = {}, bool mayBeEmpty = false) {
        NewExpression made = make(ExpressionKind::Tuple, tokens_.line());
        bool isTuple = false;
        while (!tokens_.isEnd() && (end.empty() || !tokens_.isName(end))) {
            adopt(*made, withCondition ? expression() : orExpression());
            if (!tokens_.skipOperator(",")) {
                break;
            }
            isTuple = true;
        }
        if (isTuple || (made->children.empty() && mayBeEmpty)) {
            return made;
        }
        if (made->children.empty()) {
            tokens_.unexpected("an expression");
        }
        return std::move(made->children[0]);
    }

    ExpressionPtr expression() {
        const Level level(*this);
        ExpressionPtr value = orExpression();
        while (tokens_.isName("if")) {
            NewExpression made = make(ExpressionKind::Conditional, tokens_.take().line);
            adopt(*made, orExpression());
            adopt(*made, std::move(value));
            adopt(*made, tokens_.skipName("else") ? expression() : nullptr);
            value = std::move(made);
        }
        return value;
    }

    ExpressionPtr orExpression() {
        ExpressionPtr left = andExpression();
        while (tokens_.isName("or")) {
            const int line = tokens_.take().line;
            left = join(ExpressionKind::Or, line, std::move(left), andExpression());
        }
        return left;
    }

    ExpressionPtr andExpression() {
        ExpressionPtr left = notExpression();
        while (tokens_.isName("and")) {
            const int line = tokens_.take().line;
            left = join(ExpressionKind::And, line, std::move(left), notExpression());
        }
        return left;
    }

    ExpressionPtr notExpression() {
        if (!tokens_.isName("not")) {
            return comparison();
        }
        const Level level(*this);
        NewExpression made = make(ExpressionKind::Not, tokens_.take().line);
        adopt(*made, notExpression());
        return made;
    }

    std::string comparisonOperator() {
        static const std::vector<std::string_view> operators = {"==", "!=", "<", "<=", ">", ">="};
        const bool isOperator =
            tokens_.isKind(TokenKind::Operator) &&
            std::find(operators.begin(), operators.end(), tokens_.current().text) != operators.end();
        if (isOperator || tokens_.isName("in")) {
            return tokens_.take().text;
        }
        if (tokens_.isName("not") && tokens_.following().kind == TokenKind::Name && tokens_.following().text == "in") {
            tokens_.take();
            tokens_.take();
            return "not in";
        }
        return {};
    }

    ExpressionPtr comparison() {
        ExpressionPtr first = sum();
        const int line = tokens_.line();
        std::string found = comparisonOperator();
        if (found.empty()) {
            return first;
        }
        NewExpression made = make(ExpressionKind::Compare, line);
        adopt(*made, std::move(first));
        for (; !found.empty(); found = comparisonOperator()) {
            made->operators.push_back(found);
            adopt(*made, sum());
        }
        return made;
    }

    ExpressionPtr sum() {
        ExpressionPtr left = concatenation();
        while (tokens_.isOperator("+") || tokens_.isOperator("-")) {
            const Token& sign = tokens_.take();
            left = join(ExpressionKind::Binary, sign.line, std::move(left), concatenation(), sign.text);
        }
        return left;
    }

    ExpressionPtr concatenation() {
        ExpressionPtr first = product();
        if (!tokens_.isOperator("~")) {
            return first;
        }
        NewExpression made = make(ExpressionKind::Concat, tokens_.line());
        adopt(*made, std::move(first));
        while (tokens_.skipOperator("~")) {
            adopt(*made, product());
        }
        return made;
    }

    ExpressionPtr product() {
        ExpressionPtr left = power();
        while (tokens_.isOperator("*") || tokens_.isOperator("/") || tokens_.isOperator("//") ||
               tokens_.isOperator("%")) {
            const Token& sign = tokens_.take();
            left = join(ExpressionKind::Binary, sign.line, std::move(left), power(), sign.text);
        }
        return left;
    }

    ExpressionPtr power() {
        ExpressionPtr left = unary(true);
        while (tokens_.isOperator("**")) {
            const int line = tokens_.take().line;
            left = join(ExpressionKind::Binary, line, std::move(left), unary(true), "**");
        }
        return left;
    }

    ExpressionPtr unary(bool withFilters) {
        const Level level(*this);
        ExpressionPtr made;
        if (tokens_.isOperator("-") || tokens_.isOperator("+")) {
            const Token& sign = tokens_.take();
            const auto kind = sign.text == "-" ? ExpressionKind::Negative : ExpressionKind::Positive;
            NewExpression signedValue = make(kind, sign.line);
            adopt(*signedValue, unary(false));
            made = std::move(signedValue);
        } else {
            made = primary();
        }
        made = postfix(std::move(made));
        return withFilters ? filtersAndTests(std::move(made)) : std::move(made);
    }

    ExpressionPtr primary() {
        const Token& token = tokens_.current();
        if (token.kind == TokenKind::Name) {
            return name();
        }
        if (token.kind == TokenKind::Constant) {
            return constant();
        }
        if (tokens_.skipOperator("(")) {
            ExpressionPtr inner = tuple(true, {}, true);
            tokens_.expectOperator(")");
            return inner;
        }
        if (tokens_.isOperator("[")) {
            return list();
        }
        if (tokens_.isOperator("{")) {
            return dict();
        }
        tokens_.unexpected("an expression");
    }

    ExpressionPtr name() {
        const Token& token = tokens_.take();
        NewExpression made = make(ExpressionKind::Name, token.line, token.text);
        if (token.text == "true" || token.text == "True" || token.text == "false" || token.text == "False") {
            made->kind = ExpressionKind::Constant;
            made->constant = Value(token.text == "true" || token.text == "True");
        } else if (token.text == "none" || token.text == "None") {
            made->kind = ExpressionKind::Constant;
        } else if (macro_ != nullptr) {
            macro_->usesVarargs = macro_->usesVarargs || token.text == "varargs";
            macro_->usesKwargs = macro_->usesKwargs || token.text == "kwargs";
            macro_->usesCaller = macro_->usesCaller || token.text == "caller";
        }
        return made;
    }

    /// Strings beside each other are one.
    ExpressionPtr constant() {
        const Token& token = tokens_.take();
        NewExpression made = make(ExpressionKind::Constant, token.line);
        made->constant = token.constant;
        if (token.constant.text() != nullptr && tokens_.isKind(TokenKind::Constant)) {
            std::string text = *token.constant.text();
            while (tokens_.isKind(TokenKind::Constant) && tokens_.current().constant.text() != nullptr) {
                text += *tokens_.take().constant.text();
            }
            made->constant = makeText(budget_, std::move(text));
        }
        return made;
    }

    ExpressionPtr list() {
        NewExpression made = make(ExpressionKind::List, tokens_.take().line);
        while (!tokens_.isOperator("]")) {
            adopt(*made, expression());
            if (!tokens_.skipOperator(",")) {
                break;
            }
        }
        tokens_.expectOperator("]");
        return made;
    }

    ExpressionPtr dict() {
        NewExpression made = make(ExpressionKind::Dict, tokens_.take().line);
        while (!tokens_.isOperator("}")) {
            adopt(*made, expression());
            tokens_.expectOperator(":");
            adopt(*made, expression());
            if (!tokens_.skipOperator(",")) {
                break;
            }
        }
        tokens_.expectOperator("}");
        return made;
    }

    ExpressionPtr postfix(ExpressionPtr value) {
        while (true) {
            if (tokens_.isOperator(".") || tokens_.isOperator("[")) {
                value = subscript(std::move(value));
            } else if (tokens_.isOperator("(")) {
                value = call(std::move(value));
            } else {
                return value;
            }
        }
    }

    ExpressionPtr subscript(ExpressionPtr value) {
        const Token& token = tokens_.take();
        if (token.text == "[") {
            ExpressionPtr made = subscripted(std::move(value), token.line);
            tokens_.expectOperator("]");
            return made;
        }
        if (tokens_.isKind(TokenKind::Constant) && tokens_.current().constant.as<std::int64_t>() != nullptr) {
            return join(ExpressionKind::Item, token.line, std::move(value), constant());
        }
        NewExpression made =
            make(ExpressionKind::Attribute, token.line, tokens_.expectName("a name or a number after '.'"));
        adopt(*made, std::move(value));
        return made;
    }

    ExpressionPtr subscripted(ExpressionPtr value, int line) {
        ExpressionPtr first = tokens_.isOperator(":") ? nullptr : expression();
        if (first != nullptr && !tokens_.isOperator(":")) {
            return join(ExpressionKind::Item, line, std::move(value), std::move(first));
        }
        NewExpression made = make(ExpressionKind::Slice, line);
        adopt(*made, std::move(value));
        adopt(*made, std::move(first));
        for (int part = 0; part < 2; ++part) {
            const bool isGiven = tokens_.skipOperator(":") && !tokens_.isOperator(":") && !tokens_.isOperator("]");
            adopt(*made, isGiven ? expression() : nullptr);
        }
        return made;
    }

    ExpressionPtr call(ExpressionPtr callee) {
        NewExpression made = make(ExpressionKind::Call, tokens_.line());
        adopt(*made, std::move(callee));
        arguments(*made);
        return made;
    }

    void arguments(Expression& owner) {
        CallArguments& found = owner.arguments;
        tokens_.expectOperator("(");
        while (!tokens_.isOperator(")")) {
            const bool isOver = found.doubleStar != nullptr;
            if (tokens_.skipOperator("**")) {
                refuseArgument(isOver);
                deepen(owner, found.doubleStar = expression());
            } else if (tokens_.skipOperator("*")) {
                refuseArgument(isOver || found.star != nullptr);
                deepen(owner, found.star = expression());
            } else if (tokens_.isKind(TokenKind::Name) && tokens_.following().kind == TokenKind::Operator &&
                       tokens_.following().text == "=") {
                refuseArgument(isOver);
                const std::string name = tokens_.take().text;
                tokens_.take();
                deepen(owner, found.named.emplace_back(name, expression()).second);
            } else {
                refuseArgument(isOver || found.star != nullptr || !found.named.empty());
                deepen(owner, found.positional.emplace_back(expression()));
            }
            if (!tokens_.skipOperator(",")) {
                break;
            }
        }
        tokens_.expectOperator(")");
    }

    void refuseArgument(bool isMisplaced) const {
        if (isMisplaced) {
            tokens_.fail("an argument stands where none may stand");
        }
    }

    ExpressionPtr filtersAndTests(ExpressionPtr value) {
        while (true) {
            if (tokens_.skipOperator("|")) {
                value = oneFilter(std::move(value));
            } else if (tokens_.isName("is")) {
                value = test(std::move(value));
            } else if (tokens_.isOperator("(")) {
                value = call(std::move(value));
            } else {
                return value;
            }
        }
    }

    ExpressionPtr filters(ExpressionPtr value) {
        while (tokens_.skipOperator("|")) {
            value = oneFilter(std::move(value));
        }
        return value;
    }

    std::string dottedName(const std::string& expected) {
        std::string name = tokens_.expectName(expected);
        while (tokens_.skipOperator(".")) {
            name += "." + tokens_.expectName(expected);
        }
        return name;
    }

    ExpressionPtr oneFilter(ExpressionPtr value) {
        const int line = tokens_.line();
        NewExpression made = make(ExpressionKind::Filter, line, dottedName("a filter's name"));
        if (!inBranch_ && findFilter(made->name) == nullptr) {
            throw SyntaxFailure(line, unknownFilter(made->name));
        }
        adopt(*made, std::move(value));
        if (tokens_.isOperator("(")) {
            arguments(*made);
        }
        return made;
    }

    ExpressionPtr test(ExpressionPtr value) {
        const int line = tokens_.take().line;
        const bool isNegated = tokens_.skipName("not");
        NewExpression made = make(ExpressionKind::Test, line, dottedName("a test's name"));
        if (!inBranch_ && findTest(made->name) == nullptr) {
            throw SyntaxFailure(line, unknownTest(made->name));
        }
        adopt(*made, std::move(value));
        const bool startsValue = tokens_.isKind(TokenKind::Constant) || tokens_.isOperator("[") ||
                                 tokens_.isOperator("{") ||
                                 (tokens_.isKind(TokenKind::Name) && !tokens_.isName("else") && !tokens_.isName("or") &&
                                  !tokens_.isName("and"));
        if (tokens_.isOperator("(")) {
            arguments(*made);
        } else if (tokens_.isName("is")) {
            tokens_.fail("tests cannot be chained with 'is'");
        } else if (startsValue) {
            deepen(*made, made->arguments.positional.emplace_back(postfix(primary())));
        }
        if (!isNegated) {
            return made;
        }
        NewExpression negated = make(ExpressionKind::Not, line);
        adopt(*negated, std::move(made));
        return negated;
    }

    Budget& budget_;
    TokenReader tokens_;
    int level_ = 0;
    int loops_ = 0;
    bool inBranch_ = false;
    MacroSource* macro_ = nullptr;
};

}  // namespace

Body parse(Budget& budget, std::string_view source) {
    return Parser(budget, source).run();
}

}  // namespace prefbench::text::templates
