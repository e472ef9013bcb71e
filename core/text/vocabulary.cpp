#include "core/text/vocabulary.h"

#include <limits>

#include "core/text/json_fields.h"

namespace prefbench::text {

Vocabulary::Vocabulary(const files::Json& model, const std::string& what) {
    const auto fail = [&what](const std::string& reason) { throw Error(what + ": " + reason); };
    const files::Json& vocabulary = requireField(model, "vocab", what);
    if (!vocabulary.is_object()) {
        fail("vocab must be an object of tokens and ids");
    }
    ids_.reserve(vocabulary.size());
    tokens_.reserve(vocabulary.size());
    for (const auto& [token, id] : vocabulary.items()) {
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() > std::numeric_limits<std::int32_t>::max()) {
            fail("the id of \"" + token + "\" must be a whole number below 2^31, found " + files::toLine(id));
        }
        const auto entry = ids_.emplace(token, id.get<std::int32_t>()).first;
        if (!tokens_.emplace(entry->second, &entry->first).second) {
            fail("\"" + *tokens_[entry->second] + "\" and \"" + token + "\" have the same id " +
                 std::to_string(entry->second));
        }
    }
}

std::optional<std::int32_t> Vocabulary::id(std::string_view token) const {
    const auto found = ids_.find(token);
    return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

const std::string* Vocabulary::token(TokenId id) const {
    if (id < 0 || id > std::numeric_limits<std::int32_t>::max()) {
        return nullptr;
    }
    const auto found = tokens_.find(static_cast<std::int32_t>(id));
    return found == tokens_.end() ? nullptr : found->second;
}

}  // namespace prefbench::text
