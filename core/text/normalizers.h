#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/files/json.h"
#include "core/text/growth_limit.h"

namespace prefbench::text {

/// Changes text before it is cut into words. Immutable.
class Normalizer {
  public:
    virtual ~Normalizer() = default;
    /// `keepsStart` becomes false where the result's first character does not come from the text's first. Error where
    /// the result is beyond the limit.
    virtual std::string apply(std::string_view text, bool& keepsStart, const GrowthLimit& limit) const = 0;
    /// Whether one character may become several.
    virtual bool mayExpand() const = 0;
    /// Whether what the text begins with may go.
    virtual bool mayDropStart() const = 0;
    /// Whether apply()'s `keepsStart` can be trusted: not where the start may go after it became several characters,
    /// of which only some went.
    virtual bool followsStart() const { return true; }
};

/// tokenizer.json's "normalizer": Lowercase, NFC, NFD, NFKC, NFKD, Precompiled, Prepend, Replace, Strip, Sequence;
/// nullptr for null. Another type is an Error.
std::unique_ptr<const Normalizer> makeNormalizer(const files::Json& json, const std::string& what);

}  // namespace prefbench::text
