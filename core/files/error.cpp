#include "core/files/error.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace prefbench {

namespace {

constexpr std::size_t maxBytes = 2000;
constexpr std::size_t maxEndBytes = 600;  // the rule mostly stands there

bool continuesCharacter(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Values are quoted by their first bytes, and names of files may be anything.
std::string asUtf8(const std::string& text) {
    if (std::all_of(text.begin(), text.end(), [](char byte) { return static_cast<unsigned char>(byte) < 0x80; })) {
        return text;
    }
    using nlohmann::json;
    return json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
}

std::string asOneLine(std::string message) {
    if (message.size() > maxBytes) {
        std::size_t begin = maxBytes - maxEndBytes;
        std::size_t end = message.size() - maxEndBytes;
        while (begin > 0 && continuesCharacter(message[begin])) {
            --begin;
        }
        while (end < message.size() && continuesCharacter(message[end])) {
            ++end;
        }
        message.replace(begin, end - begin, " … ");
    }
    const auto isControl = [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7F; };
    std::replace_if(message.begin(), message.end(), isControl, ' ');
    return asUtf8(message);
}

}  // namespace

Error::Error(const std::string& message) : std::runtime_error(asOneLine(message)) {}

}  // namespace prefbench
