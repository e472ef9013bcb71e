#pragma once

#include <stdexcept>
#include <string>

namespace prefbench {

/// A failure whose message is one line that a user can act on: the file, the value, the rule it broke.
/// Thrown in core, caught at the edge of a process or thread.
class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};

}  // namespace prefbench
