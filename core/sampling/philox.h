#pragma once

#include <array>
#include <cstdint>

namespace prefbench::sampling {

/// Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3" (SC 2011): a random
/// function of counter and key, without state, so that any draw can be made in any order and anywhere.
using PhiloxCounter = std::array<std::uint32_t, 4>;
using PhiloxKey = std::array<std::uint32_t, 2>;

constexpr PhiloxCounter philox4x32(PhiloxCounter counter, PhiloxKey key) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t first = std::uint64_t{0xD2511F53} * counter[0];
        const std::uint64_t second = std::uint64_t{0xCD9E8D57} * counter[2];
        counter = {static_cast<std::uint32_t>(second >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(second),
                   static_cast<std::uint32_t>(first >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(first)};
        key = {key[0] + 0x9E3779B9, key[1] + 0xBB67AE85};
    }
    return counter;
}

/// The number in [0, 1) that decides one token: a multiple of 2⁻⁵², so that its product with a sum of probabilities
/// stays below that sum after rounding. The same for the same arguments, whatever else is drawn.
constexpr double uniform(std::uint64_t seed, std::uint64_t promptKey, std::uint32_t sample, std::uint32_t position) {
    const auto low = [](std::uint64_t x) { return static_cast<std::uint32_t>(x); };
    const auto high = [](std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); };
    const PhiloxCounter bits = philox4x32({low(promptKey), high(promptKey), sample, position}, {low(seed), high(seed)});
    const std::uint64_t mantissa = (std::uint64_t{bits[0]} << 32 | bits[1]) >> 12;
    return static_cast<double>(mantissa) * 0x1p-52;
}

}  // namespace prefbench::sampling
