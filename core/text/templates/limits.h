#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "core/files/error.h"

namespace prefbench::text::templates {

/// What a template may cost. The largest templates in use take some thousand steps a message.
struct Limits {
    std::size_t templateBytes = std::size_t(1) << 20;
    int treeDepth = 150;  ///< of nested statements and expressions in the source
    std::int64_t steps = 5'000'000;
    std::size_t textBytes = std::size_t(16) << 20;  ///< of the output, and of any string on the way
    int callDepth = 1000;                           ///< of evaluations inside evaluations: recursive macros
    int valueDepth = 300;                           ///< of lists in lists
    std::size_t rangeLength = 100'000;
};

/// A failure while a template is read or rendered, without its line, which the interpreter adds.
class Failure : public Error {
  public:
    explicit Failure(const std::string& reason) : Error(reason), reason(reason) {}
    std::string reason;  ///< as it is, where what() is one line
};

/// What the template itself raised with raise_exception.
class Raised : public Failure {
  public:
    using Failure::Failure;
};

/// Counts what one rendering has cost, and throws Failure beyond the limits. All work whose amount depends on the
/// template or the conversation is counted, so no template runs for long or fills memory.
class Budget {
  public:
    explicit Budget(const Limits& limits) : limits_(limits), stepsLeft_(limits.steps) {}

    const Limits& limits() const { return limits_; }

    void step(std::size_t count = 1) {
        if (count > static_cast<std::size_t>(stepsLeft_)) {
            throw Failure("the template takes more than " + std::to_string(limits_.steps) + " steps");
        }
        stepsLeft_ -= static_cast<std::int64_t>(count);
    }

    /// A string of `bytes` is read or made.
    void text(std::size_t bytes) {
        if (bytes > limits_.textBytes) {
            throw Failure("a text is longer than " + std::to_string(limits_.textBytes) + " bytes");
        }
        step(bytes / bytesAStep);
    }

    void valueDepth(int depth) const {
        if (depth > limits_.valueDepth) {
            throw Failure("a value is nested deeper than " + std::to_string(limits_.valueDepth) + " levels");
        }
    }

    /// One evaluation inside another, for as long as it lives.
    class Nested {
      public:
        explicit Nested(Budget& budget) : budget_(budget) {
            if (budget_.depth_ >= budget_.limits_.callDepth) {
                throw Failure("calls are nested deeper than the limit of " + std::to_string(budget_.limits_.callDepth));
            }
            ++budget_.depth_;
        }
        ~Nested() { --budget_.depth_; }
        Nested(const Nested&) = delete;
        Nested& operator=(const Nested&) = delete;

      private:
        Budget& budget_;
    };

  private:
    static constexpr std::size_t bytesAStep = 32;

    Limits limits_;
    std::int64_t stepsLeft_;
    int depth_ = 0;
};

/// A text that grows within the budget.
class TextBuilder {
  public:
    explicit TextBuilder(Budget& budget) : budget_(budget) {}

    void add(std::string_view part) {
        if (part.size() > budget_.limits().textBytes - text_.size()) {
            budget_.text(text_.size() + part.size());
        }
        budget_.text(part.size());
        text_ += part;
    }
    std::string take() { return std::move(text_); }

  private:
    Budget& budget_;
    std::string text_;
};

}  // namespace prefbench::text::templates
