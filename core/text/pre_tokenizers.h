#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"
#include "core/text/growth_limit.h"

namespace prefbench::text {

/// A text cut into pieces, none of them empty. Pieces are views of the caller's text or of `storage`.
struct Pieces {
    GrowthLimit limit;  ///< of all pieces together
    std::vector<std::string_view> pieces{};
    std::deque<std::string> storage{};
    bool beginText = false;  ///< the first piece begins where the whole text begins
};

/// Cuts every piece into smaller ones, or changes how they are spelled. Immutable.
class PreTokenizer {
  public:
    virtual ~PreTokenizer() = default;
    virtual void apply(Pieces& pieces) const = 0;
    /// Whether `beginText` changes the result.
    virtual bool asksForStart() const { return false; }
};

/// tokenizer.json's "pre_tokenizer": ByteLevel, CharDelimiterSplit, Digits, Metaspace, Punctuation, Split,
/// Whitespace, WhitespaceSplit, Sequence; nullptr for null. Another type is an Error.
std::unique_ptr<const PreTokenizer> makePreTokenizer(const files::Json& json, const std::string& what);

}  // namespace prefbench::text
