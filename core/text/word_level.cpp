#include "core/text/word_level.h"

#include "core/text/json_fields.h"

namespace prefbench::text {

WordLevelModel::WordLevelModel(const files::Json& json, const std::string& what)
    : what_(what), vocabulary_(json, what), unknownToken_(requireString(json, "unk_token", what)) {}

void WordLevelModel::tokenize(std::string_view word, std::vector<TokenId>& ids) const {
    if (const auto known = vocabulary_.id(word)) {
        ids.push_back(*known);
    } else if (const auto unknown = vocabulary_.id(unknownToken_)) {
        ids.push_back(*unknown);
    } else {
        throw Error(what_ + ": the text holds a word that is not in the vocabulary, and neither is unk_token \"" +
                    unknownToken_ + "\"");
    }
}

}  // namespace prefbench::text
