#pragma once

#include <cstddef>
#include <cstdint>

namespace prefbench::fuzz {

/// As LLVMFuzzerCustomMutator, for input that begins with JSON (and may go on with a text, see `split`): mostly changes
/// the tree of values, so that what comes out is JSON again; now and then the bytes.
std::size_t mutateJson(std::uint8_t* data, std::size_t size, std::size_t maxSize, unsigned seed);

}  // namespace prefbench::fuzz
