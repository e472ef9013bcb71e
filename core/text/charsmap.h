#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/growth_limit.h"

namespace prefbench::text {

/// SentencePiece's precompiled character map: a double-array trie (Yata et al., darts-clone) from texts to places in a
/// pool of replacements, each ended by a zero byte. Immutable.
class Charsmap {
  public:
    /// Checks all that a walk can reach, so that no map leads outside its bytes; Error naming `what` otherwise.
    Charsmap(std::string_view bytes, const std::string& what);

    /// Replaces as the `tokenizers` library does: a grapheme below six bytes by what its shortest mapped beginning maps
    /// to, all of it; otherwise each of its characters on its own. Error where the result is beyond the limit.
    std::string apply(std::string_view text, const GrowthLimit& limit) const;

  private:
    void readUnits(std::string_view bytes);
    void checkUnits(const std::string& what) const;
    void checkUnit(std::size_t index, const std::string& what) const;
    bool find(std::string_view text, std::string_view& replacement) const;
    void appendGrapheme(std::string_view grapheme, std::string& out) const;

    std::vector<std::uint32_t> units_;
    std::string pool_;
};

}  // namespace prefbench::text
