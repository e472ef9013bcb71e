#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace prefbench::text {

/// One field of a Protocol Buffers message (https://protobuf.dev/programming-guides/encoding).
struct ProtoField {
    enum class Wire { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };
    std::uint64_t number = 0;
    Wire wire = Wire::Varint;
    std::uint64_t value = 0;  ///< of Varint, Fixed32 and Fixed64
    std::string_view bytes;   ///< of Bytes

    float asFloat() const { return std::bit_cast<float>(static_cast<std::uint32_t>(value)); }
    /// Negative numbers are stored as 64 bits.
    std::int64_t asInteger() const { return static_cast<std::int64_t>(value); }
};

/// Calls `onField` for each field in order; Error naming `what` where the message is cut off or no message.
void forEachField(std::string_view message, const std::string& what,
                  const std::function<void(const ProtoField&)>& onField);

}  // namespace prefbench::text
