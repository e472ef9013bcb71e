#pragma once

#include "core/text/model.h"
#include "core/text/vocabulary.h"

namespace prefbench::text {

/// tokenizer.json's model "WordLevel": a word is an entry of the vocabulary, or the unknown token.
class WordLevelModel : public Model {
  public:
    WordLevelModel(const files::Json& json, const std::string& what);
    void tokenize(std::string_view word, std::vector<TokenId>& ids) const override;
    std::optional<TokenId> id(std::string_view token) const override { return vocabulary_.id(token); }
    const std::string* token(TokenId id) const override { return vocabulary_.token(id); }
    std::int64_t size() const override { return vocabulary_.size(); }

  private:
    std::string what_;
    Vocabulary vocabulary_;
    std::string unknownToken_;
};

}  // namespace prefbench::text
