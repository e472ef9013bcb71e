#pragma once

#include <cstddef>
#include <string>

#include "core/files/error.h"

namespace prefbench::text {

/// How long one text may become on its way through the steps of a tokenizer.json. Forty steps that each double a text
/// fit in two kilobytes and would fill any memory.
class GrowthLimit {
  public:
    /// `textBytes`: of the text before any step. `what` names the file and must outlive this.
    GrowthLimit(std::size_t textBytes, const std::string& what) : textBytes_(textBytes), what_(what) {}

    /// Error where a step makes more than `bytes` of it.
    void check(std::size_t bytes) const {
        if (bytes > least && bytes / factor > textBytes_) {
            throw Error(what_ + ": its steps make a text of " + std::to_string(textBytes_) + " bytes more than " +
                        std::to_string(factor) + " times as long");
        }
    }

  private:
    static constexpr std::size_t least = std::size_t{64} << 10;
    static constexpr std::size_t factor = 64;

    std::size_t textBytes_;
    const std::string& what_;
};

}  // namespace prefbench::text
