#pragma once

#include <stdexcept>
#include <string>

namespace prefbench {

/// A failure whose message is one line that a user can act on: the file, the value, the rule it broke.
/// Thrown in core, caught at the edge of a process or thread.
class Error : public std::runtime_error {
  public:
    /// Names and values in `message` may come from a hostile file: control characters become spaces, what is
    /// not UTF-8 becomes U+FFFD, and of more than 2,000 bytes the middle is left out.
    explicit Error(const std::string& message);
};

}  // namespace prefbench
