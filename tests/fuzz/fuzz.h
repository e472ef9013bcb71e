#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <typeinfo>

#include "core/files/error.h"
#include "core/text/utf8.h"

namespace prefbench::fuzz {

/// Ends the run, and keeps its input, where `holds` is false.
inline void require(bool holds, const char* invariant) {
    if (!holds) {
        std::fprintf(stderr, "broken invariant: %s\n", invariant);
        std::abort();
    }
}

/// What every Error promises: one line that a user can read.
inline void requireReadable(const Error& error) {
    const std::string_view message = error.what();
    require(!message.empty(), "an Error says something");
    require(message.find_first_of("\n\r") == std::string_view::npos, "an Error is one line");
    require(message.size() <= 4096, "an Error is a line that fits a screen");
    require(text::validUtf8Length(message) == message.size(), "an Error is UTF-8");
}

/// Does `work`; whether it went through. Refusing a file is an Error; any other exception ends the run.
template <typename Work>
bool accepted(const Work& work) {
    try {
        work();
        return true;
    } catch (const Error& error) {
        requireReadable(error);
        return false;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "not an Error but %s: %s\n", typeid(error).name(), error.what());
        std::abort();
    }
}

/// A target's input: a file, and after the last line "=====" a text to use it on.
struct FileAndText {
    std::string_view file;
    std::string_view text;
};

inline FileAndText split(std::string_view input, std::string_view textIfNone) {
    static constexpr std::string_view border = "\n=====\n";
    const std::size_t found = input.rfind(border);
    if (found == std::string_view::npos) {
        return {input, textIfNone};
    }
    return {input.substr(0, found), input.substr(found + border.size())};
}

inline std::string_view viewOf(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

}  // namespace prefbench::fuzz
