#pragma once

#include <string>

#include "core/files/error.h"
#include "core/files/json.h"
#include "core/text/utf8.h"

namespace prefbench::text {

/// Reading of tokenizer.json's parts. `what` names file and part and starts every message.

inline const files::Json& requireField(const files::Json& json, const char* key, const std::string& what) {
    if (!json.is_object() || !json.contains(key)) {
        throw Error(what + ": " + key + " is missing");
    }
    return json[key];
}

inline std::string requireString(const files::Json& json, const char* key, const std::string& what) {
    const files::Json& value = requireField(json, key, what);
    if (!value.is_string()) {
        throw Error(what + ": " + key + " must be a string, found " + files::toLine(value));
    }
    return value.get<std::string>();
}

inline std::string stringOr(const files::Json& json, const char* key, const char* missing, const std::string& what) {
    return json.contains(key) ? requireString(json, key, what) : missing;
}

inline std::string requireCharacter(const files::Json& json, const char* key, const std::string& what) {
    std::string character = requireString(json, key, what);
    if (character.empty() || validCharacterLength(character) != character.size()) {
        throw Error(what + ": " + key + " must be one character, found " + files::toLine(files::Json(character)));
    }
    return character;
}

inline const files::Json& requireArray(const files::Json& json, const char* key, const std::string& what) {
    const files::Json& value = requireField(json, key, what);
    if (!value.is_array()) {
        throw Error(what + ": " + key + " must be an array");
    }
    return value;
}

inline bool boolOr(const files::Json& json, const char* key, bool missing, const std::string& what) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) {
        return missing;
    }
    if (!found->is_boolean()) {
        throw Error(what + ": " + key + " must be true or false, found " + files::toLine(*found));
    }
    return found->get<bool>();
}

inline bool requireBool(const files::Json& json, const char* key, const std::string& what) {
    requireField(json, key, what);
    return boolOr(json, key, false, what);
}

inline std::size_t requireCount(const files::Json& json, const char* key, const std::string& what) {
    const files::Json& value = requireField(json, key, what);
    if (!value.is_number_unsigned()) {
        throw Error(what + ": " + key + " must be a whole number, found " + files::toLine(value));
    }
    return value.get<std::size_t>();
}

[[noreturn]] inline void refuseType(const std::string& type, const std::string& what) {
    throw Error(what + ": \"" + type + "\" is not supported");
}

}  // namespace prefbench::text
