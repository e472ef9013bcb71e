#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files/json.h"
#include "core/text/tokenizer.h"

namespace prefbench::text {

/// From words to ids: tokenizer.json's "model". Safe to use from several threads.
class Model {
  public:
    virtual ~Model() = default;
    /// Appends the ids of one word. Error where the word holds what the vocabulary lacks and nothing stands for it.
    virtual void tokenize(std::string_view word, std::vector<TokenId>& ids) const = 0;
    virtual std::optional<TokenId> id(std::string_view token) const = 0;
    /// nullptr when there is no such id.
    virtual const std::string* token(TokenId id) const = 0;
    /// Number of entries; ids may have gaps.
    virtual std::int64_t size() const = 0;
};

/// BPE, Unigram or WordLevel. Another type is an Error; `what` names the file and the part.
std::unique_ptr<const Model> makeModel(const files::Json& json, const std::string& what);

}  // namespace prefbench::text
