#pragma once

#include <memory>
#include <vector>

#include "core/files/json.h"
#include "core/text/tokenizer.h"

namespace prefbench::text {

/// Puts special tokens around a text's ids. Immutable.
class PostProcessor {
  public:
    virtual ~PostProcessor() = default;
    virtual void apply(std::vector<TokenId>& ids) const = 0;
};

/// tokenizer.json's "post_processor": ByteLevel, TemplateProcessing, Sequence; nullptr where nothing is to be done.
/// Another type is an Error.
std::unique_ptr<const PostProcessor> makePostProcessor(const files::Json& json, const std::string& what);

}  // namespace prefbench::text
