#pragma once

#include <QTest>
#include <string>

#include "core/files/error.h"

/// The message of the Error that `call` throws; empty when it throws none.
template <typename Call>
std::string errorOf(Call call) {
    try {
        call();
    } catch (const prefbench::Error& error) {
        return error.what();
    }
    return {};
}

inline bool holds(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// `call` must throw a prefbench::Error of one line that holds `part`.
#define EXPECT_ERROR(call, part)                                                                         \
    do {                                                                                                 \
        const std::string message_ = errorOf([&] { call; });                                             \
        QVERIFY2(!message_.empty(), "no Error was thrown");                                              \
        QVERIFY2(holds(message_, part), ("the message is: " + message_).c_str());                        \
        QVERIFY2(message_.find('\n') == std::string::npos, ("more than one line: " + message_).c_str()); \
    } while (false)
