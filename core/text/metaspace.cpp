#include "core/text/metaspace.h"

#include "core/text/json_fields.h"
#include "core/text/utf8.h"

namespace prefbench::text {

namespace {

Metaspace::Prepend prependFromJson(const files::Json& json, const std::string& what) {
    const auto scheme = json.find("prepend_scheme");
    if (scheme == json.end()) {
        return Metaspace::Prepend::Always;
    }
    if (*scheme == "always") {
        return Metaspace::Prepend::Always;
    }
    if (*scheme == "first") {
        return Metaspace::Prepend::First;
    }
    if (*scheme == "never") {
        return Metaspace::Prepend::Never;
    }
    throw Error(what + ": prepend_scheme " + files::toLine(*scheme) + " is not supported");
}

}  // namespace

Metaspace metaspaceFromJson(const files::Json& json, const std::string& what) {
    Metaspace metaspace;
    metaspace.replacement = requireCharacter(json, "replacement", what);
    metaspace.prepend = prependFromJson(json, what);
    metaspace.split = boolOr(json, "split", true, what);
    // Older files say this instead; the reference refuses the contradiction too.
    if (!boolOr(json, "add_prefix_space", true, what) && metaspace.prepend != Metaspace::Prepend::Never) {
        throw Error(what + ": add_prefix_space is false, but prepend_scheme is not \"never\"");
    }
    return metaspace;
}

std::string replaceAll(std::string_view text, std::string_view from, std::string_view to) {
    std::string result;
    result.reserve(text.size());
    std::size_t done = 0;
    for (std::size_t found = text.find(from); found != std::string_view::npos; found = text.find(from, done)) {
        result.append(text, done, found - done).append(to);
        done = found + from.size();
    }
    return result.append(text, done);
}

}  // namespace prefbench::text
