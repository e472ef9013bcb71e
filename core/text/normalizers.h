#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/files/json.h"

namespace prefbench::text {

/// Changes text before it is cut into words. Immutable.
class Normalizer {
  public:
    virtual ~Normalizer() = default;
    virtual std::string apply(std::string_view text) const = 0;
};

/// tokenizer.json's "normalizer": Prepend, Replace, Sequence; nullptr for null. Another type is an Error.
std::unique_ptr<const Normalizer> makeNormalizer(const files::Json& json, const std::string& what);

}  // namespace prefbench::text
