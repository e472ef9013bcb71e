#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/files/json.h"
#include "core/text/tokenizer.h"

namespace prefbench::text {

struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
/// A map by text that a string_view is found in without a copy.
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

/// Tokens and their ids, as a model's "vocab" gives them: an object. Ids are below 2^31 and each token's own; they may
/// have gaps. Immutable.
class Vocabulary {
  public:
    Vocabulary(const files::Json& model, const std::string& what);

    std::optional<std::int32_t> id(std::string_view token) const;
    /// nullptr when there is no such id.
    const std::string* token(TokenId id) const;
    std::int64_t size() const { return static_cast<std::int64_t>(ids_.size()); }

  private:
    TextMap<std::int32_t> ids_;
    std::unordered_map<std::int32_t, const std::string*> tokens_;
};

}  // namespace prefbench::text
