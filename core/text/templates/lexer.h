#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/text/templates/value.h"

namespace prefbench::text::templates {

enum class TokenKind { Data, PrintBegin, PrintEnd, BlockBegin, BlockEnd, Name, Constant, Operator, End };

struct Token {
    TokenKind kind = TokenKind::End;
    int line = 1;
    std::string text;  ///< data, a name, or an operator
    Value constant;
};

/// A failure with the line of the template where it is.
class SyntaxFailure : public Failure {
  public:
    SyntaxFailure(int line, const std::string& reason) : Failure(reason), line(line) {}
    int line;
};

/// Jinja's tokens with trim_blocks and lstrip_blocks; comments are left out, raw blocks are data. The last token is
/// End.
std::vector<Token> tokenize(Budget& budget, std::string_view source);

}  // namespace prefbench::text::templates
